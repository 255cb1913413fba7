"""Every route for anonymous, outsider and allowed; a route without a row here fails."""

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from guesthouse.api.guard import GuardedRoute
from guesthouse.edge.access import Access, AccessUndeclared
from guesthouse.edge.routes import admissions
from guesthouse.environments.store import ArtifactStore
from guesthouse.people import routes_scope
from tests.fakes.asgi import client_of
from tests.fakes.clock import START
from tests.fakes.services import ESTATE, MEMBER, OPERATOR, FakeServices

V1 = "/api/v1"
# Route: (who is admitted, what the outsider gets, what the allowed member or operator gets).
TABLE: dict[tuple[str, str], tuple[Access, int, int]] = {
    ("GET", f"{V1}/runs"): (Access.SIGNED_IN, 200, 200),
    ("GET", f"{V1}/runs/{{run_id}}"): (Access.SIGNED_IN, 404, 200),
    ("GET", f"{V1}/runs/{{run_id}}/log"): (Access.SIGNED_IN, 404, 200),
    ("GET", f"{V1}/runs/{{run_id}}/junit"): (Access.SIGNED_IN, 404, 200),
    ("POST", f"{V1}/runs/{{run_id}}/cancel"): (Access.SIGNED_IN, 404, 200),
    ("GET", f"{V1}/environments"): (Access.SIGNED_IN, 200, 200),
    ("GET", f"{V1}/environments/{{name}}"): (Access.SIGNED_IN, 404, 200),
    ("GET", f"{V1}/environments/{{name}}/lock"): (Access.SIGNED_IN, 404, 200),
    ("GET", f"{V1}/environments/{{name}}/secrets"): (Access.SIGNED_IN, 404, 200),
    ("PUT", f"{V1}/environments/{{name}}/secrets/{{secret}}"): (Access.SIGNED_IN, 404, 200),
    ("POST", f"{V1}/environments/{{name}}/deploy"): (Access.SIGNED_IN, 404, 202),
    ("DELETE", f"{V1}/environments/{{name}}"): (Access.SIGNED_IN, 404, 202),
    ("GET", f"{V1}/instances"): (Access.SIGNED_IN, 403, 200),
    ("GET", f"{V1}/instances/{{name}}"): (Access.SIGNED_IN, 403, 200),
    ("POST", f"{V1}/instances/{{name}}/provision"): (Access.SIGNED_IN, 403, 202),
    ("DELETE", f"{V1}/instances/{{name}}"): (Access.SIGNED_IN, 403, 202),
    ("POST", f"{V1}/estate/plan"): (Access.SIGNED_IN, 403, 200),
    ("POST", f"{V1}/estate/apply"): (Access.SIGNED_IN, 403, 202),
    ("GET", f"{V1}/products"): (Access.SIGNED_IN, 200, 200),
    ("GET", f"{V1}/partners"): (Access.SIGNED_IN, 200, 200),
    ("GET", f"{V1}/audit"): (Access.SIGNED_IN, 403, 200),
    ("GET", f"{V1}/audit/verify"): (Access.SIGNED_IN, 403, 200),
    ("GET", f"{V1}/ca"): (Access.ANYONE, 200, 200),
    ("GET", f"{V1}/health"): (Access.ANYONE, 200, 200),
    ("GET", f"{V1}/openapi.json"): (Access.SIGNED_IN, 200, 200),
    ("GET", "/api/internal/authorise"): (Access.ITSELF, 403, 204),
}
ROWS = [pytest.param(*route, id=" ".join(route)) for route in TABLE]
INSTANCE_ROUTES = f"{V1}/instances"
OPERATORS = (INSTANCE_ROUTES, f"{V1}/estate", f"{V1}/audit")
GATEWAY = {"X-Guesthouse-Environment": "acme", "X-Guesthouse-Route": "app"}


@pytest.fixture
def run_id(services: FakeServices) -> str:
    run = services.environments.deploy(OPERATOR, "acme")
    with services.database.transaction() as transaction:
        ArtifactStore().put(
            OPERATOR, transaction, run.id, "junit.xml", media_type="a/b", data=b"<t/>", at=START
        )
    return run.id


