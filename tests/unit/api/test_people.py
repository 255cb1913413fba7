"""What the API answers for people: tokens, sessions, partners, members, invitations."""

import asyncio
import datetime as dt
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from guesthouse.db import Database
from guesthouse.edge.access import SESSION_COOKIE
from guesthouse.people import Action, ActorKind, Role
from guesthouse.people.model import Account
from tests.fakes.asgi import client_of
from tests.fakes.clock import FakeClock
from tests.fakes.people import HERE, come_in
from tests.fakes.services import ESTATE, MEMBER, FakeServices

V1 = "/api/v1"
READ = ["env:read", "run:read"]


@pytest.fixture
def ben(services: FakeServices) -> Account:
    return asyncio.run(come_in(services.people, "ben", "acme", Role.DEVELOPER))


@pytest.fixture
def browser(app: FastAPI, services: FakeServices, ben: Account) -> httpx.Client:
    """A browser in which a developer is signed in."""
    return _browser(app, services, ben)


def _browser(app: FastAPI, services: FakeServices, account: Account) -> httpx.Client:
    opened = services.signin.after_invitation(account, HERE)
    client = client_of(app)
    client.headers["Cookie"] = f"{SESSION_COOKIE}={opened.secret.reveal()}"
    client.headers["Sec-Fetch-Site"] = "same-origin"
    return client


def _everything(database: Database) -> str:
    with database.reading() as transaction:
        names = sa.inspect(transaction.connection).get_table_names()
        rows = [
            transaction.connection.exec_driver_sql(f'select * from "{name}"').fetchall()  # noqa: S608 - our own names
            for name in names
        ]
    return str(rows)


def test_whoami_says_who_it_is_and_by_what(
    browser: httpx.Client, operator: httpx.Client, app: FastAPI, services: FakeServices
) -> None:
    said = browser.get(f"{V1}/whoami").json()
    assert (said["login"], said["title"], said["kind"]) == ("ben", "Ben", "member")
    assert (said["roles"], said["partners"], said["scopes"]) == (
        {"acme": "developer"},
        ["acme"],
        None,
    )
    assert said["session"].startswith("ses_")
    assert operator.get(f"{V1}/whoami").json()["partners"] is None
    made = browser.post(f"{V1}/tokens", json={"name": "ci", "scopes": READ}).json()
    by_token = client_of(app, made["token"]).get(f"{V1}/whoami").json()
    assert (by_token["token"], by_token["session"]) == (made["id"], None)
    assert by_token["scopes"] == READ
    assert services.tokens.authenticate(made["token"]) is not None


def test_a_token_is_shown_once_and_kept_nowhere(
    browser: httpx.Client, services: FakeServices
) -> None:
    headers = {"Idempotency-Key": "one"}
    body = {"name": "laptop", "scopes": READ, "days": 30}
    made = browser.post(f"{V1}/tokens", json=body, headers=headers)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert made.json()["token"] not in _everything(services.database)
    again = browser.post(f"{V1}/tokens", json=body, headers=headers)
    assert (again.status_code, "shown once" in again.json()["detail"]) == (409, True)
    (listed,) = browser.get(f"{V1}/tokens").json()["items"]
    assert (listed["name"], listed["scopes"]) == ("laptop", READ)
    assert "token" not in listed


def test_a_token_just_made_was_not_used_yet(app: FastAPI, browser: httpx.Client) -> None:
    made = browser.post(f"{V1}/tokens", json={"name": "ci", "scopes": READ}).json()
    [listed] = browser.get(f"{V1}/tokens").json()["items"]
    assert (listed["id"], listed["last_used_at"]) == (made["id"], None)
    client_of(app, made["token"]).get(f"{V1}/whoami")
    assert browser.get(f"{V1}/tokens").json()["items"][0]["last_used_at"] is not None


def test_a_token_gets_no_more_than_its_owner_has(browser: httpx.Client) -> None:
    for scopes in (["env:manage"], ["account:own"], ["audit:read"]):
        answer = browser.post(f"{V1}/tokens", json={"name": "x", "scopes": scopes})
        assert answer.status_code == 403
    other = {"name": "x", "scopes": READ, "partners": ["other"]}
    assert browser.post(f"{V1}/tokens", json=other).status_code == 403
    unknown = {"name": "x", "scopes": ["everything"]}
    assert browser.post(f"{V1}/tokens", json=unknown).status_code == 422


