import datetime as dt

from guesthouse.runs import Run, RunState, Step, StepState
from guesthouse.runs.timing import StepTiming, timing
from tests.fakes.clock import START


def _after(seconds: float | None) -> dt.datetime | None:
    return None if seconds is None else START + dt.timedelta(seconds=seconds)


def _step(name: str, started: float | None, ended: float | None) -> Step:
    state = StepState.SUCCEEDED if ended is not None else StepState.PENDING
    return Step(name, True, state, _after(started), _after(ended), None, starts=1)  # noqa: FBT003 - positional as the fields are


def _run(*steps: Step, started: float | None, ended: float | None) -> Run:
    return Run(
        id="run_1",
        kind="deploy",
        environment=None,
        partner=None,
        actor="anna",
        state=RunState.RUNNING,
        payload={},
        attempt=1,
        cancel_requested=False,
        log_lines=0,
        sentence="",
        next_step="",
        detail="",
        created_at=START,
        started_at=_after(started),
        ended_at=_after(ended),
        steps=steps,
    )


def _seconds(value: dt.timedelta) -> float:
    return value.total_seconds()


def test_the_parts_add_up_to_the_whole() -> None:
    run = _run(_step("fetch", 2, 4), _step("deploy", 5, 9), started=2, ended=10)
    found = timing(run, now=START)
    assert (_seconds(found.total), _seconds(found.queued), _seconds(found.between)) == (10, 2, 2)
    assert found.steps == (
        StepTiming("fetch", dt.timedelta(seconds=2), 0.2, 1),
        StepTiming("deploy", dt.timedelta(seconds=4), 0.4, 1),
    )


def test_a_running_step_counts_until_now() -> None:
    run = _run(_step("deploy", 1, None), _step("test", None, None), started=1, ended=None)
    found = timing(run, now=START + dt.timedelta(seconds=5))
    assert [_seconds(step.duration) for step in found.steps] == [4, 0]


def test_a_queued_run_has_only_waited() -> None:
    found = timing(_run(started=None, ended=None), now=START + dt.timedelta(seconds=3))
    assert (_seconds(found.queued), _seconds(found.between)) == (3, 0)


def test_a_clock_set_back_gives_no_negative_time() -> None:
    run = _run(_step("deploy", 5, 1), started=5, ended=0)
    found = timing(run, now=START)
    assert _seconds(found.steps[0].duration) == 0
    assert found.steps[0].share == 0
