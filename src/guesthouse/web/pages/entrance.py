"""The way from the console into a route's own host."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.gateway.paths import state_and_next
from guesthouse.people.permissions import Action
from guesthouse.web.guard import PageRoute

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/enter/{environment}/{route}")
@admits(Access.SIGNED_IN, Action.ROUTE_USE)
def enter(
    request: Request, services: Provided, caller: Caller, environment: str, route: str
) -> Response:
    """Send a browser back to the route it came from, with a code that opens it once."""
    # As it was written: nginx cannot quote, so that the path after `next=` may hold anything.
    state, following = state_and_next(request.url.query)
    way_in = services.entrance.way_in(
        caller, environment=environment, route=route, state=state, following=following
    )
    return RedirectResponse(way_in, 303)