def test_a_token_makes_no_token_but_ends_itself(app: FastAPI, browser: httpx.Client) -> None:
    made = browser.post(f"{V1}/tokens", json={"name": "ci"}).json()
    program = client_of(app, made["token"])
    assert program.post(f"{V1}/tokens", json={"name": "more"}).status_code == 403
    assert [token["id"] for token in program.get(f"{V1}/tokens").json()["items"]] == [made["id"]]
    body = {"name": "narrow", "scopes": READ}
    narrow = client_of(app, browser.post(f"{V1}/tokens", json=body).json()["token"])
    assert narrow.get(f"{V1}/tokens").status_code == 403
    assert narrow.delete(f"{V1}/tokens/{made['id']}").status_code == 404
    assert program.delete(f"{V1}/tokens/{made['id']}").status_code == 204
    assert program.get(f"{V1}/whoami").status_code == 401


def test_an_ended_token_opens_nothing(app: FastAPI, browser: httpx.Client) -> None:
    made = browser.post(f"{V1}/tokens", json={"name": "ci"}).json()
    assert browser.delete(f"{V1}/tokens/{made['id']}").status_code == 204
    assert browser.delete(f"{V1}/tokens/{made['id']}").status_code == 404
    assert client_of(app, made["token"]).get(f"{V1}/whoami").status_code == 401


def test_the_machines_operator_makes_tokens(operator: httpx.Client, app: FastAPI) -> None:
    made = operator.post(f"{V1}/tokens", json={"name": "ci", "scopes": READ, "days": None}).json()
    assert made["expires_at"] is None
    program = client_of(app, made["token"])
    assert program.get(f"{V1}/environments").status_code == 200
    assert program.get(f"{V1}/audit").status_code == 403


def test_sessions_are_listed_and_ended(
    app: FastAPI, services: FakeServices, ben: Account, browser: httpx.Client
) -> None:
    elsewhere = _browser(app, services, ben)
    listed = browser.get(f"{V1}/sessions").json()["items"]
    assert [session["is_current"] for session in listed].count(True) == 1
    (other,) = (session for session in listed if not session["is_current"])
    assert (other["address"], other["agent"], other["door"]) == (
        "192.0.2.1",
        "browser of a test",
        "password",
    )
    assert browser.delete(f"{V1}/sessions/{other['id']}").status_code == 204
    assert elsewhere.get(f"{V1}/whoami").status_code == 401
    assert browser.get(f"{V1}/whoami").status_code == 200


def test_lists_of_ones_own_come_in_pages(browser: httpx.Client, clock: FakeClock) -> None:
    for number in range(3):
        clock.advance(dt.timedelta(seconds=1))
        browser.post(f"{V1}/tokens", json={"name": f"token {number}"})
    first = browser.get(f"{V1}/tokens", params={"limit": 2}).json()
    rest = browser.get(f"{V1}/tokens", params={"cursor": first["next_cursor"]}).json()
    names = [token["name"] for token in first["items"] + rest["items"]]
    assert names == ["token 2", "token 1", "token 0"]
    assert rest["next_cursor"] is None


def test_a_partner_added_by_hand_outlives_an_apply_and_may_be_declared(
    operator: httpx.Client,
) -> None:
    body = {"name": "third", "title": "Third Ltd"}
    added = operator.post(f"{V1}/partners", json=body)
    assert (added.status_code, added.json()["is_declared"]) == (201, False)
    assert operator.post(f"{V1}/partners", json=body).status_code == 409
    plan = operator.post(f"{V1}/estate/plan", json={"documents": dict(ESTATE)}).json()
    assert "third" not in [change["name"] for change in plan["changes"]]
    declared = {**ESTATE, "partners/third.yaml": "{name: third, title: Third Ltd}\n"}
    assert operator.post(f"{V1}/estate/apply", json={"documents": declared}).status_code == 202
    assert operator.get(f"{V1}/partners/third").json()["is_declared"] is True


@pytest.mark.parametrize("name", ["", "Third", "../x", "a" * 64, "third\n"])
def test_a_partner_is_called_as_estates_call_them(operator: httpx.Client, name: str) -> None:
    body = {"name": name, "title": "Third Ltd"}
    assert operator.post(f"{V1}/partners", json=body).status_code == 422


