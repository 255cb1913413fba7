from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from guesthouse.db import Database, upgrade
from guesthouse.db.tables import metadata
from tests.fakes.clock import FakeClock
from tests.integration.postgresql import Cluster, cluster
from tests.unit.people.conftest import everybody

__all__ = ["everybody"]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    with cluster() as started:
        yield started


@pytest.fixture(scope="session")
def migrated(postgresql: Cluster) -> Iterator[Database]:
    """One database for all: to make one for each test takes longer than the tests."""
    with postgresql.fresh() as url:
        opened = Database(url)
        upgrade(opened)
        yield opened
        opened.close()


@pytest.fixture
def database(migrated: Database) -> Iterator[Database]:
    yield migrated
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    with migrated.transaction() as transaction:
        # The audit log is guarded against this very thing; only its owner can lift that.
        for statement in (
            "ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_guard",
            f"TRUNCATE {tables}",
            "ALTER TABLE audit_entries ENABLE TRIGGER audit_entries_guard",
        ):
            transaction.connection.execute(sa.text(statement))
