"""What gateways ask; for nginx's auth_request, so an answer is its status alone."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from guesthouse.api.guard import GuardedRoute
from guesthouse.edge.access import Access, Provided, Unauthenticated, admits
from guesthouse.errors import Denied
from guesthouse.gateway.model import Decision

router = APIRouter(prefix="/api/internal", tags=["internal"], route_class=GuardedRoute)


class RouteDenied(Denied):
    """The token opens other routes, not this one."""

    def __init__(self, environment: str, route: str) -> None:
        super().__init__(f"this token does not open route {route} of {environment}")


@router.get("/authorise", status_code=204, response_class=Response)
@admits(Access.ITSELF)
def authorise(
    services: Provided,
    request: Request,
    environment: Annotated[str, Header(alias="X-Guesthouse-Environment")],
    route: Annotated[str, Header(alias="X-Guesthouse-Route")],
) -> None:
    """Say whether the request's token opens a route: 204, 401 or 403."""
    header = request.headers.get("authorization")
    decision = services.authorisation.authorise(header, environment=environment, route=route)
    if decision is Decision.UNAUTHENTICATED:
        raise Unauthenticated
    if decision is not Decision.ALLOWED:
        raise RouteDenied(environment, route)
