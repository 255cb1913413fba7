import datetime as dt
import random
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from guesthouse.db import Database
from guesthouse.kit.sensitive import Sensitive
from guesthouse.runs import Run, RunState
from tests.integration.runs.conftest import ANNA, House
from tests.integration.runs.crashing import STEPS, Crashing

KILLS = 30
RUNS_PER_KILL = 3
DEATH_SECONDS = 20
RECOVERY = dt.timedelta(seconds=30)


@dataclass(frozen=True)
class Boundary:
    failpoint: str
    """With {} for the kind's number."""
    state: RunState
    calls: tuple[int, ...]
    """How often each of the three steps is called in the end."""


BOUNDARIES = (
    Boundary("run:claimed:crash{}", RunState.SUCCEEDED, (1, 1, 1)),
    Boundary("run:begun:crash{}", RunState.SUCCEEDED, (1, 1, 1)),
    Boundary("step:before:prepare{}", RunState.SUCCEEDED, (1, 1, 1)),
    Boundary("step:started:prepare{}", RunState.SUCCEEDED, (1, 1, 1)),
    Boundary("step:done:prepare{}", RunState.SUCCEEDED, (2, 1, 1)),
    Boundary("step:after:prepare{}", RunState.SUCCEEDED, (1, 1, 1)),
    Boundary("step:before:once{}", RunState.SUCCEEDED, (1, 1, 1)),
    Boundary("step:started:once{}", RunState.LOST, (1, 0, 0)),
    Boundary("step:done:once{}", RunState.LOST, (1, 1, 0)),
    Boundary("step:after:once{}", RunState.SUCCEEDED, (1, 1, 1)),
    Boundary("step:before:settle{}", RunState.SUCCEEDED, (1, 1, 1)),
    Boundary("step:started:settle{}", RunState.SUCCEEDED, (1, 1, 1)),
    Boundary("step:done:settle{}", RunState.SUCCEEDED, (1, 1, 2)),
    Boundary("step:after:settle{}", RunState.SUCCEEDED, (1, 1, 1)),
    Boundary("run:finished:crash{}", RunState.SUCCEEDED, (1, 1, 1)),
)


@pytest.fixture
def crashing(url: Sensitive[str], database: Database, tmp_path: Path) -> Crashing:
    del database  # migrated
    state = tmp_path / "state"
    state.mkdir()
    (state / "calls").touch()
    return Crashing(url.reveal(), state, len(BOUNDARIES))


@pytest.fixture
def crash_house(house: House, crashing: Crashing) -> House:
    house.register(*(crashing.flows().get(f"crash{kind}") for kind in range(crashing.kinds)))
    return house


async def _finish_all(house: House, crashing: Crashing, runs: list[Run]) -> list[Run]:
    """Start a worker that nobody kills and return the runs as they ended."""
    process = crashing.start()
    try:
        return [await house.service.wait(ANNA, run.id, limit=RECOVERY) for run in runs]
    finally:
        process.kill()
        process.join()


async def test_each_boundary_survives_a_crash_at_it(
    crash_house: House, crashing: Crashing
) -> None:
    runs = []
    for number, boundary in enumerate(BOUNDARIES):
        runs.append(crash_house.enqueue(f"crash{number}"))
        process = crashing.start(boundary.failpoint.format(number))
        process.join(DEATH_SECONDS)
        assert process.exitcode == -signal.SIGKILL, boundary.failpoint
    ended = await _finish_all(crash_house, crashing, runs)
    calls = crashing.counted()
    found = [
        Boundary(boundary.failpoint, run.state, tuple(calls[f"{run.id}/{name}"] for name in STEPS))
        for boundary, run in zip(BOUNDARIES, ended, strict=True)
    ]
    assert found == list(BOUNDARIES)


async def test_runs_survive_random_kills(crash_house: House, crashing: Crashing) -> None:
    seed = random.randrange(10**6)  # noqa: S311 - when to kill, not a secret
    chance = random.Random(seed)  # noqa: S311 - likewise
    runs: list[Run] = []
    for _ in range(KILLS):
        runs += [crash_house.enqueue("crash0") for _ in range(RUNS_PER_KILL)]
        process = crashing.start()
        process.join(chance.uniform(0.1, 0.8))
        process.kill()
        process.join()
    ended = await _finish_all(crash_house, crashing, runs)
    calls = crashing.counted()
    states = [run.state for run in ended]
    assert set(states) <= {RunState.SUCCEEDED, RunState.LOST}, f"seed {seed}"
    assert RunState.SUCCEEDED in states
    for run in ended:
        crash_house.texts(run)  # fails on a gap in the numbers
        assert calls[f"{run.id}/once"] <= 1, f"seed {seed}: {run}"
        if run.state is RunState.SUCCEEDED:
            assert min(calls[f"{run.id}/{name}"] for name in STEPS) == 1
