"""A worker that is paused longer than its lease, as a virtual machine is when it moves."""

import os
import signal

import pytest

from guesthouse.runs import RunState, StepState
from tests.integration.runs.conftest import ANNA, House, eventually
from tests.integration.runs.crashing import Crashing


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_nothing_a_paused_worker_does_later_counts(
    crash_house: House, crashing: Crashing
) -> None:
    run = crash_house.enqueue("crash0", payload={"lines": 150})
    paused = crashing.start()
    await eventually(lambda: crash_house.service.get(ANNA, run.id).log_lines > 0)
    os.kill(paused.pid or 0, signal.SIGSTOP)
    taker = crashing.start()
    try:
        await eventually(lambda: crash_house.service.get(ANNA, run.id).attempt == 2, seconds=20)
        os.kill(paused.pid or 0, signal.SIGCONT)
        ended = await crash_house.ended(run)
    finally:
        for process in (paused, taker):
            process.kill()
            process.join()
    assert ended.state is RunState.SUCCEEDED
    assert {step.state for step in ended.steps} == {StepState.SUCCEEDED}
    assert ended.attempt == 2
    texts = crash_house.texts(run)
    # Whatever the paused one still had in hand was refused: the second attempt's lines are whole.
    taken_up = next(index for index, text in enumerate(texts) if "taken up again" in text)
    assert [text for text in texts[taken_up + 1 :] if text.startswith("prepare")] == [
        f"prepare {number}" for number in range(150)
    ]
