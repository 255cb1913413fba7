"""Signing a program in by a code that its person confirms (RFC 8628)."""

import datetime as dt

import httpx
import pytest
from fastapi import FastAPI

from guesthouse.people import Role
from guesthouse.people.scope import Scope
from tests.fakes.asgi import client_of
from tests.fakes.clock import FakeClock
from tests.fakes.people import come_in, signed_in
from tests.fakes.services import FakeServices

DEVICE, TOKEN = "/api/v1/device", "/api/v1/device/token"
PROBLEM = "application/problem+json"


@pytest.fixture
async def ben(services: FakeServices) -> Scope:
    account = await come_in(services.people, "ben", "acme", Role.DEVELOPER)
    return signed_in(services.people, account)


def _begin(anonymous: httpx.Client, scope: str = "env:read") -> dict[str, str]:
    answer = anonymous.post(DEVICE, json={"client_id": "guesthouse", "scope": scope})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    code: dict[str, str] = answer.json()
    return code


def _ask(anonymous: httpx.Client, code: dict[str, str]) -> httpx.Response:
    return anonymous.post(TOKEN, json={"device_code": code["device_code"]})


def test_a_program_gets_its_token_once_its_person_has_confirmed(
    anonymous: httpx.Client, services: FakeServices, app: FastAPI, clock: FakeClock, ben: Scope
) -> None:
    code = _begin(anonymous)
    page = "https://console.localhost:8443/device"
    assert code["verification_uri"] == page
    assert code["verification_uri_complete"] == f"{page}?code={code['user_code']}"
    waiting = _ask(anonymous, code)
    assert (waiting.status_code, waiting.headers["content-type"]) == (400, PROBLEM)
    assert waiting.json()["error"] == "authorization_pending"
    assert _ask(anonymous, code).json()["error"] == "slow_down"
    services.devices.confirm(ben, code["user_code"])
    clock.advance(dt.timedelta(seconds=20))
    given = _ask(anonymous, code)
    assert (given.status_code, given.headers["cache-control"]) == (200, "no-store")
    assert given.json()["token_type"] == "Bearer"  # noqa: S105 - a kind of token
    program = client_of(app, given.json()["access_token"])
    assert program.get("/api/v1/whoami").json()["scopes"] == ["env:read"]
    assert program.get("/api/v1/runs").status_code == 403
    assert _ask(anonymous, code).json()["error"] == "expired_token"


def test_a_program_learns_that_its_person_said_no(
    anonymous: httpx.Client, services: FakeServices, ben: Scope
) -> None:
    code = _begin(anonymous)
    services.devices.refuse(ben, code["user_code"])
    assert _ask(anonymous, code).json()["error"] == "access_denied"


def test_a_code_grows_old(anonymous: httpx.Client, clock: FakeClock) -> None:
    code = _begin(anonymous)
    clock.advance(dt.timedelta(minutes=11))
    assert _ask(anonymous, code).json()["error"] == "expired_token"


def test_a_made_up_code_opens_nothing(anonymous: httpx.Client) -> None:
    assert _ask(anonymous, {"device_code": "x" * 40}).json()["error"] == "expired_token"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"client_id": "x", "scope": "everything"}, id="no-such-scope"),
        pytest.param({"client_id": "x", "scope": "account:own"}, id="not-for-tokens"),
        pytest.param({"client_id": ""}, id="nameless"),
        pytest.param({"client_id": "two\nlines\x07"}, id="not-one-line"),
        pytest.param({"client_id": "x", "more": 1}, id="unknown-key"),
    ],
)
def test_a_program_asks_for_what_there_is(
    anonymous: httpx.Client, body: dict[str, object]
) -> None:
    assert anonymous.post(DEVICE, json=body).status_code == 422


def test_another_kind_of_grant_is_refused(anonymous: httpx.Client) -> None:
    body = {"device_code": "x", "grant_type": "password"}
    assert anonymous.post(TOKEN, json=body).status_code == 422


def test_one_address_begins_only_so_many(anonymous: httpx.Client, clock: FakeClock) -> None:
    for _ in range(10):
        _begin(anonymous)
    refused = anonymous.post(DEVICE, json={"client_id": "guesthouse"})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    clock.advance(dt.timedelta(minutes=1))
    _begin(anonymous)