def test_a_member_comes_in_by_invitation_gets_a_role_and_is_seen_out(
    app: FastAPI, services: FakeServices, operator: httpx.Client
) -> None:
    body = {"login": "Ann", "title": "Ann", "role": "viewer"}
    invited = operator.post(f"{V1}/partners/acme/invitations", json=body)
    assert (invited.status_code, invited.headers["cache-control"]) == (201, "no-store")
    made: dict[str, Any] = invited.json()
    assert made["url"] == f"https://console.localhost:8443/invitation/{made['code']}"
    assert made["code"] not in _everything(services.database)
    (waiting,) = operator.get(f"{V1}/partners/acme/members").json()["items"]
    assert (waiting["login"], waiting["state"]) == ("ann", "invited")
    assert waiting["invitation"] == made["id"]
    account = asyncio.run(come_in(services.people, "ann2", "acme", Role.VIEWER))
    browser = _browser(app, services, account)
    put = operator.put(f"{V1}/partners/acme/members/ann2", json={"role": "developer"})
    assert put.status_code == 204
    assert browser.get(f"{V1}/whoami").json()["roles"] == {"acme": "developer"}
    ended = operator.delete(f"{V1}/partners/acme/members/ann2").json()
    assert (ended["logins"], ended["sessions"]) == (["ann2"], 1)
    assert browser.get(f"{V1}/whoami").status_code == 401
    assert operator.delete(f"{V1}/partners/acme/members/ann2").status_code == 404


def test_invitations_are_listed_and_revoked(
    operator: httpx.Client, outsider: httpx.Client
) -> None:
    body = {"login": "zoe", "title": "Zoe", "kind": "auditor", "days": 1}
    made = operator.post(f"{V1}/invitations", json=body).json()
    assert (made["kind"], made["partner"], made["role"]) == ("auditor", None, None)
    listed = operator.get(f"{V1}/invitations").json()["items"]
    assert [each["id"] for each in listed] == [made["id"]]
    assert "code" not in listed[0]
    assert outsider.get(f"{V1}/invitations").json()["items"] == []
    assert operator.delete(f"{V1}/invitations/{made['id']}").status_code == 204
    assert operator.delete(f"{V1}/invitations/{made['id']}").status_code == 404


def test_a_manager_invites_to_their_partner_and_makes_no_operator(
    app: FastAPI, services: FakeServices
) -> None:
    manager = client_of(app, services.token(MEMBER))
    body = {"login": "zoe", "title": "Zoe", "kind": "operator"}
    assert manager.post(f"{V1}/invitations", json=body).status_code == 403
    elsewhere = {"login": "zoe", "title": "Zoe", "partner": "other", "role": "viewer"}
    assert manager.post(f"{V1}/invitations", json=elsewhere).status_code == 404


def test_who_is_shut_out_is_out_at_once(
    browser: httpx.Client, operator: httpx.Client, app: FastAPI
) -> None:
    token = browser.post(f"{V1}/tokens", json={"name": "ci"}).json()["token"]
    ended = operator.post(f"{V1}/accounts/ben/disable").json()
    assert (ended["sessions"], ended["tokens"]) == (1, 1)
    assert browser.get(f"{V1}/whoami").status_code == 401
    assert client_of(app, token).get(f"{V1}/whoami").status_code == 401
    (shown,) = operator.get(f"{V1}/accounts").json()["items"]
    assert shown["disabled_at"] is not None
    assert operator.post(f"{V1}/accounts/ben/enable").status_code == 204
    assert browser.get(f"{V1}/whoami").status_code == 401
    reset = operator.post(f"{V1}/accounts/ben/reset").json()
    assert reset["url"].endswith(reset["code"])


def test_an_operator_without_a_second_factor_may_only_enrol(
    app: FastAPI, services: FakeServices
) -> None:
    account = asyncio.run(come_in(services.people, "ops", kind=ActorKind.OPERATOR))
    browser = _browser(app, services, account)
    assert browser.get(f"{V1}/whoami").json()["must_enrol"] is True
    refused = browser.get(f"{V1}/runs")
    assert (refused.status_code, "second factor" in refused.json()["detail"]) == (403, True)
    assert browser.post(f"{V1}/tokens", json={"name": "x"}).status_code == 403


def test_a_session_ends_by_itself(browser: httpx.Client, clock: FakeClock) -> None:
    clock.advance(dt.timedelta(hours=13))
    assert browser.get(f"{V1}/whoami").status_code == 401


def test_actions_a_token_may_have_are_told_in_the_description(operator: httpx.Client) -> None:
    document = operator.get(f"{V1}/openapi.json").json()
    paths = document["paths"]
    assert paths[f"{V1}/audit"]["get"]["x-guesthouse-scope"] == Action.AUDIT_READ.value
    assert set(document["components"]["securitySchemes"]) == {"token", "session"}
