import threading

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import IntegrityError

from guesthouse.db import Database, Transaction, upgrade
from guesthouse.db.tables import environments, idempotency_keys, metadata
from tests.fakes.clock import START


def _insert(transaction: Transaction, key: str) -> None:
    transaction.insert(idempotency_keys, actor="anna", key=key, request="0" * 64, created_at=START)


def _keys(database: Database) -> list[str]:
    with database.reading() as transaction:
        return [row["key"] for row in transaction.rows(sa.select(idempotency_keys))]


def test_migrated_schema_equals_the_tables(database: Database) -> None:
    with database.reading() as transaction:
        context = MigrationContext.configure(transaction.connection)
        assert compare_metadata(context, metadata) == []


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    with database.transaction() as transaction:
        _insert(transaction, "a")
    upgrade(database)
    assert _keys(database) == ["a"]


def test_an_error_drops_the_whole_transaction(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as transaction:
            _insert(transaction, "a")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert _keys(database) == []


def test_times_come_back_in_utc(database: Database) -> None:
    with database.transaction() as transaction:
        _insert(transaction, "a")
        assert transaction.scalar(sa.select(idempotency_keys.c.created_at)) == START


def test_foreign_keys_are_enforced(database: Database) -> None:
    with pytest.raises(IntegrityError), database.transaction() as transaction:
        transaction.insert(
            environments,
            name="acme",
            partner="nobody",
            product="none",
            phase="absent",
            state="absent",
            desired={},
            created_at=START,
            updated_at=START,
        )


def test_writers_take_turns_instead_of_failing(database: Database) -> None:
    def write(number: int) -> None:
        with database.transaction() as transaction:
            before = transaction.scalar(sa.select(sa.func.count()).select_from(idempotency_keys))
            _insert(transaction, f"{number}-{before}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(key.split("-")[1]) for key in _keys(database)) == list(range(8))


def test_readers_see_through_a_writer(database: Database) -> None:
    with database.transaction() as transaction:
        _insert(transaction, "a")
        assert _keys(database) == []
