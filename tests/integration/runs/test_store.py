"""The suite of the run service once more, on PostgreSQL."""

from collections.abc import Iterator

import pytest

from guesthouse.db import Database
from tests.fakes.clock import FakeClock
from tests.integration.postgresql import Cluster
from tests.integration.runs.conftest import MIGRATED
from tests.unit.runs.test_service import *  # noqa: F403 - the same rules on another database


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def database(postgresql: Cluster) -> Iterator[Database]:
    with postgresql.fresh(template=MIGRATED) as url:
        opened = Database(url)
        yield opened
        opened.close()
