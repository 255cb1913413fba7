"""Programs on the instance: argv lists, a clean environment, output to the log as it comes."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess  # noqa: TID251 - the module runs on the instance, without the control plane's kit
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ansible_collections.guesthouse.platform.plugins.module_utils.stack_log import RunLog
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_watch import Watch

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PULSE_SECONDS = 0.1
GRACE_SECONDS = 5.0
TAIL_BYTES = 16 * 1024
CHUNK_BYTES = 64 * 1024


class TooLong(Exception):
    """A program ran longer than it may and was ended."""


@dataclass(frozen=True)
class Ended:
    """What a program left behind."""

    code: int
    """Exit code; negative is the signal that ended it."""
    tail: list[str]
    """Last lines of its output."""


class Runner:
    """Starts programs for one deployment."""

    def __init__(self, *, log: RunLog, watch: Watch, home: str, docker_host: str | None) -> None:
        """Remember where output goes.

        Args:
            log: Gets every byte the programs print.
            watch: Asked ten times a second whether to stop.
            home: Empty directory of ours: neither a user's Docker settings nor a repository's
                `.env` can change what a program does.
            docker_host: Address of the engine; None is the usual socket.
        """
        self._log = log
        self._watch = watch
        self._home = home
        self._environment = {
            "PATH": PATH,
            "HOME": home,
            "DOCKER_CONFIG": home,
            "LANG": "C.UTF-8",
            "BUILDKIT_PROGRESS": "plain",
        }
        if docker_host:
            self._environment["DOCKER_HOST"] = docker_host

    def run(
        self,
        argv: Sequence[str],
        *,
        on_pulse: Callable[[], object] | None = None,
        limit_seconds: float | None = None,
    ) -> Ended:
        """Run a program to its end.

        Args:
            argv: The program and its arguments.
            on_pulse: Called about ten times a second; what it raises ends the program.
            limit_seconds: How long it may take; None is as long as it likes.

        Raises:
            TooLong: It was ended at the limit.
            Cancelled: Somebody asked for an end; the program and its children are gone.
        """
        child = self.start(argv)
        try:
            return self._follow(child, on_pulse or _nothing, limit_seconds)
        finally:
            end_group(child)

    def start(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a program in a process group of its own, its output in a pipe."""
        return subprocess.Popen(  # noqa: S603 - argv lists only, made by the platform
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
            cwd=self._home,
            start_new_session=True,
        )

    def _follow(
        self,
        child: subprocess.Popen[bytes],
        on_pulse: Callable[[], object],
        limit_seconds: float | None,
    ) -> Ended:
        begun = time.monotonic()
        tail = b""
        for chunk in self._chunks(child):
            self._log.write(chunk)
            tail = (tail + chunk)[-TAIL_BYTES:]
            self._watch.check()
            on_pulse()
            if limit_seconds is not None and time.monotonic() - begun > limit_seconds:
                raise TooLong(argv_of(child))
        return Ended(child.wait(), tail.decode("utf-8", "replace").splitlines())

    @staticmethod
    def _chunks(child: subprocess.Popen[bytes]):  # noqa: ANN205 - an iterator of bytes
        """Yield output as it comes, and an empty chunk whenever none came for a pulse."""
        pipe = child.stdout
        if pipe is None:
            return
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while True:
                if not selector.select(PULSE_SECONDS):
                    # A child left behind may hold the pipe open; the program itself is done.
                    if child.poll() is not None:
                        return
                    yield b""
                    continue
                chunk = os.read(pipe.fileno(), CHUNK_BYTES)
                if not chunk:
                    return
                yield chunk


def argv_of(child: subprocess.Popen[bytes]) -> str:
    """Return the words a program was started with, for people."""
    words = child.args
    return words if isinstance(words, str) else " ".join(str(word) for word in words)


def end_group(child: subprocess.Popen[bytes]) -> None:
    """End a program and all it started: first kindly, then not."""
    if child.poll() is None:
        _signal_group(child, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_SECONDS)
    _signal_group(child, signal.SIGKILL)
    child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def _nothing() -> None:
    return None
