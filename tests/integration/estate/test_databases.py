"""The estate on both databases, and several applies at once."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from typing_extensions import override

from guesthouse import audit
from guesthouse.db import Database, upgrade
from guesthouse.db.tables import environments, partners
from guesthouse.estate.departure import Holdings, Offboarded
from guesthouse.estate.model import Applied
from guesthouse.estate.ports import CommitResolver
from guesthouse.estate.service import Domains, EstatePorts, EstateService
from guesthouse.kit.clock import SystemClock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import Role, operator_scope
from guesthouse.runs import RunState
from guesthouse.runs.model import Ending
from tests.fakes.people import come_in
from tests.fakes.running import HandWorker
from tests.fakes.services import fake_services
from tests.integration.postgresql import Cluster, cluster
from tests.unit.estate.cast import (
    MAIN,
    FakeEnvironments,
    FakeInstances,
    FakeMembers,
    documents,
    succeed,
)

OPERATOR = operator_scope("operator")
WITHOUT_ACME = ("environments/acme.yaml", "partners/acme.yaml")
LIMIT_SECONDS = 20


@dataclass
class Meeting(CommitResolver):
    """Answers once everyone who applies has asked."""

    barrier: threading.Barrier

    @override
    async def resolve(self, url: str, ref: str, /) -> str:
        await asyncio.to_thread(self.barrier.wait, LIMIT_SECONDS)
        return MAIN


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Cluster]:
    with cluster() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        yield from _opened(Sensitive(f"sqlite:///{tmp_path / 'guesthouse.sqlite'}"))
        return
    with request.getfixturevalue("postgresql").fresh() as url:
        yield from _opened(url)


def _opened(url: Sensitive[str]) -> Iterator[Database]:
    opened = Database(url)
    upgrade(opened)
    yield opened
    opened.close()


def _apply(database: Database, files: Mapping[str, str], *, together: int = 1) -> list[Applied]:
    """Apply the same files several times at once."""
    meeting = Meeting(threading.Barrier(together))
    ports = EstatePorts(meeting, FakeEnvironments(), FakeInstances(), FakeMembers())
    domains = Domains("localhost", "apps.localhost")
    service = EstateService(database, SystemClock(), ports, domains)
    with ThreadPoolExecutor(together) as pool:
        started = [
            pool.submit(lambda: asyncio.run(service.apply(OPERATOR, files)))
            for _ in range(together)
        ]
        return [each.result(LIMIT_SECONDS) for each in started]


def _names(database: Database, table: sa.Table) -> list[str]:
    with database.reading() as transaction:
        return [row["name"] for row in transaction.rows(sa.select(table.c.name))]


def test_of_applies_at_once_one_does_all_and_the_rest_nothing(database: Database) -> None:
    applied = _apply(database, documents(), together=4)
    assert sorted(len(each.plan.changes) for each in applied) == [0, 0, 0, 4]
    assert sum(len(each.runs) for each in applied) == 1
    assert _names(database, environments) == ["acme"]


def test_what_is_removed_goes_once_nothing_stands_on_it(database: Database) -> None:
    _apply(database, documents())
    with database.transaction() as transaction:
        succeed(transaction)
    gone = documents(*WITHOUT_ACME)
    applied = _apply(database, gone)[0]
    assert [run.kind for run in applied.runs] == ["destroy"]
    with database.transaction() as transaction:
        succeed(transaction)
    assert _apply(database, gone)[0].plan.is_empty
    assert _names(database, partners) == []


def test_partners_are_offboarded_at_once_and_each_once(database: Database, tmp_path: Path) -> None:
    services = fake_services(database, SystemClock(), tmp_path)
    for partner in ("acme", "other"):
        asyncio.run(come_in(services.people, f"{partner}-dev", partner, Role.DEVELOPER))
        services.environments.deploy(OPERATOR, partner)

    def offboard(partner: str) -> Offboarded:
        return services.offboarding.offboard(OPERATOR, partner)

    with ThreadPoolExecutor() as pool:
        done = list(pool.map(offboard, ("acme", "other", "acme", "other")))
    assert [each.left for each in done] == [Holdings()] * 4
    for partner in ("acme", "other"):
        evidence = [each.evidence for each in done if each.partner == partner]
        assert sorted(found[0].count for found in evidence) == [0, 1]
        assert sorted(found[7].count for found in evidence) == [0, 1]
        assert sorted(found[8].count for found in evidence) == [0, 1]
    with database.reading() as transaction:
        assert audit.verify(transaction) is None


def test_a_run_that_ends_meanwhile_does_not_stop_an_offboarding(
    database: Database, tmp_path: Path
) -> None:
    services = fake_services(database, SystemClock(), tmp_path)
    worker = HandWorker(database)
    run = services.environments.deploy(OPERATOR, "acme")
    attempt = worker.start(run)
    with ThreadPoolExecutor() as pool:
        ended = pool.submit(worker.end, attempt, Ending(RunState.SUCCEEDED))
        done = pool.submit(services.offboarding.offboard, OPERATOR, "acme")
        assert ended.result(LIMIT_SECONDS) is None
        assert done.result(LIMIT_SECONDS).left == Holdings()
