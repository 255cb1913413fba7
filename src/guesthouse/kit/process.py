"""The only place that starts programs: argv lists, no shell, time limits, a clean environment."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

LINE_LIMIT_BYTES = 1024 * 1024
GRACE = timedelta(seconds=10)


@dataclass(frozen=True)
class Completed:
    """What a program left behind."""

    argv: tuple[str, ...]
    code: int
    output: str
    """Standard output, decoded, bad bytes replaced."""
    errors: str
    """Standard error, likewise; empty where the two were merged."""

    @property
    def ok(self) -> bool:
        """Whether the program exited 0."""
        return self.code == 0


class ProcessTimeout(Exception):
    """A program ran longer than it may and was ended."""

    def __init__(self, argv: Sequence[str], limit: timedelta) -> None:
        super().__init__(f"{argv[0]} was ended after {limit.total_seconds():g} s")
        self.argv = tuple(argv)
        self.limit = limit


class ProgramMissing(Exception):
    """A program is not installed."""

    def __init__(self, program: str) -> None:
        super().__init__(f"{program} is not installed")
        self.program = program


def run(
    argv: Sequence[str],
    *,
    limit: timedelta,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> Completed:
    """Run a program to its end.

    Args:
        argv: The program and its arguments, passed on as they are.
        limit: How long it may take.
        cwd: Where it runs; None is here.
        env: Its whole environment; None is PATH, HOME and LANG of ours, nothing else.
        stdin: Bytes it reads.

    Raises:
        ProgramMissing: There is no such program.
        ProcessTimeout: It was ended at the limit.
    """
    try:
        done = subprocess.run(
            list(argv),
            input=stdin,
            capture_output=True,
            cwd=cwd,
            env=dict(env if env is not None else base_environment()),
            timeout=limit.total_seconds(),
            check=False,
        )
    except FileNotFoundError as exc:
        raise ProgramMissing(argv[0]) from exc
    except subprocess.TimeoutExpired as exc:
        raise ProcessTimeout(argv, limit) from exc
    return Completed(
        argv=tuple(argv),
        code=done.returncode,
        output=done.stdout.decode(errors="replace"),
        errors=done.stderr.decode(errors="replace"),
    )


async def stream(  # noqa: PLR0913 - each is one property of the program's run
    argv: Sequence[str],
    *,
    on_line: Callable[[str], None],
    limit: timedelta,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    grace: timedelta = GRACE,
    with_errors: bool = True,
) -> int:
    """Run a program, handing over each line of output and errors as it is written.

    The program gets a process group of its own; on cancel or timeout the whole group is
    ended, so nothing it started outlives it.

    Args:
        argv: The program and its arguments.
        on_line: Called with each line, without its end.
        limit: How long it may take.
        cwd: Where it runs; None is here.
        env: Its whole environment; None as for `run`.
        stdin: Bytes it reads.
        grace: How long it may take to end once asked to, before it is killed.
        with_errors: Whether what it writes to standard error counts as output, or is dropped.

    Returns:
        The exit code.

    Raises:
        ProgramMissing: There is no such program.
        ProcessTimeout: It was ended at the limit.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT if with_errors else asyncio.subprocess.DEVNULL,
            cwd=cwd,
            env=dict(env if env is not None else base_environment()),
            limit=LINE_LIMIT_BYTES,
            start_new_session=True,
        )
    except FileNotFoundError as exc:
        raise ProgramMissing(argv[0]) from exc
    try:
        async with asyncio.timeout(limit.total_seconds()):
            await _feed(process, stdin)
            async for line in _lines(process):
                on_line(line)
            return await process.wait()
    except TimeoutError as exc:
        raise ProcessTimeout(argv, limit) from exc
    finally:
        await _end(process, grace)


def start_detached(argv: Sequence[str], *, log: Path, env: Mapping[str, str]) -> int:
    """Start a program that outlives us, in a session of its own.

    Args:
        argv: The program and its arguments.
        log: Where its output and errors are appended.
        env: Its whole environment.

    Returns:
        Its process id.

    Raises:
        ProgramMissing: There is no such program.
    """
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env),
                start_new_session=True,
            )
        except FileNotFoundError as exc:
            raise ProgramMissing(argv[0]) from exc
    return process.pid


def end(pid: int) -> None:
    """Ask a process to end; one that is gone already is fine."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


def command_line(pid: int) -> tuple[str, ...]:
    """Return the argument list of a running process; empty where there is none."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(part.decode(errors="replace") for part in raw.split(b"\0") if part)


def base_environment() -> dict[str, str]:
    """Return the least a program needs: where programs are, a home, a UTF-8 locale."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8"}


async def _feed(process: asyncio.subprocess.Process, stdin: bytes) -> None:
    if process.stdin is None:
        return
    # A program that exits without reading its input is not at fault.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        # uvloop closes our end as soon as the program's is, and refuses even an empty write then.
        if stdin and not process.stdin.is_closing():
            process.stdin.write(stdin)
            await process.stdin.drain()
    process.stdin.close()


async def _lines(process: asyncio.subprocess.Process) -> AsyncIterator[str]:
    """Yield decoded lines; one longer than the limit comes in pieces."""
    if process.stdout is None:
        return
    while True:
        try:
            raw = await process.stdout.readuntil(b"\n")
        except asyncio.IncompleteReadError as exc:
            if exc.partial:
                yield exc.partial.decode(errors="replace")
            return
        except asyncio.LimitOverrunError as exc:
            raw = await process.stdout.readexactly(exc.consumed)
        yield raw.decode(errors="replace").rstrip("\r\n")


async def _end(process: asyncio.subprocess.Process, grace: timedelta) -> None:
    """End what is left of the process group: first asked, then made to."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(grace.total_seconds()):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
