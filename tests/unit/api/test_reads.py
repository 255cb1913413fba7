"""Reads of logs, JUnit files and locks are recorded: once for each that is opened."""

import datetime as dt

import httpx
import pytest

from guesthouse import audit
from guesthouse.environments.store import ArtifactStore
from guesthouse.runs import Run
from tests.fakes.clock import START, FakeClock
from tests.fakes.running import HandWorker
from tests.fakes.services import MEMBER, OPERATOR, FakeServices
from tests.unit.api.events import events_of

Reads = list[tuple[str, str, str]]


@pytest.fixture
def run(services: FakeServices, worker: HandWorker) -> Run:
    queued = services.environments.deploy(OPERATOR, "acme")
    worker.succeed(queued)
    return queued


def _reads(services: FakeServices) -> Reads:
    with services.database.reading() as transaction:
        found = audit.entries(transaction, OPERATOR)
    return [
        (entry.actor, entry.action, entry.object) for entry in found if ".read_" in entry.action
    ]


def _log(client: httpx.Client, run: Run, **params: int) -> httpx.Response:
    return client.get(f"/api/v1/runs/{run.id}/log", params=params)


def test_a_log_read_page_by_page_is_one_read(
    services: FakeServices, member: httpx.Client, run: Run
) -> None:
    for after in range(4):
        assert _log(member, run, after=after, limit=1).is_success
    assert _reads(services) == [(MEMBER.actor, "run.read_log", f"run/{run.id}")]


def test_a_followed_log_is_one_read_across_reconnects(
    services: FakeServices, member: httpx.Client, run: Run
) -> None:
    assert len(events_of(_log(member, run, follow=True).text)) > 1
    headers = {"Last-Event-ID": "2"}
    path = f"/api/v1/runs/{run.id}/log"
    assert member.get(path, params={"follow": True}, headers=headers).is_success
    assert len(_reads(services)) == 1


def test_reading_from_the_start_again_is_another_read(
    services: FakeServices, member: httpx.Client, run: Run
) -> None:
    for _ in range(2):
        _log(member, run)
    assert len(_reads(services)) == 2


def test_nobody_reads_the_middle_unrecorded(
    services: FakeServices, member: httpx.Client, operator: httpx.Client, run: Run
) -> None:
    _log(member, run)
    _log(operator, run, after=1)
    assert [actor for actor, _, _ in _reads(services)] == [OPERATOR.actor, MEMBER.actor]


def test_after_an_hour_a_read_is_another_one(
    services: FakeServices, member: httpx.Client, run: Run, clock: FakeClock
) -> None:
    _log(member, run)
    clock.advance(dt.timedelta(minutes=61))
    _log(member, run, after=1)
    assert len(_reads(services)) == 2


def test_reading_junit_and_lock_is_recorded(
    services: FakeServices, member: httpx.Client, run: Run
) -> None:
    with services.database.transaction() as transaction:
        ArtifactStore().put(
            OPERATOR, transaction, run.id, "junit.xml", media_type="a/b", data=b"<t/>", at=START
        )
    assert member.get(f"/api/v1/runs/{run.id}/junit").is_success
    assert member.get("/api/v1/environments/acme/lock").is_success
    assert _reads(services) == [
        (MEMBER.actor, "environment.read_lock", "environment/acme"),
        (MEMBER.actor, "run.read_junit", f"run/{run.id}"),
    ]


def test_what_outsiders_do_not_get_to_see_is_no_read(
    services: FakeServices, outsider: httpx.Client, run: Run
) -> None:
    assert _log(outsider, run).status_code == 404
    assert outsider.get(f"/api/v1/runs/{run.id}/junit").status_code == 404
    assert outsider.get("/api/v1/environments/acme/lock").status_code == 404
    assert _reads(services) == []
