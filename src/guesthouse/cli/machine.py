"""The machine as the checks see it; tests give one made up."""

import datetime as dt
import shutil
import socket
import sys
from collections.abc import Sequence
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

from typing_extensions import override

from guesthouse.kit import process

LIMIT = dt.timedelta(seconds=10)
CONNECT_SECONDS = 1.0


class Machine(Protocol):
    """What can be asked of a machine without changing it."""

    def output(self, *argv: str) -> str | None:
        """Return what a program printed, or None where it is missing or failed."""
        ...

    def has(self, program: str) -> bool:
        """Whether a program is installed."""
        ...

    def package(self, name: str) -> str | None:
        """Return the version of an installed Python package."""
        ...

    def python(self) -> tuple[int, ...]:
        """Return the version of the Python that runs."""
        ...

    def free_bytes(self, directory: Path) -> int:
        """Return the free space where a directory is, or will be."""
        ...

    def listens(self, port: int) -> bool:
        """Whether something listens on a port of this machine."""
        ...

    def read(self, file: Path) -> bytes | None:
        """Return a file's content, or None where it can't be read."""
        ...


class RealMachine(Machine):
    """This machine."""

    @override
    def output(self, *argv: str) -> str | None:
        done = _run(argv)
        return done.output + done.errors if done is not None and done.ok else None

    @override
    def has(self, program: str) -> bool:
        return shutil.which(program) is not None

    @override
    def package(self, name: str) -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    @override
    def python(self) -> tuple[int, ...]:
        return tuple(sys.version_info[:3])

    @override
    def free_bytes(self, directory: Path) -> int:
        there = next(path for path in (directory, *directory.parents) if path.exists())
        return shutil.disk_usage(there).free

    @override
    def listens(self, port: int) -> bool:
        with closing(socket.socket()) as probe:
            probe.settimeout(CONNECT_SECONDS)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    @override
    def read(self, file: Path) -> bytes | None:
        try:
            return file.read_bytes()
        except OSError:
            return None


def _run(argv: Sequence[str]) -> process.Completed | None:
    try:
        return process.run(argv, limit=LIMIT)
    except (process.ProgramMissing, process.ProcessTimeout):
        return None
