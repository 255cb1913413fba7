"""A step that was interrupted and says how it is undone."""

from guesthouse.db import Database
from guesthouse.errors import Failed
from guesthouse.runs import Flow, Json, RunContext, RunState, StepDefinition, StepState
from tests.fakes.running import HandWorker
from tests.integration.runs.conftest import House


class TakenBack(Failed):
    """What was there before is there again."""


async def test_what_a_dead_worker_left_is_undone_once(house: House, database: Database) -> None:
    calls: list[str] = []

    async def step(_context: RunContext) -> Json:
        calls.append("step")
        return {}

    async def undo(_context: RunContext) -> Json:
        calls.append("undo")
        sentence = "the earlier version serves again"
        raise TakenBack(sentence)

    house.register(Flow("undone", [StepDefinition("test", step, idempotent=False, undo=undo)]))
    run = house.enqueue("undone")
    dead = HandWorker(database)
    dead.begin_step(dead.start(run), 0)
    async with house.working():
        ended = await house.ended(run)
    assert (ended.state, ended.sentence) == (RunState.FAILED, "the earlier version serves again")
    assert [(each.state, each.starts) for each in ended.steps] == [(StepState.FAILED, 2)]
    assert calls == ["undo"]
