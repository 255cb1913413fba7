"""A run's log as server-sent events: a reader that reconnects neither loses nor doubles a line."""

import datetime as dt
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from guesthouse.api.views import line_view, run_view, step_view
from guesthouse.edge.tail import PAGE_LINES, Tail, Tails
from guesthouse.errors import GuesthouseError
from guesthouse.kit.clock import Clock
from guesthouse.people import Scope
from guesthouse.runs import LogLine, Run, RunService, Step, StepState

HEARTBEAT: Final = dt.timedelta(seconds=10)
RECHECK: Final = dt.timedelta(seconds=3)
UNSTARTED: Final = frozenset({StepState.PENDING, StepState.SKIPPED})

Readmit = Callable[[], Awaitable[Scope | None]]


@dataclass(frozen=True)
class Reader:
    """Who reads which run, and how far they have come."""

    scope: Scope
    run_id: str
    after: int
    """The last line they have; 0 for none."""
    readmit: Readmit
    """Returns what they may see now; raises once their token or session opens nothing more."""


class LogStream:
    """The events of one reader.

    ``step`` when a step starts or ends, ``line`` for each line (its sequence number is the
    event's id), ``end`` with the run once it has ended and every line was sent.
    """

    def __init__(self, runs: RunService, tails: Tails, clock: Clock, reader: Reader) -> None:
        self._runs = runs
        self._tails = tails
        self._clock = clock
        self._reader = reader
        self._after = reader.after
        self._scope = reader.scope
        self._shown: dict[str, StepState] = {}
        self._spoke = self._checked = clock.monotonic()

    async def events(self) -> AsyncIterator[bytes]:
        """Yield events until the run has ended or the reader may no longer read."""
        async with self._tails.of(self._reader.run_id) as tail:
            while await self._is_admitted():
                run = tail.run
                lines = await self._lines(tail)
                # As one piece: to send each line by itself takes ten times as long.
                if news := b"".join(self._news(run, lines)):
                    yield news
                if run.state.is_terminal and self._after >= run.log_lines:
                    yield _event("end", run_view(run))
                    return
                yield self._heartbeat(spoken=bool(lines))
                if not lines and run is tail.run:
                    await tail.wait()

    async def _lines(self, tail: Tail) -> tuple[LogLine, ...]:
        """Return what follows: from the tail, or from the store for those who are further back."""
        lines = tail.lines(self._after)
        if self._after < tail.start:
            lines = await self._read(PAGE_LINES)
        if lines:
            self._after = lines[-1].sequence
        return lines

    def _news(self, run: Run, lines: tuple[LogLine, ...]) -> Iterator[bytes]:
        """Yield new lines between the start and the end of the steps they belong to."""
        is_behind = self._after < run.log_lines
        if is_behind and not lines:
            return
        names = {step.name for step in run.steps}
        waiting = deque(lines)
        # More lines of this step come; what is said of it and of later ones waits for them.
        unfinished = lines[-1].step if is_behind else None
        for step in run.steps:
            if step.state not in UNSTARTED:
                yield from self._change(step, StepState.RUNNING)
            while waiting and (waiting[0].step == step.name or waiting[0].step not in names):
                yield _line_event(waiting.popleft())
            if step.name == unfinished:
                break
            if step.state not in {StepState.PENDING, StepState.RUNNING}:
                yield from self._change(step, step.state)
        yield from map(_line_event, waiting)

    def _change(self, step: Step, state: StepState) -> Iterator[bytes]:
        """Yield that a step has come into a state, the first time."""
        before = self._shown.get(step.name)
        if before is state or before not in {None, StepState.RUNNING}:
            return
        self._shown[step.name] = state
        yield _event("step", step_view(step).model_copy(update={"state": state}))

    def _heartbeat(self, *, spoken: bool) -> bytes:
        """Return a comment where nothing was said for long, so that no proxy hangs up."""
        now = self._clock.monotonic()
        if spoken:
            self._spoke = now
        if now - self._spoke < HEARTBEAT.total_seconds():
            return b""
        self._spoke = now
        return b": still here\n\n"

    async def _is_admitted(self) -> bool:
        """Whether the reader may still read; asked anew every few seconds."""
        now = self._clock.monotonic()
        if now - self._checked < RECHECK.total_seconds():
            return True
        self._checked = now
        try:
            # Their role may have changed since, with this partner alone.
            scope = await self._reader.readmit()
            if scope is None:
                return False
            self._scope = scope
            await self._read(1)
        except GuesthouseError:
            return False
        return True

    async def _read(self, limit: int) -> tuple[LogLine, ...]:
        run_id = self._reader.run_id
        return await run_in_threadpool(
            self._runs.log, self._scope, run_id, after=self._after, limit=limit
        )


def _line_event(line: LogLine) -> bytes:
    view = line_view(line)
    return f"id: {view.sequence}\nevent: line\ndata: {view.model_dump_json()}\n\n".encode()


def _event(name: str, data: BaseModel) -> bytes:
    return f"event: {name}\ndata: {data.model_dump_json()}\n\n".encode()
