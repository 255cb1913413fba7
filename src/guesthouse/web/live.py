"""Tells open pages that something changed. One look at the database serves all who watch.

An event says only that a topic is worth asking for anew; what there is to see then is the page's
own answer, within its reader's scope. Who does not see a thing is not told that it changed.
"""

import asyncio
import contextlib
import datetime as dt
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool

from guesthouse.environments.model import Standing
from guesthouse.environments.service import EnvironmentService
from guesthouse.errors import GuesthouseError
from guesthouse.kit.clock import Clock
from guesthouse.people import Scope, system_scope
from guesthouse.runs import RunService
from guesthouse.runs.model import Movement

POLL: Final = dt.timedelta(seconds=1)
HEARTBEAT: Final = dt.timedelta(seconds=10)
RECHECK: Final = dt.timedelta(seconds=3)
NEWEST_RUNS: Final = 100
"""A run may begin and end between two looks; it is among the newest then."""
KEPT_RUNS: Final = 2000
KEPT_DIGESTS: Final = 4000
"""Who watches names the topics, also such as do not exist: what is kept of them has an end."""
MAX_TOPICS: Final = 4

Readmit = Callable[[], Awaitable[Scope | None]]


@dataclass(frozen=True)
class Glance:
    """What the last look saw."""

    environments: tuple[Standing, ...] = ()
    runs: tuple[Movement, ...] = ()

    def digest(self, scope: Scope, topic: str) -> str:
        """Return what changes when anything of a topic does that the caller sees."""
        kind, _, name = topic.partition(":")
        facts: tuple[Standing | Movement, ...] = self.runs
        if kind != "runs":
            facts = (*self.environments, *self.runs)
        seen = [
            fact for fact in facts if scope.sees(fact.partner) and name in ("", fact.environment)
        ]
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


class Pulse:
    """Looks once a second while anybody watches."""

    def __init__(self, environments: EnvironmentService, runs: RunService, clock: Clock) -> None:
        self._environments = environments
        self._runs = runs
        self._glance = Glance()
        self._digests: dict[tuple[frozenset[str] | None, str], str] = {}
        self._kept: dict[str, Movement] = {}
        self._clock = clock
        self._watchers = 0
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator["Pulse"]:
        """Keep it looking while somebody watches; the last who leaves ends it."""
        if not self._watchers:
            self._see(await run_in_threadpool(self._look))
        self._watchers += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())
        try:
            yield self
        finally:
            self._watchers -= 1
            if not self._watchers and self._task is not None:
                self._task.cancel()
                self._task = None

    async def wait(self) -> None:
        """Wait for the next look, whatever it sees.

        Raises:
            GuesthouseError: The database is away.
        """
        task = self._task
        if task is not None and not task.done():
            await self._news.wait()
        if task is not None and task.done() and not task.cancelled():
            task.result()

    def digest(self, scope: Scope, topic: str) -> str:
        """Return what changes with a topic; worked out once for all who see the same."""
        key = (scope.partners, topic)
        if key not in self._digests:
            if len(self._digests) >= KEPT_DIGESTS:
                self._digests.clear()
            self._digests[key] = self._glance.digest(scope, topic)
        return self._digests[key]

    def _see(self, glance: Glance) -> None:
        if glance != self._glance:
            self._glance = glance
            self._digests.clear()

    async def _watch(self) -> None:
        try:
            while True:
                await self._clock.sleep(POLL)
                self._see(await run_in_threadpool(self._look))
                self._tell()
        finally:
            self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _look(self) -> Glance:
        scope = system_scope()
        found = {run.id: run for run in self._runs.movements(scope, newest=NEWEST_RUNS)}
        # A run that has ended is remembered: were it to leave for newer ones of somebody else,
        # its readers would be told of a change they do not see.
        ended = {name: run for name, run in self._kept.items() if run.state.is_terminal}
        self._kept = dict(sorted({**ended, **found}.items())[-KEPT_RUNS:])
        standings = self._environments.standings(scope)
        return Glance(tuple(standings), tuple(self._kept.values()))


class LiveStream:
    """The events of one open page."""

    def __init__(
        self, pulse: Pulse, clock: Clock, scope: Scope, topics: tuple[str, ...], readmit: Readmit
    ) -> None:
        self._pulse = pulse
        self._clock = clock
        self._scope = scope
        self._readmit = readmit
        self._told = dict.fromkeys(topics, "")
        self._spoke = self._checked = clock.monotonic()

    async def events(self) -> AsyncIterator[bytes]:
        """Yield an event for each topic that changed, until the reader may no longer read."""
        # While the database is away the page says since when it is stale, and comes back.
        with contextlib.suppress(GuesthouseError):
            async with self._pulse.watched():
                while await self._is_admitted():
                    for event in self._news():
                        yield event
                    await self._pulse.wait()

    def _news(self) -> list[bytes]:
        events = []
        for topic, before in self._told.items():
            digest = self._pulse.digest(self._scope, topic)
            if digest != before:
                self._told[topic] = digest
                events.append(f"event: {topic.partition(':')[0]}\ndata: {digest}\n\n".encode())
        now = self._clock.monotonic()
        if events:
            self._spoke = now
        elif now - self._spoke >= HEARTBEAT.total_seconds():
            self._spoke = now
            events.append(b": still here\n\n")
        return events

    async def _is_admitted(self) -> bool:
        now = self._clock.monotonic()
        if now - self._checked < RECHECK.total_seconds():
            return True
        self._checked = now
        try:
            # Their memberships may have changed since.
            scope = await self._readmit()
        except GuesthouseError:
            return False
        if scope is None:
            return False
        self._scope = scope
        return True


def topics_of(text: str) -> tuple[str, ...]:
    """Return the topics an address names: ``environments``, ``runs``, ``environment:<name>``."""
    named = dict.fromkeys(part for part in text.split(",") if _is_topic(part))
    return tuple(named)[:MAX_TOPICS]


def _is_topic(text: str) -> bool:
    kind, _, name = text.partition(":")
    return (kind in {"environments", "runs"} and not name) or (
        kind == "environment" and bool(name)
    )
