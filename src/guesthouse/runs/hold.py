"""A worker's hold on one run, and how it is told to let go."""

import asyncio
from enum import Enum

from guesthouse.kit.clock import Clock
from guesthouse.runs.attempts import Attempt
from guesthouse.runs.logbuffer import LogBuffer
from guesthouse.runs.masking import Masker


class Interruption(Enum):
    """Why a step is cut short."""

    CANCEL = "cancel"
    """Someone asked for the run's end."""
    STOP = "stop"
    """This worker stops."""
    FENCED = "fenced"
    """Another worker has taken up the run; nothing written here counts any more."""


class Hold:
    """One attempt at a run, with its log and its secrets."""

    def __init__(self, attempt: Attempt, clock: Clock) -> None:
        self.attempt = attempt
        self.masker = Masker()
        self.buffer = LogBuffer(clock, self.masker)
        self.interrupted = asyncio.Event()
        self.interruption: Interruption | None = None

    def interrupt(self, why: Interruption) -> None:
        """Cut the running step short; being fenced outranks every other reason."""
        if self.interruption is None or why is Interruption.FENCED:
            self.interruption = why
        self.interrupted.set()
