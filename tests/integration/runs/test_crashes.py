import dataclasses
import datetime as dt
import random
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

from guesthouse.db import Database, upgrade
from guesthouse.kit.sensitive import Sensitive
from guesthouse.runs import Run, RunState
from tests.integration.runs.conftest import ANNA, House
from tests.integration.runs.crashing import STEPS, Crashing

KILLS = 30
RUNS_PER_KILL = 3
DEATH_SECONDS = 40
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


async def _finish_all(house: House, crashing: Crashing, runs: list[Run]) -> list[Run]:
    """Start a worker that nobody kills and return the runs as they ended."""
    process = crashing.start()
    try:
        return [await house.service.wait(ANNA, run.id, limit=RECOVERY) for run in runs]
    finally:
        process.kill()
        process.join()


async def test_each_boundary_survives_a_crash_at_it(tmp_path: Path) -> None:
    """All of them side by side, each on a database of its own."""
    template = Database(Sensitive(f"sqlite:///{tmp_path / 'template'}"))
    upgrade(template)
    template.close()
    scenes = [_Scene(tmp_path, number) for number in range(len(BOUNDARIES))]
    dying = [scene.crashing.start(scene.failpoint) for scene in scenes]
    for process, scene in zip(dying, scenes, strict=True):
        process.join(DEATH_SECONDS)
        assert process.exitcode == -signal.SIGKILL, scene.failpoint
    saving = [scene.crashing.start() for scene in scenes]
    found = [await scene.outcome() for scene in scenes]
    for process in saving:
        process.kill()
        process.join()
    assert found == list(BOUNDARIES)


class _Scene:
    """One boundary, with all it takes to crash there."""

    def __init__(self, place: Path, number: int) -> None:
        state = place / str(number)
        state.mkdir()
        (state / "calls").touch()
        file = state / "guesthouse.sqlite"
        shutil.copy(place / "template", file)
        self.boundary = BOUNDARIES[number]
        self.failpoint = self.boundary.failpoint.format(number)
        self.crashing = Crashing(f"sqlite:///{file}", state)
        self.house = House(Database(Sensitive(self.crashing.url)), state)
        kind = f"crash{number}"
        self.house.register(self.crashing.flows().get(kind))
        self.run = self.house.enqueue(kind)

    async def outcome(self) -> Boundary:
        run = await self.house.service.wait(ANNA, self.run.id, limit=RECOVERY)
        self.house.database.close()
        calls = self.crashing.counted()
        counts = tuple(calls[f"{run.id}/{name}"] for name in STEPS)
        return dataclasses.replace(self.boundary, state=run.state, calls=counts)


async def test_runs_survive_random_kills(crash_house: House, crashing: Crashing) -> None:
    seed = random.randrange(10**6)  # noqa: S311 - when to kill, not a secret
    chance = random.Random(seed)  # noqa: S311 - likewise
    runs: list[Run] = []
    for _ in range(KILLS):
        runs += [crash_house.enqueue("crash0") for _ in range(RUNS_PER_KILL)]
        process = crashing.start()
        process.join(chance.uniform(0.1, 0.6))
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
