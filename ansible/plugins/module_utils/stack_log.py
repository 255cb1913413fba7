"""The run's log on the instance: every line as it comes, at most so many bytes."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ansible_collections.guesthouse.platform.plugins.module_utils.stack_failure import (
    DiskFull,
    is_full,
)

LIMIT_BYTES = 64 * 1024 * 1024
TRUNCATED = b"\n[the log is full; what follows is left out]\n"


class RunLog:
    """An append-only file that the control plane follows while it grows."""

    def __init__(self, path: str, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._forgives = False
        self._at_line_start = True
        self._truncated = False
        try:
            Path(path).parent.mkdir(parents=True, mode=0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            self._file = os.open(path, flags, 0o600)
        except OSError as exc:
            if is_full(exc):
                what = "the log could not be opened"
                raise DiskFull(what) from exc
            raise

    @property
    def size_bytes(self) -> int:
        """How long the log is now."""
        return os.fstat(self._file).st_size

    def forgive(self) -> None:
        """Go on without the log when it can't be written: putting things back matters more."""
        self._forgives = True

    def note(self, sentence: str) -> None:
        """Write a line of our own, with the time."""
        start = "" if self._at_line_start else "\n"
        stamp = time.strftime("%H:%M:%S", time.gmtime())
        self.write(f"{start}[{stamp}] {sentence}\n".encode())

    def write(self, chunk: bytes) -> None:
        """Write bytes of a program's output as they came.

        Raises:
            DiskFull: There is no room for them, and nobody said to forgive that.
        """
        if not chunk or self._truncated:
            return
        self._at_line_start = chunk.endswith(b"\n")
        if self.size_bytes + len(chunk) > self._limit_bytes:
            self._truncated = True
            chunk = TRUNCATED
        self._put(chunk)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _put(self, chunk: bytes) -> None:
        try:
            while chunk:
                chunk = chunk[os.write(self._file, chunk) :]
        except OSError as exc:
            if self._forgives:
                return
            if is_full(exc):
                what = "the log could not be written"
                raise DiskFull(what) from exc
            raise
