"""The only place that asks the machine for the time or waits for it to pass."""

import asyncio
import datetime as dt
import time
from typing import Protocol

from typing_extensions import override


class Clock(Protocol):
    """Where the time comes from; tests inject one that they move by hand."""

    def now(self) -> dt.datetime:
        """Return the current time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards, for durations."""
        ...

    async def sleep(self, duration: dt.timedelta) -> None:
        """Wait for the duration to pass."""
        ...


class SystemClock(Clock):
    """The machine's own clock."""

    @override
    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    @override
    def monotonic(self) -> float:
        return time.monotonic()

    @override
    async def sleep(self, duration: dt.timedelta) -> None:
        await asyncio.sleep(duration.total_seconds())
