import dataclasses
import datetime as dt

import httpx
import pytest
from typing_extensions import override

from guesthouse.api import create_app
from guesthouse.api.store import IdempotencyStore
from guesthouse.environments.service import EnvironmentService
from guesthouse.people import Scope, operator_scope
from guesthouse.runs import Json, Run
from tests.fakes.asgi import client_of
from tests.fakes.clock import FakeClock
from tests.fakes.services import OPERATOR, FakeServices

DEPLOY = "/api/v1/environments/acme/deploy"
KEY = {"Idempotency-Key": "one"}


def _runs(services: FakeServices) -> int:
    return len(services.runs.list(OPERATOR).items)


def test_the_same_key_is_carried_out_once(services: FakeServices, operator: httpx.Client) -> None:
    first = operator.post(DEPLOY, headers=KEY)
    again = operator.post(DEPLOY, headers=KEY)
    assert (again.status_code, again.json()) == (202, first.json())
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert _runs(services) == 1


def test_without_a_key_each_request_counts(services: FakeServices, operator: httpx.Client) -> None:
    operator.post(DEPLOY)
    operator.post(DEPLOY)
    assert _runs(services) == 2


def test_keys_belong_to_their_caller(
    services: FakeServices, operator: httpx.Client, member: httpx.Client
) -> None:
    operator.post(DEPLOY, headers=KEY)
    member.post(DEPLOY, headers=KEY)
    assert _runs(services) == 2


def test_a_key_for_another_request_is_refused(
    services: FakeServices, operator: httpx.Client
) -> None:
    operator.post(DEPLOY, headers=KEY)
    answer = operator.post("/api/v1/environments/other/deploy", headers=KEY)
    assert answer.status_code == 422
    assert "fresh key" in answer.json()["next_step"]
    assert _runs(services) == 1


def test_a_refused_request_frees_its_key(services: FakeServices, operator: httpx.Client) -> None:
    missing = operator.post("/api/v1/environments/nothing/deploy", headers=KEY)
    assert missing.status_code == 404
    assert operator.post(DEPLOY, headers=KEY).status_code == 202
    assert _runs(services) == 1


def test_a_request_at_work_is_not_carried_out_twice(
    services: FakeServices, operator: httpx.Client
) -> None:
    first = operator.post(DEPLOY, headers=KEY)
    with services.database.transaction() as transaction:
        store = IdempotencyStore()
        used = store.get(OPERATOR, transaction, "one")
        assert used is not None
        store.release(OPERATOR, transaction, "one")
        assert store.claim(OPERATOR, transaction, "one", used.request, at=services.clock.now())
    answer = operator.post(DEPLOY, headers=KEY)
    assert (first.status_code, answer.status_code) == (202, 409)
    assert "run list" in answer.json()["next_step"]
    assert _runs(services) == 1


def test_of_two_claims_one_wins(services: FakeServices) -> None:
    store = IdempotencyStore()
    with services.database.transaction() as transaction:
        now = services.clock.now()
        won = [store.claim(OPERATOR, transaction, "one", "r", at=now) for _ in range(2)]
        assert won == [True, False]
        assert store.claim(operator_scope("second"), transaction, "one", "r", at=now)


def test_keys_expire_after_a_day(
    services: FakeServices, operator: httpx.Client, clock: FakeClock
) -> None:
    operator.post(DEPLOY, headers=KEY)
    clock.advance(dt.timedelta(hours=25))
    assert "idempotency-replayed" not in operator.post(DEPLOY, headers=KEY).headers
    assert _runs(services) == 2


@pytest.mark.parametrize("key", [pytest.param("", id="empty"), pytest.param("k" * 256, id="long")])
def test_an_unusable_key_is_refused(
    services: FakeServices, operator: httpx.Client, key: str
) -> None:
    assert operator.post(DEPLOY, headers={"Idempotency-Key": key}).status_code == 422
    assert _runs(services) == 0


def test_reading_takes_no_key(operator: httpx.Client) -> None:
    answers = [operator.get("/api/v1/runs", headers=KEY) for _ in range(2)]
    assert all("idempotency-replayed" not in answer.headers for answer in answers)


class Breaking(EnvironmentService):
    """Does what it is asked to, then breaks."""

    @override
    def deploy(self, scope: Scope, name: str, *, locked: Json | None = None) -> Run:
        super().deploy(scope, name, locked=locked)
        raise RuntimeError


def test_a_request_that_broke_is_not_carried_out_twice(services: FakeServices) -> None:
    breaking = Breaking(services.database, services.clock, services.runs)
    app = create_app(dataclasses.replace(services, environments=breaking))
    client = client_of(app, services.token(OPERATOR))
    answers = [client.post(DEPLOY, headers=KEY).status_code for _ in range(2)]
    assert answers == [500, 409]
    assert _runs(services) == 1
