"""From the console into a route's host: a code, once, for one browser at one route."""

import datetime as dt

import pytest
import sqlalchemy as sa

from guesthouse import audit
from guesthouse.bootstrap.people import People
from guesthouse.db import Database
from guesthouse.db.tables import gateway_codes, gateway_sessions
from guesthouse.people.errors import NotEnrolled, NotPermitted
from guesthouse.people.gateway import CODE_LIFETIME, GatewayCodeRefused, RouteUnknown
from guesthouse.people.model import Account, Action, ActorKind, Role
from guesthouse.people.permissions import Verdict, decide
from guesthouse.people.scope import Scope, operator_scope
from guesthouse.people.sessions import IDLE
from tests.fakes.clock import FakeClock
from tests.fakes.people import come_in, signed_in

OPERATOR = operator_scope("operator")
STATE = "state-of-a-browser"
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
async def account(everybody: People) -> Account:
    return await come_in(everybody, "member", "acme", Role.VIEWER)


@pytest.fixture
def member(everybody: People, account: Account) -> Scope:
    return signed_in(everybody, account)


def _code(everybody: People, scope: Scope, path: str = "/orders?id=7") -> str:
    return everybody.gateway_door.issue(scope, "acme", "app", STATE, path).reveal()


def _cookie(everybody: People, scope: Scope) -> str:
    door = everybody.gateway_door
    return door.exchange(_code(everybody, scope), "acme", "app", STATE)[0].reveal()


def _passes(everybody: People, cookie: str) -> bool:
    scope = everybody.gateway_door.authenticate(cookie, "acme", "app")
    return scope is not None and decide(scope, Action.ROUTE_USE, "acme") is Verdict.ALLOWED


def test_who_is_signed_in_gets_a_cookie_of_the_routes_host(
    everybody: People, member: Scope
) -> None:
    door = everybody.gateway_door
    cookie, path = door.exchange(_code(everybody, member), "acme", "app", STATE)
    assert path == "/orders?id=7"
    scope = door.authenticate(cookie.reveal(), "acme", "app")
    assert scope is not None
    assert (scope.actor, scope.roles) == ("member", {"acme": Role.VIEWER})
    assert scope.is_for_routes_only
    assert decide(scope, Action.ENVIRONMENT_READ, "acme") is Verdict.DENIED


def test_going_in_is_recorded(everybody: People, member: Scope) -> None:
    _code(everybody, member)
    with everybody.parts.database.reading() as transaction:
        (row,) = audit.entries(transaction, member, audit.Filters(action="route."))
    assert (row.action, row.object, row.detail) == (
        "route.enter",
        "environment/acme",
        {"route": "app"},
    )


@pytest.mark.parametrize(
    ("environment", "route", "state"),
    [
        pytest.param("other", "app", STATE, id="another-environment"),
        pytest.param("acme", "api", STATE, id="another-route"),
        pytest.param("acme", "app", "of-another-browser", id="another-browser"),
        pytest.param("acme", "app", "", id="no-state"),
    ],
)
def test_a_code_opens_nothing_elsewhere_and_is_spent_by_the_try(
    everybody: People, member: Scope, environment: str, route: str, state: str
) -> None:
    code = _code(everybody, member)
    with pytest.raises(GatewayCodeRefused):
        everybody.gateway_door.exchange(code, environment, route, state)
    with pytest.raises(GatewayCodeRefused):
        everybody.gateway_door.exchange(code, "acme", "app", STATE)


def test_a_code_opens_once(everybody: People, member: Scope) -> None:
    code = _code(everybody, member)
    everybody.gateway_door.exchange(code, "acme", "app", STATE)
    with pytest.raises(GatewayCodeRefused):
        everybody.gateway_door.exchange(code, "acme", "app", STATE)


@pytest.mark.parametrize(
    "jump", [CODE_LIFETIME, -CODE_LIFETIME - SECOND], ids=["old", "clock-back"]
)
def test_a_code_lives_for_a_minute(
    everybody: People, clock: FakeClock, member: Scope, jump: dt.timedelta
) -> None:
    code = _code(everybody, member)
    clock.advance(jump)
    with pytest.raises(GatewayCodeRefused):
        everybody.gateway_door.exchange(code, "acme", "app", STATE)


@pytest.mark.parametrize("code", ["", "x", "é", "\udcff"])
def test_other_codes_open_nothing(everybody: People, code: str) -> None:
    with pytest.raises(GatewayCodeRefused):
        everybody.gateway_door.exchange(code, "acme", "app", STATE)


