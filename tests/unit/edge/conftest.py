import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from guesthouse.db import Database
from guesthouse.kit.sensitive import Sensitive
from tests.fakes.clock import FakeClock
from tests.unit.edge.world import World


@pytest.fixture(scope="package")
def made(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    state = tmp_path_factory.mktemp("state")
    shutil.copy(migrated, state / "guesthouse.sqlite")
    database = Database(Sensitive(f"sqlite:///{state / 'guesthouse.sqlite'}"))
    yield World(database, FakeClock(), state)
    database.close()


@pytest.fixture
def world(made: World) -> World:
    return made.as_it_was()
