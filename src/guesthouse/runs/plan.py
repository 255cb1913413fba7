"""What a run does next, decided from its row alone. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from guesthouse.errors import Kind
from guesthouse.runs.model import (
    Ending,
    Flow,
    Run,
    RunState,
    Step,
    StepDefinition,
    StepState,
)

REPEATS = 3
"""How often a step that may be repeated is started again after interruptions."""


@dataclass(frozen=True)
class StartStep:
    """The step to start now."""

    position: int
    step: StepDefinition
    expected: StepState
    """Where the step stands: pending, or running where an attempt before was interrupted."""
    is_undo: bool = False
    """Whether its function puts back what was done instead of going on."""


def decide(run: Run, flow: Flow | None) -> StartStep | Ending:
    """Return what a worker that has just taken up or finished a step of this run does.

    1. A flow that is unknown or has other steps than the run ends it: failed.
    2. With all steps done it succeeded.
    3. An interrupted step that can't be repeated is undone where it says how.
    4. Else it ends the run, and so does one that was interrupted too often: lost.
    5. Someone asked for the end: cancelled, once the step before is undone where it says how.
    6. Else the first step that is not done starts.

    Args:
        run: The run with its steps, as they are at this moment.
        flow: What its kind is registered as; None where it is not.
    """
    if flow is None or [step.name for step in run.steps] != [step.name for step in flow.steps]:
        return _foreign(run)
    position = _first_open(run.steps)
    if position is None:
        return Ending(RunState.SUCCEEDED)
    step, definition = run.steps[position], flow.steps[position]
    if step.state is StepState.RUNNING and not (step.idempotent and _may_start(step)):
        if definition.undo is None or not _may_start(step):
            return _lost(run, step)
        undoing = replace(definition, function=definition.undo)
        return StartStep(position, undoing, step.state, is_undo=True)
    if run.cancel_requested:
        return _cancelled(run, flow, position)
    return StartStep(position, definition, step.state)


def _cancelled(run: Run, flow: Flow, position: int) -> StartStep | Ending:
    """Return how a run is cancelled between two steps: what the step before did may not stay."""
    step = run.steps[position]
    undo = flow.steps[position - 1].undo if position else None
    if undo is None:
        return Ending(RunState.CANCELLED, f"cancelled before step {step.name!r}")
    undoing = replace(flow.steps[position], function=undo)
    return StartStep(position, undoing, step.state, is_undo=True)


def stopped(run: Run, step: StepDefinition) -> Ending | None:
    """Return how a run ends whose step was cut short by its worker's stop; None: it goes on.

    A step that may be repeated goes on under the next worker. Any other has cleaned up after
    itself, so how it ended is known: it failed.
    """
    if step.idempotent:
        return None
    return Ending(
        RunState.FAILED,
        f"the worker was stopped while step {step.name!r} ran",
        next_step=f"start it again; guesthouse run show {run.id} tells what it had done",
        error_kind=Kind.FAILED,
    )


def _foreign(run: Run) -> Ending:
    return Ending(
        RunState.FAILED,
        f"this version of Guesthouse has other steps for {run.kind!r} than the run began with",
        next_step="start it again",
        error_kind=Kind.FAILED,
    )


def _first_open(steps: Sequence[Step]) -> int | None:
    return next(
        (position for position, step in enumerate(steps) if step.state is not StepState.SUCCEEDED),
        None,
    )


def _may_start(step: Step) -> bool:
    return step.starts <= REPEATS


def _lost(run: Run, step: Step) -> Ending:
    if step.idempotent or step.starts > 1:
        sentence = f"step {step.name!r} was interrupted {step.starts} times and is given up"
    else:
        sentence = (
            f"the worker died while step {step.name!r} ran, and that step is not safe to repeat"
        )
    return Ending(
        RunState.LOST,
        sentence,
        next_step=f"look with guesthouse run show {run.id} what it had done, then start it again",
    )
