from collections.abc import Iterator
from pathlib import Path

import pytest

from guesthouse.db import Database, upgrade
from guesthouse.kit.sensitive import Sensitive
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(Sensitive(f"sqlite:///{tmp_path / 'guesthouse.sqlite'}"))
    upgrade(opened)
    yield opened
    opened.close()
