"""One look at a run for all who watch it: a hundred readers cost the database what one does."""

import asyncio
import contextlib
import datetime as dt
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from starlette.concurrency import run_in_threadpool

from guesthouse.kit.clock import Clock
from guesthouse.people import system_scope
from guesthouse.runs import LogLine, Run, RunService

POLL: Final = dt.timedelta(milliseconds=50)
TICK: Final = dt.timedelta(seconds=1)
KEPT_LINES: Final = 2000
PAGE_LINES: Final = 500


class Tail:
    """The newest lines of one run, and the run as it was before they were read."""

    def __init__(self, runs: RunService, clock: Clock, run: Run) -> None:
        self.run = run
        self.readers = 0
        self._runs = runs
        self._clock = clock
        self._scope = system_scope()  # who may read is each reader's own question
        self._lines: deque[LogLine] = deque(maxlen=KEPT_LINES)
        self._after = run.log_lines
        self._news = asyncio.Event()
        self._told = clock.monotonic()
        self._failure: Exception | None = None

    @property
    def start(self) -> int:
        """The line after which every line is kept here."""
        return self._lines[0].sequence - 1 if self._lines else self._after

    def lines(self, after: int) -> tuple[LogLine, ...]:
        """Return the kept lines that follow a number."""
        return tuple(line for line in self._lines if line.sequence > after)

    async def wait(self) -> None:
        """Wait for something new; also returns each second, so that readers may do their own.

        Raises:
            Exception: What kept the run from being read.
        """
        if self._failure is None:
            await self._news.wait()
        if self._failure is not None:
            raise self._failure

    async def watch(self) -> None:
        """Look again and again until the run has ended and all its lines are here."""
        try:
            while not await self._look():
                await self._clock.sleep(POLL)
        except Exception as exc:  # noqa: BLE001 - it is the readers' to raise, whatever it is
            self._failure = exc
            self._tell()

    async def _look(self) -> bool:
        """Read what is new; return whether nothing more can come."""
        # The run is read before its lines: had it ended by then, all its lines were there.
        run = await run_in_threadpool(self._runs.get, self._scope, self.run.id)
        lines = await run_in_threadpool(
            self._runs.log, self._scope, run.id, after=self._after, limit=PAGE_LINES
        )
        self._lines.extend(lines)
        self._after = lines[-1].sequence if lines else self._after
        is_late = self._clock.monotonic() - self._told >= TICK.total_seconds()
        if lines or run != self.run or is_late:
            self.run = run
            self._tell()
        return run.state.is_terminal and self._after >= run.log_lines

    def _tell(self) -> None:
        self._told = self._clock.monotonic()
        self._news.set()
        self._news = asyncio.Event()


class Tails:
    """The runs that somebody watches in this process."""

    def __init__(self, runs: RunService, clock: Clock) -> None:
        self._runs = runs
        self._clock = clock
        self._watched: dict[str, tuple[Tail, asyncio.Task[None]]] = {}

    @contextlib.asynccontextmanager
    async def of(self, run_id: str) -> AsyncIterator[Tail]:
        """Give the tail of a run; the last reader who leaves ends it."""
        run = await run_in_threadpool(self._runs.get, system_scope(), run_id)
        if run_id not in self._watched:
            tail = Tail(self._runs, self._clock, run)
            self._watched[run_id] = (tail, asyncio.create_task(tail.watch()))
        tail, task = self._watched[run_id]
        tail.readers += 1
        try:
            yield tail
        finally:
            tail.readers -= 1
            if not tail.readers:
                del self._watched[run_id]
                task.cancel()
