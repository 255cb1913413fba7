"""The steps of a run as a page shows them: how long each took, and how long it took last time."""

import datetime as dt
from dataclasses import dataclass

from guesthouse.runs import Run, Step, StepState
from guesthouse.web.words import duration

WAITING = "waiting"


@dataclass(frozen=True)
class TimelineItem:
    """One step."""

    name: str
    state: str
    span: dt.timedelta | None
    since: dt.datetime | None
    """When it started, where it still runs."""
    hint: str


def items(run: Run, earlier: Run | None, now: dt.datetime) -> tuple[TimelineItem, ...]:
    """Return the steps of a run.

    Args:
        run: With its steps.
        earlier: The last run like it that succeeded, with its steps; None where there is none.
        now: The time.
    """
    before = {} if earlier is None else {step.name: step.duration for step in earlier.steps}
    return tuple(_item(step, before.get(step.name), now) for step in run.steps)


def _item(step: Step, before: dt.timedelta | None, now: dt.datetime) -> TimelineItem:
    runs = step.state is StepState.RUNNING and step.started_at is not None
    span = now - step.started_at if runs and step.started_at is not None else step.duration
    is_open = step.state in {StepState.RUNNING, StepState.PENDING}
    return TimelineItem(
        name=step.name,
        state=WAITING if step.state is StepState.PENDING else step.state.value,
        span=span,
        since=step.started_at if runs else None,
        hint=f"took {duration(before)} last time" if is_open and before is not None else "",
    )
