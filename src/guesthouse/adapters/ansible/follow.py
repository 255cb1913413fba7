"""Passes on the lines of a log on the instance while a play runs."""

import asyncio
import contextlib
import datetime as dt
import os
from types import TracebackType
from typing import Self

from guesthouse.adapters.ansible.files import ssh_options
from guesthouse.instances import Connection, OnLine, Play
from guesthouse.kit import process

IDLE = dt.timedelta(seconds=1)
"""How long the rest of the log may keep quiet at the end."""


class LogFollower:
    """Follows one log from its beginning until all that was written has been read."""

    def __init__(self, play: Play, on_line: OnLine) -> None:
        self._play = play
        self._on_line = on_line
        self._read_bytes = 0
        self._expected: int | None = None
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    def expect(self, log_bytes: int | None) -> None:
        """Tell how long the log is in the end; None when nobody knows."""
        self._expected = log_bytes

    async def __aenter__(self) -> Self:
        """Start following, where the play has a log to follow."""
        if self._play.follow is not None:
            self._task = asyncio.create_task(self._follow(self._play.follow))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Read the rest, then stop."""
        if self._task is None:
            return
        try:
            if error is None:
                await self._rest()
        finally:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _rest(self) -> None:
        with contextlib.suppress(TimeoutError):
            while not self._is_complete():
                self._news.clear()
                async with asyncio.timeout(IDLE.total_seconds()):
                    await self._news.wait()

    def _is_complete(self) -> bool:
        return self._expected is not None and self._read_bytes >= self._expected

    async def _follow(self, path: str) -> None:
        await process.stream(
            follow_argv(self._play.connection, path, is_root=os.geteuid() == 0),
            on_line=self._line,
            limit=self._play.limit,
            # It complains of a log that is not there yet; what the log says is on standard output.
            with_errors=False,
        )

    def _line(self, line: str) -> None:
        self._read_bytes += _least_bytes(line)
        self._news.set()
        self._on_line(line)


def _least_bytes(line: str) -> int:
    """Return how many bytes a line had at least.

    What is no UTF-8 was replaced by a character of three bytes, and may have been one. Counted too
    high, the end of a log would be taken for read; counted too low, it only costs a moment.
    """
    return len(line.encode()) + 1 - 2 * line.count("\N{REPLACEMENT CHARACTER}")


def follow_argv(connection: Connection, path: str, *, is_root: bool = True) -> list[str]:
    """Return the program that prints a log from its first byte and goes on as it grows.

    Args:
        connection: Where the log is.
        path: Made of our own names only, so it needs no quoting on the other side.
        is_root: Whether we are root here.
    """
    tail = ["tail", "--bytes=+1", "--follow=name", "--retry", "--sleep-interval=0.1", "--", path]
    if connection.is_local:
        # What the module writes as root, only root reads. It ends when we are killed, too.
        ours = f"--pid={os.getpid()}"
        return [*([] if is_root else ["sudo", "-n"]), tail[0], "--silent", ours, *tail[1:]]
    key = [] if connection.key_file is None else ["-i", str(connection.key_file)]
    return [
        "ssh",
        *ssh_options(connection),
        *key,
        "-p",
        str(connection.port),
        "-l",
        connection.user,
        "--",
        connection.address,
        *([] if connection.user == "root" else ["sudo", "-n"]),
        *tail,
    ]
