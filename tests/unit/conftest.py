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
    """A database brought up to date once: to migrate anew for each test doubles their time."""
    file = tmp_path_factory.mktemp("database") / "guesthouse.sqlite"
    opened = Database(Sensitive(f"sqlite:///{file}"))
    upgrade(opened)
    opened.close()
    return file


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Iterator[Database]:
    file = tmp_path / "guesthouse.sqlite"
    shutil.copy(migrated, file)
    opened = Database(Sensitive(f"sqlite:///{file}"))
    yield opened
    opened.close()
