import pytest

from guesthouse.db import Database
from guesthouse.db.tables import environments, partners, products
from guesthouse.errors import NotFound
from guesthouse.gateway.paths import PATH_LIMIT, StateInvalid, safe_path, state_and_next
from guesthouse.gateway.service import Entrance, RouteUnknown
from guesthouse.people import Scope, member_scope, operator_scope
from guesthouse.people.permissions import NotPermitted
from guesthouse.people.scope import auditor_scope
from tests.fakes.clock import START
from tests.fakes.door import CodeSpent, FakeDoor

STATE = "0123456789abcdef0123456789abcdef"
MEMBER = member_scope("member", frozenset({"acme"}))
OUTSIDER = member_scope("outsider", frozenset({"other"}))
ORIGIN = "https://app--acme.apps.localhost:8443"


@pytest.fixture
def door() -> FakeDoor:
    return FakeDoor()


@pytest.fixture
def entrance(database: Database, door: FakeDoor) -> Entrance:
    routes = {
        "app": {"url": f"{ORIGIN}/status", "access": "platform"},
        "hub": {"url": "https://hub--acme.apps.localhost:8443/", "access": "product"},
    }
    common = {"created_at": START, "updated_at": START, "desired": {}}
    with database.transaction() as transaction:
        transaction.insert(partners, name="acme", **common)
        transaction.insert(products, name="beacon", **common)
        for name, lock in (("acme", {"routes": routes}), ("new", None)):
            transaction.insert(
                environments,
                name=name,
                partner="acme",
                product="beacon",
                phase="development",
                state="ready",
                lock=lock,
                **common,
            )
    return Entrance(database, door)


def way_in(
    entrance: Entrance,
    scope: Scope = MEMBER,
    *,
    environment: str = "acme",
    route: str = "app",
    state: str = STATE,
    following: str = "/x?y=1",
) -> str:
    return entrance.way_in(
        scope, environment=environment, route=route, state=state, following=following
    )


@pytest.mark.parametrize("scope", [MEMBER, operator_scope("owner")], ids=["member", "owner"])
def test_the_way_in_is_a_code_at_the_routes_own_host(entrance: Entrance, scope: Scope) -> None:
    address = way_in(entrance, scope)
    assert address == f"{ORIGIN}/.guesthouse/enter?code=code-0-of-{scope.actor}"


@pytest.mark.parametrize(
    ("scope", "environment", "route"),
    [
        pytest.param(OUTSIDER, "acme", "app", id="outsider"),
        pytest.param(MEMBER, "nowhere", "app", id="no-environment"),
        pytest.param(MEMBER, "acme", "nothing", id="no-route"),
        pytest.param(MEMBER, "acme", "hub", id="signs-people-in-itself"),
        pytest.param(MEMBER, "new", "app", id="serves-nothing-yet"),
    ],
)
def test_where_there_is_no_way_in_nobody_learns_why(
    entrance: Entrance, door: FakeDoor, scope: Scope, environment: str, route: str
) -> None:
    with pytest.raises(RouteUnknown) as refusal:
        way_in(entrance, scope, environment=environment, route=route)
    assert isinstance(refusal.value, NotFound)
    assert door.codes == {}


def test_an_auditor_sees_the_environment_but_does_not_use_it(entrance: Entrance) -> None:
    with pytest.raises(NotPermitted):
        way_in(entrance, auditor_scope("auditor"))


@pytest.mark.parametrize("state", ["", "x", STATE + "0", STATE.upper(), f"{STATE[:-1]}\n"])
def test_a_state_no_gateway_gave_leads_nowhere(entrance: Entrance, state: str) -> None:
    with pytest.raises(StateInvalid):
        way_in(entrance, state=state)
    with pytest.raises(StateInvalid):
        entrance.enter(code="code", environment="acme", route="app", state=state)


def test_a_code_is_exchanged_once(entrance: Entrance) -> None:
    code = way_in(entrance).partition("=")[2]
    entry = entrance.enter(code=code, environment="acme", route="app", state=STATE)
    assert entry.path == "/x?y=1"
    with pytest.raises(CodeSpent):
        entrance.enter(code=code, environment="acme", route="app", state=STATE)


def test_who_leaves_without_a_cookie_has_left(entrance: Entrance, door: FakeDoor) -> None:
    door.cookies["kept", "acme", "app"] = MEMBER
    entrance.leave(cookie="", environment="acme", route="app")
    assert door.cookies
    entrance.leave(cookie="kept", environment="acme", route="app")
    assert not door.cookies


@pytest.mark.parametrize(
    "path", ["/", "/a/b?c=d&next=//evil", "/a%2Fb", "/?a=//b", "/a//b", "/%5Cevil", "/x#y"]
)
def test_a_path_of_the_host_is_kept(path: str) -> None:
    assert safe_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "x",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\evil.example",
        "/x\\..\\evil",
        "https://evil.example/",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/x\r\nSet-Cookie: a=b",
        "/x\n",
        "/x y",
        "/\u00e9",
        "/\x7f",
        "/.guesthouse/enter?code=planted",
        "/" + "a" * PATH_LIMIT,
    ],
)
def test_anything_else_becomes_the_front_door(entrance: Entrance, path: str) -> None:
    assert safe_path(path) == "/"
    code = way_in(entrance, following=path).partition("=")[2]
    assert entrance.enter(code=code, environment="acme", route="app", state=STATE).path == "/"


@pytest.mark.parametrize(
    ("query", "state", "following"),
    [
        pytest.param("state=s&next=/x?a=1&b=2", "s", "/x?a=1&b=2", id="with-a-query"),
        pytest.param("state=s&next=/x?y=&next=/z", "s", "/x?y=&next=/z", id="first-next"),
        pytest.param("state=s", "s", "", id="no-next"),
        pytest.param("", "", "", id="nothing"),
    ],
)
def test_what_follows_stands_last_and_as_it_was(query: str, state: str, following: str) -> None:
    assert state_and_next(query) == (state, following)
