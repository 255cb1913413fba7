"""What a run is: states, steps, log lines, flows. Pure values; no database, no waiting."""

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Protocol

from guesthouse.errors import Conflict, Invalid, Kind, NotFound
from guesthouse.kit.sensitive import Sensitive

Json = Mapping[str, Any]


class RunState(Enum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """It was interrupted in a step that can't be repeated, so nobody knows how it ended."""

    @property
    def is_terminal(self) -> bool:
        """Whether nothing follows this state."""
        return not TRANSITIONS[self]


TRANSITIONS: Mapping[RunState, frozenset[RunState]] = MappingProxyType(
    {
        RunState.QUEUED: frozenset({RunState.RUNNING, RunState.CANCELLED, RunState.FAILED}),
        RunState.RUNNING: frozenset(
            {RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.LOST}
        ),
        RunState.SUCCEEDED: frozenset(),
        RunState.FAILED: frozenset(),
        RunState.CANCELLED: frozenset(),
        RunState.LOST: frozenset(),
    }
)
TERMINAL = frozenset(state for state, following in TRANSITIONS.items() if not following)


class StepState(Enum):
    """Where a step stands."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    SKIPPED = "skipped"
    """An earlier step ended the run."""


STEP_ENDS: Mapping[RunState, StepState] = MappingProxyType(
    {
        RunState.FAILED: StepState.FAILED,
        RunState.CANCELLED: StepState.CANCELLED,
        RunState.LOST: StepState.LOST,
    }
)
"""How the step that was running ends with its run."""


class Stream(Enum):
    """Where a log line comes from."""

    OUTPUT = "output"
    """A program wrote it."""
    NOTE = "note"
    """Guesthouse says it."""


@dataclass(frozen=True)
class Step:
    """One step of a run."""

    name: str
    idempotent: bool
    state: StepState
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    result: Json | None
    starts: int = 0
    """How often it was started; more than once only where it may be repeated."""

    @property
    def duration(self) -> dt.timedelta | None:
        """How long it took; None before its end."""
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at


@dataclass(frozen=True)
class Ending:
    """How a run ended, for a person."""

    state: RunState
    sentence: str = ""
    next_step: str = ""
    detail: str = ""
    error_kind: Kind | None = None
    """Of what made it fail; None where nothing did."""


@dataclass(frozen=True)
class Movement:
    """What of a run changes while people watch."""

    partner: str | None
    environment: str | None
    id: str
    state: RunState
    cancel_requested: bool


@dataclass(frozen=True)
class Run:
    """One execution of a flow."""

    id: str
    kind: str
    environment: str | None
    partner: str | None
    actor: str
    state: RunState
    payload: Json
    attempt: int
    """Counts each time a worker took it up; only the newest one's writes count."""
    cancel_requested: bool
    log_lines: int
    sentence: str
    """Why it ended as it did; empty where that is plain."""
    next_step: str
    detail: str
    created_at: dt.datetime
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    steps: tuple[Step, ...] = ()
    error_kind: Kind | None = None
    """Of what made it fail, so that a caller answers as if it had failed there; else None."""


@dataclass(frozen=True)
class NewRun:
    """What a run starts out with."""

    id: str
    kind: str
    environment: str | None
    payload: Json
    steps: tuple["StepDefinition", ...]
    at: dt.datetime


@dataclass(frozen=True)
class LogLine:
    """One line of a run's log."""

    sequence: int
    """Counts from 1 within the run, without gaps."""
    at: dt.datetime
    stream: Stream
    step: str
    text: str


class RunContext(Protocol):
    """What a step is given."""

    @property
    def run(self) -> Run:
        """The run as it was when this attempt began."""
        ...

    @property
    def payload(self) -> Json:
        """What the run was enqueued with."""
        ...

    @property
    def results(self) -> Mapping[str, Json]:
        """What earlier steps returned, by step name."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether someone asked for the end; a step's task is cancelled as well."""
        ...

    def log(self, line: str, stream: Stream = Stream.OUTPUT) -> None:
        """Write a line; readers see it within a second, secrets masked."""
        ...

    def mask(self, *secrets: Sensitive[str]) -> None:
        """Mask these from now on in everything this run writes."""
        ...


StepFunction = Callable[[RunContext], Awaitable[Json]]


@dataclass(frozen=True)
class StepDefinition:
    """One step of a flow."""

    name: str
    function: StepFunction
    idempotent: bool
    """Whether it may run again after it was interrupted."""
    undo: StepFunction | None = None
    """What runs in its place when it was interrupted and may not run again: it puts back what the
    step found and raises what the run then says. It may be interrupted and repeated itself."""


EndHook = Callable[[Any, Run, RunState], None]
"""Given the open transaction, the run and how it ends."""


@dataclass(frozen=True)
class Flow:
    """The steps of one kind of run."""

    kind: str
    steps: Sequence[StepDefinition]
    ended: EndHook | None = None
    """Called in the transaction that ends a run, however it ends; it writes, and never waits."""


class RunNotFound(NotFound):
    """There is no such run, or not for this caller."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"there is no run {run_id}", next_step="guesthouse run list")


class RunEnded(Conflict):
    """The run has ended already."""

    def __init__(self, run: Run) -> None:
        super().__init__(
            f"run {run.id} has ended: {run.state.value}", next_step=f"guesthouse run show {run.id}"
        )


class FlowUnknown(Invalid):
    """No feature registered this kind of run."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"there is no kind of run called {kind!r}")


class StaleAttempt(Conflict):
    """Another worker has taken up the run, or it has ended; this attempt's writes don't count."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id} is no longer this worker's")
