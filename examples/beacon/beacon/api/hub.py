"""Hands events to everybody who listens, and lets nobody who is slow hold up the others."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

WAITING_LIMIT = 500

Event = dict[str, Any]


class Listener:
    """The events one listener has not fetched yet."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Event] = asyncio.Queue(WAITING_LIMIT)
        self._lost = False

    def offer(self, event: Event) -> None:
        """Add an event; a listener that is too far behind is given up."""
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            self._lost = True

    async def events(self) -> AsyncIterator[Event]:
        """Yield events as they come; end when one was lost, so the listener starts afresh."""
        while not self._lost:
            yield await self._waiting.get()


class Hub:
    """One event in, the same event out to each listener."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()

    def publish(self, event: Event) -> None:
        """Give an event to everybody who listens now."""
        for listener in self._listeners:
            listener.offer(event)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Listen until the block ends."""
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
