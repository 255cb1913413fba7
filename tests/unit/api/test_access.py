"""A route says who it admits, or is no route. Who gets what is the matrix's, in `unit/edge`."""

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from guesthouse.api.guard import GuardedRoute
from guesthouse.edge.access import Access, AccessUndeclared, admission_of, admits
from guesthouse.edge.routes import admissions
from guesthouse.people import Action
from tests.fakes.asgi import client_of
from tests.fakes.services import MEMBER, FakeServices


def test_every_route_goes_through_the_guard(app: FastAPI) -> None:
    routes = [context.original_route for context in iter_route_contexts(app.routes)]
    assert len(routes) > 50
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


@pytest.mark.parametrize("access", [Access.ANYONE, Access.ITSELF])
def test_only_who_signed_in_can_be_asked_what_they_may(access: Access) -> None:
    with pytest.raises(TypeError):
        admits(access, Action.RUN_READ)


def test_a_declaration_is_named_by_the_scope_it_takes() -> None:
    @admits(Access.SIGNED_IN, Action.RUN_READ)
    def narrow() -> None: ...

    @admits(Access.SIGNED_IN)
    def wide() -> None: ...

    assert (admission_of(narrow).word, admission_of(wide).word) == ("run:read", "signed-in")


def test_a_stranger_is_told_how_to_sign_in(anonymous: httpx.Client) -> None:
    answer = anonymous.get("/api/v1/runs")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_an_unknown_token_is_no_token(app: FastAPI, services: FakeServices) -> None:
    token = services.token(MEMBER)
    stranger = client_of(app, token[:-1] + ("A" if token[-1] != "A" else "B"))
    assert stranger.get("/api/v1/runs").status_code == 401
