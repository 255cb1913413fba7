"""The database goes away for a moment: callers are told to come again, and nothing is lost."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from guesthouse import audit
from guesthouse.api import create_app
from guesthouse.db import Database, upgrade
from guesthouse.db import engine as database_engine
from guesthouse.db.engine import DatabaseUnavailable, OutcomeUnknown
from guesthouse.kit.clock import SystemClock
from tests.fakes.asgi import client_of
from tests.fakes.services import OPERATOR, SYSTEM, FakeServices, fake_services
from tests.integration.postgresql import Cluster, cluster

ENVIRONMENT = "/api/v1/environments/acme"
DEPLOY = f"{ENVIRONMENT}/deploy"


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Cluster]:
    with cluster() as started:
        yield started


@pytest.fixture
def on_postgresql(postgresql: Cluster, tmp_path: Path) -> Iterator[FakeServices]:
    with postgresql.fresh() as url:
        database = Database(url)
        upgrade(database)
        yield fake_services(database, SystemClock(), tmp_path)
        database.close()


def _is_told_to_come_again(answer: httpx.Response) -> bool:
    return (
        answer.status_code == 503
        and answer.headers["content-type"] == "application/problem+json"
        and int(answer.headers["retry-after"]) > 0
        and answer.json()["type"] == "urn:guesthouse:problem:unavailable"
    )


def _runs(services: FakeServices) -> int:
    return len(services.runs.list(OPERATOR).items)


def _chain_holds(services: FakeServices) -> bool:
    with services.database.reading() as transaction:
        return audit.verify(transaction) is None


def test_requests_fail_while_postgresql_is_stopped_and_work_once_it_is_back(
    postgresql: Cluster, on_postgresql: FakeServices
) -> None:
    client = client_of(create_app(on_postgresql), on_postgresql.token(OPERATOR))
    assert client.post(DEPLOY).status_code == 202
    postgresql.stop()
    try:
        assert _is_told_to_come_again(client.get(ENVIRONMENT))
        assert _is_told_to_come_again(client.post(DEPLOY))
        assert _is_told_to_come_again(client.get("/api/v1/health"))
    finally:
        postgresql.start()
    assert client.get(ENVIRONMENT).status_code == 200
    assert client.post(DEPLOY).status_code == 202
    assert (_runs(on_postgresql), _chain_holds(on_postgresql)) == (2, True)


def test_a_connection_that_breaks_midway_drops_the_whole_transaction(
    postgresql: Cluster, on_postgresql: FakeServices
) -> None:
    def break_off() -> None:
        with on_postgresql.database.transaction() as transaction:
            audit.record(transaction, SYSTEM, "test.before", "run/1")
            postgresql.stop()
            audit.record(transaction, SYSTEM, "test.after", "run/1")

    try:
        with pytest.raises(DatabaseUnavailable) as caught:
            break_off()
    finally:
        postgresql.start()
    assert not isinstance(caught.value, OutcomeUnknown)
    with on_postgresql.database.reading() as transaction:
        assert audit.entries(transaction, OPERATOR) == ()


def test_a_commit_that_is_broken_off_is_told_apart(
    postgresql: Cluster, on_postgresql: FakeServices
) -> None:
    def break_off() -> None:
        with on_postgresql.database.transaction() as transaction:
            audit.record(transaction, SYSTEM, "test.before", "run/1")
            postgresql.stop()

    try:
        with pytest.raises(OutcomeUnknown):
            break_off()
    finally:
        postgresql.start()


@pytest.fixture
def locked(
    services: FakeServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[sqlite3.Connection]:
    """Somebody else holds SQLite's lock for longer than we wait."""
    monkeypatch.setattr(database_engine, "BUSY_TIMEOUT_MS", 50)
    services.database.close()  # connections that are made from now on wait for less
    other = sqlite3.connect(tmp_path / "guesthouse.sqlite", isolation_level=None)
    yield other
    other.close()


def test_a_locked_sqlite_file_refuses_changes_for_now_and_serves_reads(
    services: FakeServices, locked: sqlite3.Connection
) -> None:
    client = client_of(create_app(services), services.token(OPERATOR))
    keyed = {"Idempotency-Key": "one"}
    locked.execute("BEGIN IMMEDIATE")
    assert client.get(ENVIRONMENT).status_code == 200
    assert _is_told_to_come_again(client.post(DEPLOY, headers=keyed))
    locked.execute("ROLLBACK")
    assert client.post(DEPLOY, headers=keyed).status_code == 202
    assert client.post(DEPLOY, headers=keyed).headers["idempotency-replayed"] == "true"
    assert (_runs(services), _chain_holds(services)) == (1, True)


def test_a_statement_that_is_wrong_is_no_outage(services: FakeServices) -> None:
    with (
        pytest.raises(OperationalError, match="no such table"),
        services.database.reading() as transaction,
    ):
        transaction.scalar(sa.text("SELECT 1 FROM absent"))
