"""PostgreSQL is stopped and started while a step runs."""

import asyncio

import pytest

from guesthouse.runs import Flow, Json, RunContext, RunState, StepDefinition
from tests.integration.postgresql import Cluster
from tests.integration.runs.conftest import LIMIT, House


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_step_that_outlives_an_outage_keeps_its_result_and_its_lines(
    house: House, postgresql: Cluster
) -> None:
    calls: list[int] = []
    is_back = asyncio.Event()

    async def step(context: RunContext) -> Json:
        calls.append(1)
        context.log("before")
        await asyncio.to_thread(postgresql.stop)
        context.log("while it is away")
        await asyncio.to_thread(postgresql.start)
        is_back.set()
        return {"done": True}

    house.register(Flow("outage", [StepDefinition("once", step, idempotent=False)]))
    run = house.enqueue("outage")
    async with house.working():
        await asyncio.wait_for(is_back.wait(), LIMIT.total_seconds())
        ended = await house.ended(run)
    assert (ended.state, calls) == (RunState.SUCCEEDED, [1])
    assert ended.steps[0].result == {"done": True}
    assert house.texts(run) == ["before", "while it is away"]
