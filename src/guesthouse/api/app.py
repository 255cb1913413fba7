"""The application: every route, every error, every header."""

import functools
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from guesthouse.api import problems
from guesthouse.api.guard import GuardedRoute
from guesthouse.api.openapi import describe
from guesthouse.api.routes import (
    account,
    audit,
    catalogue,
    devices,
    environments,
    estate,
    instances,
    internal,
    offboarding,
    people,
    platform,
    runs,
)
from guesthouse.edge.access import Access, Caller, admits
from guesthouse.edge.middleware import Edge
from guesthouse.edge.ports import Services
from guesthouse.edge.questions import Questions
from guesthouse.edge.tail import Tails

PREFIX = "/api/v1"
MAX_BODY_BYTES = 4 * 1024 * 1024
"""An estate of some thousand files."""

PARTS = (
    runs,
    environments,
    instances,
    estate,
    catalogue,
    people,
    offboarding,
    account,
    devices,
    audit,
    platform,
)


def create_app(services: Services) -> FastAPI:
    """Return the ASGI application.

    Args:
        services: Everything its routes call; see `bootstrap.Services`.
    """
    app = FastAPI(
        title="Guesthouse",
        # Nobody learns which routes there are without a token: no page, no open description.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[
            Middleware(
                Edge,
                clock=services.clock,
                max_body_bytes=MAX_BODY_BYTES,
                unexpected=problems.unexpected,
            )
        ],
    )
    app.state.services = services
    app.state.questions = Questions(services.authorisation, services.clock)
    app.state.tails = Tails(services.runs, services.clock)
    problems.install(app)
    # Routes are looked through in turn, and gateways ask more often than anybody.
    app.include_router(internal.router)
    for part in PARTS:
        app.include_router(part.router, prefix=PREFIX)
    app.include_router(_description(app), prefix=PREFIX)
    return app


def _description(app: FastAPI) -> APIRouter:
    router = APIRouter(route_class=GuardedRoute)
    # It takes a second to derive, and routes do not change once requests come.
    description = functools.cache(lambda: describe(app))

    @router.get("/openapi.json", include_in_schema=False)
    @admits(Access.SIGNED_IN)
    def openapi(_caller: Caller) -> dict[str, Any]:
        """Return the description of the API."""
        return description()

    return router
