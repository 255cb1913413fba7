"""Every route of the application for everybody: what is not declared here fails."""

import pytest
from fastapi.routing import iter_route_contexts

from guesthouse.edge.access import Access
from guesthouse.edge.origin import SAFE_METHODS, CrossOrigin
from guesthouse.edge.routes import admissions
from tests.unit.edge import rows_api, rows_pages
from tests.unit.edge.asking import ask
from tests.unit.edge.world import CAST, HOST, World

ROWS = rows_api.ROWS | rows_pages.ROWS
V1 = rows_api.V1
FOREIGN = {
    "cross-site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"},
    "same-site": {"Sec-Fetch-Site": "same-site", "Origin": f"https://app--acme.{HOST}"},
    "old-browser": {"Origin": "https://evil.test"},
    "says-nothing": {},
}


def _routes() -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("method", "path"), [pytest.param(*route, id=" ".join(route)) for route in ROWS]
    )


def test_every_route_has_a_row(world: World) -> None:
    found = {(method, path) for path, method in admissions(world.app)}
    assert found == set(ROWS)


def test_there_is_no_way_in_beside_declared_routes(world: World) -> None:
    contexts = list(iter_route_contexts(world.app.routes))
    assert [context.path for context in contexts if context.endpoint is None] == []
    # A WebSocket has no method, and would go past the guard.
    assert [context.path for context in contexts if not context.methods] == []


@_routes()
def test_everybody_gets_what_the_row_says(world: World, method: str, path: str) -> None:
    expected = dict(zip(CAST, map(int, ROWS[method, path].split()), strict=True))
    found = {}
    for who in CAST:
        answer = ask(world, method, path, world.headers[who])
        found[who] = answer.status
        if who == "outsider" and answer.status == 200:
            assert world.names["run_id"] not in answer.text
            assert "acme" not in answer.text
        if method not in SAFE_METHODS and answer.status < 400:
            world.as_it_was()
    assert found == expected


@_routes()
def test_a_token_that_only_reads_changes_nothing(world: World, method: str, path: str) -> None:
    access = admissions(world.app)[path, method].access
    if method in SAFE_METHODS or access is not Access.SIGNED_IN:
        return
    before = world.services.database
    with before.reading() as transaction:
        rows = transaction.connection.exec_driver_sql("select count(*) from audit_entries")
        count = rows.scalar()
    answer = ask(world, method, path, world.headers["reader"])
    assert answer.status in {403, 404}
    with before.reading() as transaction:
        rows = transaction.connection.exec_driver_sql("select count(*) from audit_entries")
        assert rows.scalar() == count


@pytest.mark.parametrize("sent", FOREIGN.values(), ids=FOREIGN)
def test_pages_of_others_change_nothing_with_our_cookie(
    world: World, sent: dict[str, str]
) -> None:
    cookie = {"Cookie": world.headers["operator"]["Cookie"]}
    found = {
        (method, path): ask(world, method, path, {**cookie, **sent})
        for (path, method), admission in admissions(world.app).items()
        if method not in SAFE_METHODS and admission.access is Access.SIGNED_IN
    }
    assert {route: answer.status for route, answer in found.items()} == dict.fromkeys(found, 403)
    assert len(found) > 20


@pytest.mark.parametrize("name", ["cross-site", "same-site", "old-browser"])
def test_pages_of_others_sign_nobody_in(world: World, name: str) -> None:
    found = {
        (method, path): ask(world, method, path, FOREIGN[name]).status
        for (path, method), admission in admissions(world.app).items()
        if method not in SAFE_METHODS and admission.access is Access.ANYONE
    }
    assert found == dict.fromkeys(found, 403)
    assert len(found) >= 2


@pytest.mark.parametrize("who", ["outsider", "viewer", "manager", "auditor"])
def test_nobody_ends_what_is_somebody_elses(world: World, who: str) -> None:
    leaver = {"Cookie": world.headers["leaver"]["Cookie"]}
    bearer = {"Authorization": f"Bearer {world.codes['leaver']}"}
    for route in (
        ("DELETE", f"{V1}/tokens/{{token}}"),
        ("DELETE", f"{V1}/sessions/{{session}}"),
        ("POST", "/account/tokens/{token}/revoke"),
        ("POST", "/account/sessions/{session}/end"),
        ("POST", "/account/sessions/others/end"),
    ):
        ask(world, *route, world.headers[who])
        assert world.ask("GET", f"{V1}/whoami", leaver).status == 200
        assert world.ask("GET", f"{V1}/whoami", bearer).status == 200


def test_a_page_of_others_follows_no_log_with_our_cookie(world: World) -> None:
    cookie = {"Cookie": world.headers["operator"]["Cookie"]}
    address = f"{V1}/runs/{world.names['run_id']}/log?follow=true"
    assert world.ask("GET", address, cookie).status == 200
    assert world.ask("GET", address, {**cookie, "Origin": f"https://{HOST}"}).status == 200
    foreign = world.ask("GET", address, {**cookie, "Origin": "https://evil.test"})
    assert foreign.status == 403
    assert CrossOrigin().sentence in foreign.text


def test_a_bearer_counts_where_there_is_a_cookie_too(world: World) -> None:
    both = {**world.headers["operator"], **world.headers["reader"], "Sec-Fetch-Site": "cross-site"}
    said = world.ask("GET", f"{V1}/whoami", both)
    assert '"env:read"' in said.text
    assert (
        world.ask("POST", f"{V1}/partners", both, body={"name": "x", "title": "X"}).status == 403
    )
    wrong = {**world.headers["operator"], "Authorization": "Bearer ghs_nothing"}
    assert world.ask("GET", f"{V1}/whoami", wrong).status == 401
    basic = {**world.headers["operator"], "Authorization": "Basic eDp5"}
    assert world.ask("GET", f"{V1}/whoami", basic).status == 200
