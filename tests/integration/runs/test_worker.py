import asyncio
import datetime as dt
import logging

import pytest

from guesthouse.errors import Kind, Unavailable
from guesthouse.kit.sensitive import MASK, Sensitive
from guesthouse.runs import Flow, Json, RunContext, RunState, StepDefinition, StepState
from guesthouse.runs.worker import WorkerOptions, WorkerRunning
from tests.integration.runs.conftest import ANNA, House, eventually


class DiskFull(Unavailable):
    def __init__(self) -> None:
        super().__init__("the disk is full", next_step="make room", detail="df says 100 %")


class Script:
    """Steps for tests; `reached` lets a test wait for the inside of a step."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.reached = asyncio.Event()
        self.gate = asyncio.Event()

    def step(self, name: str, *, idempotent: bool = False) -> StepDefinition:
        return StepDefinition(name, getattr(self, f"_{name}"), idempotent=idempotent)

    async def _first(self, context: RunContext) -> Json:
        self.calls.append("first")
        context.log(f"hello {context.payload.get('who')}")
        return {"number": 7}

    async def _second(self, context: RunContext) -> Json:
        self.calls.append("second")
        context.log(f"first gave {context.results['first']['number']}")
        return {}

    async def _held(self, context: RunContext) -> Json:
        self.calls.append("held")
        context.log("now inside")
        self.reached.set()
        await self.gate.wait()
        return {}

    async def _tidy(self, context: RunContext) -> Json:
        self.reached.set()
        try:
            await self.gate.wait()
        finally:
            context.log(f"tidying, cancelled is {context.cancelled}")
        return {}

    async def _stubborn(self, _context: RunContext) -> Json:
        self.reached.set()
        while not self.gate.is_set():
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                continue
        return {}

    async def _fails(self, _context: RunContext) -> Json:
        raise DiskFull

    async def _breaks(self, context: RunContext) -> Json:
        context.mask(Sensitive("hunter22"))
        message = "hunter22 was wrong"
        raise KeyError(message)

    async def _tells(self, context: RunContext) -> Json:
        context.mask(Sensitive("hunter22"))
        context.log("password is hunter22\nand more")
        return {"said": ["hunter22"]}


@pytest.fixture
def script() -> Script:
    return Script()


async def test_steps_run_in_order_and_hand_on_their_results(house: House, script: Script) -> None:
    house.register(Flow("two", [script.step("first"), script.step("second")]))
    run = house.enqueue("two", payload={"who": "anna"})
    async with house.working():
        done = await house.ended(run)
    assert done.state is RunState.SUCCEEDED
    assert [(step.state, step.result) for step in done.steps] == [
        (StepState.SUCCEEDED, {"number": 7}),
        (StepState.SUCCEEDED, {}),
    ]
    assert house.texts(run) == ["hello anna", "first gave 7"]


async def test_a_line_is_readable_while_its_step_still_runs(house: House, script: Script) -> None:
    house.register(Flow("wait", [script.step("held")]))
    run = house.enqueue("wait")
    async with house.working():
        await script.reached.wait()
        await eventually(lambda: house.texts(run) == ["now inside"], seconds=1)
        assert house.service.get(ANNA, run.id).state is RunState.RUNNING
        script.gate.set()
        await house.ended(run)


async def test_a_failure_keeps_its_sentence_and_next_step(house: House, script: Script) -> None:
    house.register(Flow("fail", [script.step("fails"), script.step("first")]))
    run = house.enqueue("fail")
    async with house.working():
        done = await house.ended(run)
    assert (done.state, done.sentence, done.next_step, done.detail, done.error_kind) == (
        RunState.FAILED,
        "the disk is full",
        "make room",
        "df says 100 %",
        Kind.UNAVAILABLE,
    )
    assert [step.state for step in done.steps] == [StepState.FAILED, StepState.SKIPPED]
    assert script.calls == []


async def test_an_unexpected_error_goes_to_the_log_of_the_control_plane(
    house: House, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    house.register(Flow("break", [script.step("breaks")]))
    run = house.enqueue("break")
    with caplog.at_level(logging.ERROR):
        async with house.working():
            done = await house.ended(run)
    assert (done.state, done.sentence) == (
        RunState.FAILED,
        "an internal error ended step 'breaks': KeyError",
    )
    (record,) = [record for record in caplog.records if record.msg == "run.internal_error"]
    traceback = record.__dict__["traceback"]
    assert "KeyError" in traceback
    assert "hunter22" not in traceback


async def test_secrets_are_masked_in_log_and_results(house: House, script: Script) -> None:
    house.register(Flow("tell", [script.step("tells")]))
    run = house.enqueue("tell")
    async with house.working():
        done = await house.ended(run)
    assert house.texts(run) == [f"password is {MASK}", "and more"]
    assert done.steps[0].result == {"said": [MASK]}


async def test_cancelling_lets_the_step_clean_up(house: House, script: Script) -> None:
    house.register(Flow("tidy", [script.step("tidy"), script.step("first")]))
    run = house.enqueue("tidy")
    async with house.working():
        await script.reached.wait()
        house.service.cancel(ANNA, run.id)
        done = await house.ended(run)
    assert (done.state, done.sentence) == (
        RunState.CANCELLED,
        "cancelled while step 'tidy' ran",
    )
    assert "tidying, cancelled is True" in house.texts(run)
    assert [step.state for step in done.steps] == [StepState.CANCELLED, StepState.SKIPPED]


async def test_a_cancel_between_two_steps_takes_the_first_one_back(
    house: House, script: Script
) -> None:
    async def done(context: RunContext) -> Json:
        house.service.cancel(ANNA, context.run.id)
        return {}

    async def back(_context: RunContext) -> Json:
        script.calls.append("back")
        raise DiskFull

    first = StepDefinition("done", done, idempotent=False, undo=back)
    house.register(Flow("late", [first, script.step("first")]))
    run = house.enqueue("late")
    async with house.working():
        ended = await house.ended(run)
    assert (ended.state, script.calls) == (RunState.CANCELLED, ["back"])


async def test_a_step_that_will_not_end_is_given_up(house: House, script: Script) -> None:
    house.register(Flow("stubborn", [script.step("stubborn")]))
    run = house.enqueue("stubborn")
    options = WorkerOptions(cancel_grace=dt.timedelta(milliseconds=200))
    async with house.working(house.worker(options=options)):
        await script.reached.wait()
        house.service.cancel(ANNA, run.id)
        done = await house.ended(run)
        script.gate.set()
    assert (done.state, done.sentence) == (
        RunState.LOST,
        "step 'stubborn' was cancelled and did not end within 0.2 s",
    )


async def test_no_more_runs_at_a_time_than_allowed(house: House, script: Script) -> None:
    house.register(Flow("wait", [script.step("held")]))
    runs = [house.enqueue("wait") for _ in range(3)]
    async with house.working(house.worker(concurrency=2)):
        await eventually(lambda: script.calls == ["held", "held"])
        states = sorted(house.service.get(ANNA, run.id).state.value for run in runs)
        script.gate.set()
        for run in runs:
            await house.ended(run)
    assert states == ["queued", "running", "running"]
    assert len(script.calls) == 3


async def test_runs_of_one_environment_wait_for_one_another(house: House, script: Script) -> None:
    house.register(Flow("wait", [script.step("held")]), Flow("one", [script.step("first")]))
    first = house.enqueue("wait", environment="acme")
    second = house.enqueue("one", environment="acme")
    free = house.enqueue("one", environment="other")
    async with house.working():
        await house.ended(free)
        assert house.service.get(ANNA, second.id).state is RunState.QUEUED
        script.gate.set()
        await house.ended(first)
        await house.ended(second)


async def test_a_stopped_worker_leaves_repeatable_steps_to_the_next(
    house: House, script: Script
) -> None:
    steps = [script.step("first"), script.step("held", idempotent=True)]
    house.register(Flow("go-on", steps))
    run = house.enqueue("go-on")
    async with house.working():
        await script.reached.wait()
    left = house.service.get(ANNA, run.id)
    assert left.state is RunState.RUNNING
    assert house.texts(run)[-1] == "now inside"
    script.gate.set()
    async with house.working():
        done = await house.ended(run)
    assert done.state is RunState.SUCCEEDED
    assert script.calls == ["first", "held", "held"]
    assert any("taken up again" in text for text in house.texts(run))


async def test_a_stopped_worker_ends_a_run_whose_step_is_not_repeatable(
    house: House, script: Script
) -> None:
    house.register(Flow("tidy", [script.step("tidy")]))
    run = house.enqueue("tidy")
    async with house.working():
        await script.reached.wait()
    done = house.service.get(ANNA, run.id)
    assert (done.state, done.sentence) == (
        RunState.FAILED,
        "the worker was stopped while step 'tidy' ran",
    )


async def test_a_run_with_other_steps_than_this_version_fails(
    house: House, script: Script
) -> None:
    house.register(Flow("two", [script.step("first")]))
    run = house.enqueue("two")
    renewed = House(house.database, house.state)
    renewed.register(Flow("two", [script.step("first"), script.step("second")]))
    async with renewed.working():
        done = await renewed.ended(run)
    assert done.state is RunState.FAILED
    assert script.calls == []


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_on_sqlite_a_second_worker_is_refused(house: House) -> None:
    async with house.working():
        # The first takes the lock before anything else.
        await asyncio.sleep(0)
        with pytest.raises(WorkerRunning):
            await house.worker().run(asyncio.Event())
