"""Adds the pages to the application that the API made."""

from collections.abc import Awaitable, Callable
from typing import Final, cast

from fastapi import APIRouter, FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from guesthouse.edge.access import Access, admits
from guesthouse.edge.ports import Services
from guesthouse.web import errors
from guesthouse.web.assets import PREFIX, Assets
from guesthouse.web.guard import PageRoute
from guesthouse.web.live import Pulse
from guesthouse.web.page import complete
from guesthouse.web.pages import ROUTERS
from guesthouse.web.rendering import make_templates

API: Final = "/api/"
Handler = Callable[[Request, Exception], Awaitable[Response]]


def install(app: FastAPI) -> None:
    """Add every page, its assets, and pages for what is not there.

    Args:
        app: What `api.create_app` returned.

    Raises:
        AssetsMissing: Scripts and styles were never bundled.
    """
    assets = Assets.read()
    app.state.assets = assets
    app.state.templates = make_templates(assets.addresses)
    services: Services = app.state.services
    app.state.pulse = Pulse(services.environments, services.runs, services.clock)
    app.include_router(_static(assets))
    for router in ROUTERS:
        app.include_router(router)
    # What no route takes is a page where a person asked, and stays a problem document below /api.
    before = cast("Handler", app.exception_handlers[HTTPException])
    app.add_exception_handler(HTTPException, _outside_api(before))


def _static(assets: Assets) -> APIRouter:
    router = APIRouter(route_class=PageRoute)

    @router.get(f"{PREFIX}/{{name}}", include_in_schema=False)
    @admits(Access.ANYONE)
    async def static(request: Request, name: str) -> Response:
        """Return a file of the bundle."""
        return assets.response(name, request.headers.get("accept-encoding", ""))

    return router


def _outside_api(before: Handler) -> Handler:
    async def handler(request: Request, error: Exception) -> Response:
        if request.url.path.startswith(API) or not isinstance(error, HTTPException):
            return await before(request, error)
        return complete(errors.http_response(request, error.status_code, error.headers))

    return handler
