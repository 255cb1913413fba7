"""A clock that moves only when told to."""

import datetime as dt

from typing_extensions import override

from guesthouse.kit.clock import Clock

START = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


class FakeClock(Clock):
    def __init__(self, start: dt.datetime = START) -> None:
        self._now = start
        self._elapsed = 0.0

    @override
    def now(self) -> dt.datetime:
        return self._now

    @override
    def monotonic(self) -> float:
        return self._elapsed

    @override
    async def sleep(self, duration: dt.timedelta) -> None:
        self.advance(duration)

    def advance(self, duration: dt.timedelta) -> None:
        self._now += duration
        self._elapsed += duration.total_seconds()