def test_a_cookie_is_good_for_its_route_alone(everybody: People, member: Scope) -> None:
    cookie = _cookie(everybody, member)
    for environment, route in (("other", "app"), ("acme", "api")):
        assert everybody.gateway_door.authenticate(cookie, environment, route) is None
    assert everybody.sessions.authenticate(cookie) is None
    assert everybody.gateway_door.authenticate("", "acme", "app") is None


def test_a_cookie_ends_with_the_session_it_came_from(everybody: People, member: Scope) -> None:
    cookie, code = _cookie(everybody, member), _code(everybody, member)
    everybody.sessions.revoke(member, str(member.session))
    assert not _passes(everybody, cookie)
    with pytest.raises(GatewayCodeRefused):
        everybody.gateway_door.exchange(code, "acme", "app", STATE)


def test_a_cookie_ends_when_its_session_was_left_alone(
    everybody: People, clock: FakeClock, member: Scope
) -> None:
    cookie = _cookie(everybody, member)
    clock.advance(IDLE - SECOND)
    assert _passes(everybody, cookie)
    clock.advance(IDLE)
    assert not _passes(everybody, cookie)


def test_a_removed_member_no_longer_passes(everybody: People, member: Scope) -> None:
    cookie = _cookie(everybody, member)
    assert _passes(everybody, cookie)
    everybody.accounts.remove(OPERATOR, "acme", "member")
    assert not _passes(everybody, cookie)


def test_a_disabled_account_no_longer_passes(everybody: People, member: Scope) -> None:
    cookie = _cookie(everybody, member)
    everybody.accounts.disable(OPERATOR, "member")
    assert not _passes(everybody, cookie)


def test_leaving_ends_the_cookie_and_not_the_session(everybody: People, member: Scope) -> None:
    cookie, other = _cookie(everybody, member), _cookie(everybody, member)
    everybody.gateway_door.leave(cookie, "acme", "app")
    assert not _passes(everybody, cookie)
    assert _passes(everybody, other)
    assert everybody.sessions.authenticate_id(str(member.session)) is not None


def test_leaving_is_recorded_once(everybody: People, database: Database, member: Scope) -> None:
    cookie = _cookie(everybody, member)
    for _ in range(2):
        everybody.gateway_door.leave(cookie, "acme", "app")
    everybody.gateway_door.leave("nobody's", "acme", "app")
    with database.reading() as transaction:
        rows = audit.entries(transaction, OPERATOR, audit.Filters(action="route.leave"))
    assert [(row.actor, row.object, row.detail) for row in rows] == [
        ("member", "environment/acme", {"route": "app"})
    ]


def test_secrets_are_kept_only_as_digests(
    everybody: People, database: Database, member: Scope
) -> None:
    code, cookie = _code(everybody, member), _cookie(everybody, member)
    with database.reading() as transaction:
        kept = "".join(
            str(transaction.rows(sa.select(table))) for table in (gateway_codes, gateway_sessions)
        )
    assert not any(secret in kept for secret in (code, cookie, STATE))


async def test_only_who_may_use_the_route_gets_a_code(everybody: People, member: Scope) -> None:
    outsider = signed_in(everybody, await come_in(everybody, "out", "other", Role.MANAGER))
    for scope, environment in ((outsider, "acme"), (member, "nowhere")):
        with pytest.raises(RouteUnknown):
            everybody.gateway_door.issue(scope, environment, "app", STATE, "/")
    with pytest.raises(NotPermitted):
        everybody.gateway_door.issue(OPERATOR, "acme", "app", STATE, "/")
    with pytest.raises(GatewayCodeRefused):
        everybody.gateway_door.issue(member, "acme", "app", "", "/")


async def test_who_has_yet_to_enrol_goes_nowhere(everybody: People) -> None:
    anna = signed_in(everybody, await come_in(everybody, "anna", kind=ActorKind.OPERATOR))
    with pytest.raises(NotEnrolled):
        _code(everybody, anna)


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/",
        "/\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "orders",
        "",
        "/a\r\nSet-Cookie: x=y",
        "/\tx",
        "/ü",
        "/" + "x" * 3000,
    ],
)
def test_a_path_that_could_lead_elsewhere_is_dropped(
    everybody: People, member: Scope, path: str
) -> None:
    code = _code(everybody, member, path)
    assert everybody.gateway_door.exchange(code, "acme", "app", STATE)[1] == "/"
