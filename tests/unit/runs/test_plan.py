import dataclasses

import pytest

from guesthouse.runs import Flow, Json, Run, RunContext, RunState, Step, StepDefinition, StepState
from guesthouse.runs.model import Ending
from guesthouse.runs.plan import REPEATS, StartStep, decide, stopped
from tests.fakes.clock import START

PENDING, RUNNING, DONE = StepState.PENDING, StepState.RUNNING, StepState.SUCCEEDED


async def _nothing(_context: RunContext) -> Json:
    return {}


FLOW = Flow(
    "deploy",
    [
        StepDefinition("fetch", _nothing, idempotent=True),
        StepDefinition("up", _nothing, idempotent=False),
    ],
)


def _run(
    *states: StepState, starts: int = 1, cancel: bool = False, repeatable: bool = False
) -> Run:
    steps = tuple(
        Step(step.name, step.idempotent or repeatable, state, None, None, None, starts)
        for step, state in zip(FLOW.steps, states, strict=True)
    )
    return Run(
        id="run_1",
        kind="deploy",
        environment=None,
        partner=None,
        actor="anna",
        state=RunState.RUNNING,
        payload={},
        attempt=1,
        cancel_requested=cancel,
        log_lines=0,
        sentence="",
        next_step="",
        detail="",
        created_at=START,
        started_at=START,
        ended_at=None,
        steps=steps,
    )


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(_run(PENDING, PENDING), (0, PENDING), id="first"),
        pytest.param(_run(DONE, PENDING), (1, PENDING), id="next"),
        pytest.param(_run(RUNNING, PENDING), (0, RUNNING), id="interrupted, repeatable"),
        pytest.param(_run(RUNNING, PENDING, starts=REPEATS), (0, RUNNING), id="interrupted often"),
    ],
)
def test_the_first_open_step_starts(run: Run, expected: tuple[int, StepState]) -> None:
    decision = decide(run, FLOW)
    assert isinstance(decision, StartStep)
    assert (decision.position, decision.expected) == expected


@pytest.mark.parametrize(
    ("run", "state"),
    [
        pytest.param(_run(DONE, DONE), RunState.SUCCEEDED, id="all done"),
        pytest.param(_run(DONE, DONE, cancel=True), RunState.SUCCEEDED, id="cancelled too late"),
        pytest.param(_run(DONE, PENDING, cancel=True), RunState.CANCELLED, id="cancelled"),
        pytest.param(_run(DONE, RUNNING), RunState.LOST, id="interrupted, not repeatable"),
        pytest.param(
            _run(DONE, RUNNING, cancel=True), RunState.LOST, id="cancelled after interruption"
        ),
        pytest.param(_run(RUNNING, PENDING, starts=REPEATS + 1), RunState.LOST, id="too often"),
    ],
)
def test_a_run_ends(run: Run, state: RunState) -> None:
    decision = decide(run, FLOW)
    assert isinstance(decision, Ending)
    assert decision.state is state


async def _undo(_context: RunContext) -> Json:
    return {}


UNDOING = Flow("deploy", [FLOW.steps[0], dataclasses.replace(FLOW.steps[1], undo=_undo)])


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(_run(DONE, RUNNING), id="interrupted"),
        pytest.param(_run(DONE, RUNNING, cancel=True), id="cancelled after interruption"),
        pytest.param(_run(DONE, RUNNING, starts=REPEATS), id="undoing was interrupted as well"),
    ],
)
def test_an_interrupted_step_that_says_how_is_undone(run: Run) -> None:
    decision = decide(run, UNDOING)
    assert isinstance(decision, StartStep)
    assert (decision.step.function, decision.expected) == (_undo, RUNNING)


def test_undoing_is_given_up_at_last_and_never_comes_before_its_step() -> None:
    given_up = decide(_run(DONE, RUNNING, starts=REPEATS + 1), UNDOING)
    assert isinstance(given_up, Ending)
    assert given_up.state is RunState.LOST
    first = decide(_run(DONE, PENDING), UNDOING)
    assert isinstance(first, StartStep)
    assert first.step.function is _nothing


@pytest.mark.parametrize("state", [PENDING, RUNNING], ids=["before", "interrupted"])
def test_a_cancel_between_two_steps_undoes_the_one_before(state: StepState) -> None:
    last = dataclasses.replace(FLOW.steps[1], idempotent=True)
    flow = Flow("deploy", [dataclasses.replace(FLOW.steps[0], undo=_undo), last])
    decision = decide(_run(DONE, state, cancel=True, repeatable=True), flow)
    assert isinstance(decision, StartStep)
    assert (decision.position, decision.step.function, decision.is_undo) == (1, _undo, True)


def test_a_cancel_before_the_first_step_finds_nothing_to_undo() -> None:
    decision = decide(_run(PENDING, PENDING, cancel=True), UNDOING)
    assert isinstance(decision, Ending)
    assert decision.state is RunState.CANCELLED


@pytest.mark.parametrize("flow", [None, Flow("deploy", FLOW.steps[:1])], ids=["unknown", "other"])
def test_a_run_of_another_version_fails(flow: Flow | None) -> None:
    decision = decide(_run(PENDING, PENDING), flow)
    assert isinstance(decision, Ending)
    assert (decision.state, decision.next_step) == (RunState.FAILED, "start it again")


def test_every_bad_end_says_what_to_do_next() -> None:
    for run in (_run(DONE, RUNNING), _run(RUNNING, PENDING, starts=REPEATS + 1)):
        decision = decide(run, FLOW)
        assert isinstance(decision, Ending)
        assert "guesthouse run show run_1" in decision.next_step
        assert decision.sentence


def test_only_steps_not_safe_to_repeat_end_with_their_worker() -> None:
    run = _run(DONE, RUNNING)
    assert stopped(run, FLOW.steps[0]) is None
    ending = stopped(dataclasses.replace(run), FLOW.steps[1])
    assert ending is not None
    assert ending.state is RunState.FAILED
