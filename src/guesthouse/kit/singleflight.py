"""Equal questions asked at once are worked out once; each who asked gets that answer."""

import asyncio
import datetime as dt
import functools
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from guesthouse.kit.clock import Clock

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class SingleFlight(Generic[Key, Value]):
    """Shares answers among those who ask while one is being worked out; keeps none afterwards."""

    def __init__(self, clock: Clock, *, joinable: dt.timedelta) -> None:
        """Share answers.

        Args:
            clock: Measures how old an answer is that is not there yet.
            joinable: How old it may be for somebody else to join in: what they are told may lack
                what changed in that time.
        """
        self._clock = clock
        self._joinable_seconds = joinable.total_seconds()
        self._flights: dict[Key, _Flight[Value]] = {}

    async def ask(self, key: Key, work_out: Callable[[], Awaitable[Value]]) -> Value:
        """Return an answer; whoever gives up waiting leaves the others theirs.

        Args:
            key: What is asked. It must hold all that the answer depends on.
            work_out: Called where nobody is at it, in a task of its own.

        Raises:
            Exception: What `work_out` raised, to each who waited for it.
        """
        now = self._clock.monotonic()
        flight = self._flights.get(key)
        if flight is None or now - flight.begun_seconds > self._joinable_seconds:
            flight = _Flight(now, asyncio.ensure_future(_awaited(work_out)))
            self._flights[key] = flight
            flight.answer.add_done_callback(functools.partial(self._land, key))
        return await asyncio.shield(flight.answer)

    def _land(self, key: Key, answer: asyncio.Task[Value]) -> None:
        # One that took too long to be joined may have been followed by another.
        flight = self._flights.get(key)
        if flight is not None and flight.answer is answer:
            del self._flights[key]
        if not answer.cancelled():
            # Who waits is raised it. Had all given up, it would be reported as nobody's.
            answer.exception()


@dataclass(frozen=True)
class _Flight(Generic[Value]):
    begun_seconds: float
    answer: asyncio.Task[Value]


async def _awaited(work_out: Callable[[], Awaitable[Value]]) -> Value:
    return await work_out()