def _call(client: httpx.Client, method: str, path: str, run_id: str) -> httpx.Response:
    name = "acme"
    if path.startswith(INSTANCE_ROUTES):
        name = "spare" if method == "DELETE" else "local"
    address = path.replace("{secret}", "LICENCE").format(run_id=run_id, name=name)
    body: dict[str, object] | None = {"documents": dict(ESTATE)} if "/estate/" in path else None
    if method == "PUT":
        body = {"value": "given"}
    return client.request(method, address, headers=GATEWAY, json=body)


def test_every_route_has_a_row_with_its_declared_access(app: FastAPI) -> None:
    declared = {
        (method, path): admission.access for (path, method), admission in admissions(app).items()
    }
    assert declared == {route: access for route, (access, _, _) in TABLE.items()}


def test_every_route_goes_through_the_guard(app: FastAPI) -> None:
    routes = [context.original_route for context in iter_route_contexts(app.routes)]
    assert len(routes) == len(TABLE)
    assert all(isinstance(route, GuardedRoute) for route in routes)


def test_a_route_without_a_declaration_is_refused() -> None:
    router = APIRouter(route_class=GuardedRoute)

    def forgotten() -> str:
        return "open"

    with pytest.raises(AccessUndeclared, match="forgotten"):
        router.add_api_route("/forgotten", forgotten)


def test_a_plain_route_would_be_noticed(app: FastAPI) -> None:
    app.add_api_route("/plain", lambda: "open")
    plain = [context.original_route for context in iter_route_contexts(app.routes)][-1]
    assert isinstance(plain, APIRoute)
    assert not isinstance(plain, GuardedRoute)
    with pytest.raises(AccessUndeclared):
        admissions(app)


@pytest.mark.parametrize(("method", "path"), ROWS)
def test_anonymous(anonymous: httpx.Client, run_id: str, method: str, path: str) -> None:
    access, _, allowed = TABLE[method, path]
    expected = allowed if access is Access.ANYONE else 401
    answer = _call(anonymous, method, path, run_id)
    assert answer.status_code == expected
    if expected == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), ROWS)
def test_outsider(outsider: httpx.Client, run_id: str, method: str, path: str) -> None:
    answer = _call(outsider, method, path, run_id)
    assert answer.status_code == TABLE[method, path][1]
    if answer.status_code == 200:
        assert run_id not in answer.text
        assert "acme" not in answer.text


@pytest.mark.parametrize(("method", "path"), ROWS)
def test_allowed(
    member: httpx.Client, operator: httpx.Client, run_id: str, method: str, path: str
) -> None:
    _, _, expected = TABLE[method, path]
    needs_operator = path.startswith(OPERATORS)
    answer = _call(operator if needs_operator else member, method, path, run_id)
    assert answer.status_code == expected


@pytest.mark.parametrize(("method", "path"), ROWS)
def test_a_token_of_functional_tests_opens_routes_and_no_api(
    app: FastAPI, services: FakeServices, run_id: str, method: str, path: str
) -> None:
    scope = routes_scope("tests of acme", frozenset({"acme"}), "acme")
    product = client_of(app, services.token(scope))
    access, _, allowed = TABLE[method, path]
    is_open = access in {Access.ANYONE, Access.ITSELF}
    answer = _call(product, method, path, run_id)
    assert answer.status_code == (allowed if is_open else 403)


@pytest.mark.parametrize(("method", "path"), ROWS)
def test_an_unknown_token_is_no_token(
    app: FastAPI, services: FakeServices, run_id: str, method: str, path: str
) -> None:
    token = services.token(MEMBER)
    stranger = client_of(app, token[:-1] + ("A" if token[-1] != "A" else "B"))
    access, _, allowed = TABLE[method, path]
    expected = allowed if access is Access.ANYONE else 401
    assert _call(stranger, method, path, run_id).status_code == expected
