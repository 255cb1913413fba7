"""Where a run's time went. Pure."""

import datetime as dt
from dataclasses import dataclass

from guesthouse.runs.model import Run, Step

NOTHING = dt.timedelta(0)


@dataclass(frozen=True)
class StepTiming:
    """One step's part of it."""

    name: str
    duration: dt.timedelta
    """Until now, where it still runs; nothing where it never began."""
    share: float
    """Part of the run's whole time, from 0 to 1."""
    starts: int
    """How often it was started; the time is that of the last."""


@dataclass(frozen=True)
class Timing:
    """A run's time and what it consists of: queued + every step + between = total."""

    total: dt.timedelta
    """From being enqueued to the end, or to now."""
    queued: dt.timedelta
    """Until a worker took it up."""
    steps: tuple[StepTiming, ...]
    between: dt.timedelta
    """Neither queued nor in a step: handing over, interrupted attempts, waiting for a worker."""


def timing(run: Run, *, now: dt.datetime) -> Timing:
    """Return where the run's time went.

    Args:
        run: With its steps.
        now: The end of what has none yet.
    """
    end = run.ended_at or now
    total = max(end - run.created_at, NOTHING)
    queued = max((run.started_at or end) - run.created_at, NOTHING)
    steps = tuple(_step(step, end, total) for step in run.steps)
    spent = sum((step.duration for step in steps), queued)
    return Timing(total, queued, steps, max(total - spent, NOTHING))


def _step(step: Step, end: dt.datetime, total: dt.timedelta) -> StepTiming:
    duration = NOTHING
    if step.started_at is not None:
        duration = max((step.ended_at or end) - step.started_at, NOTHING)
    share = duration / total if total else 0.0
    return StepTiming(step.name, duration, share, step.starts)
