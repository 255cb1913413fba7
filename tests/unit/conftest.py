import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from guesthouse.db import Database, upgrade
from guesthouse.kit.sensitive import Sensitive
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of the newest schema; a copy takes a hundredth of the migrations' time."""
    file = tmp_path_factory.mktemp("migrated") / "guesthouse.sqlite"
    made = Database(Sensitive(f"sqlite:///{file}"))
    upgrade(made)
    made.close()
    return file


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Iterator[Database]:
    file = tmp_path / "guesthouse.sqlite"
    shutil.copyfile(migrated, file)
    opened = Database(Sensitive(f"sqlite:///{file}"))
    yield opened
    opened.close()
