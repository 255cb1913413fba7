"""Holds a run's newest log lines until they are stored; any thread may write."""

import threading
from collections.abc import Sequence

from guesthouse.kit.clock import Clock
from guesthouse.runs import logchunks
from guesthouse.runs.masking import Masker
from guesthouse.runs.model import LogLine, Stream

LIMIT_CHARACTERS = 64 * 1024 * 1024
"""What one attempt may write; a program that floods its log fills no disk."""
FULL = "the log is cut off here: it has reached 64 MiB"


class LogBuffer:
    """Masks, splits and keeps lines until the flusher takes them."""

    def __init__(self, clock: Clock, masker: Masker) -> None:
        self._clock = clock
        self._masker = masker
        self._lock = threading.Lock()
        self._lines: list[LogLine] = []
        self._written = 0
        self._is_full = False

    def write(self, step: str, text: str, stream: Stream) -> None:
        """Add the lines of a text."""
        at = self._clock.now()
        # Masked before it is split: a cut could go right through a secret.
        shown = logchunks.split(self._masker(text))
        lines = [LogLine(0, at, stream, step, line) for line in shown]
        with self._lock:
            if self._is_full:
                return
            self._lines += lines
            self._written += sum(len(line) + 1 for line in shown)
            if self._written > LIMIT_CHARACTERS:
                self._is_full = True
                self._lines.append(LogLine(0, at, Stream.NOTE, step, FULL))

    def take(self) -> list[LogLine]:
        """Remove and return what is held."""
        with self._lock:
            lines, self._lines = self._lines, []
        return lines

    def put_back(self, lines: Sequence[LogLine]) -> None:
        """Hold lines again that could not be stored."""
        with self._lock:
            self._lines = [*lines, *self._lines]
