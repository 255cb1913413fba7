"""Seeing a partner out: what would end, then its end and the evidence."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.people.permissions import Action
from guesthouse.web.forms import NotConfirmed, again
from guesthouse.web.guard import PageRoute
from guesthouse.web.page import go, page

router = APIRouter(prefix="/partners/{name}", route_class=PageRoute, include_in_schema=False)
PLAN: Final = "partners/offboard.html"


@router.get("/offboard")
@admits(Access.SIGNED_IN, Action.PARTNER_MANAGE)
def plan(request: Request, services: Provided, caller: Caller, name: str) -> Response:
    """Show what would end."""
    departure = services.offboarding.plan(caller, name)
    return page(request, PLAN, errors={}, departure=departure)


@router.post("/offboard")
@admits(Access.SIGNED_IN, Action.PARTNER_MANAGE)
def offboard(
    request: Request,
    services: Provided,
    caller: Caller,
    name: str,
    confirm: Annotated[str, Form()] = "",
) -> Response:
    """End it, and show the evidence; sent twice, it ends what is there by then."""
    departure = services.offboarding.plan(caller, name)
    if confirm != departure.partner:
        error = NotConfirmed(departure.partner)
        return again(request, PLAN, "confirm", error, departure=departure)
    done = services.offboarding.offboard(caller, name)
    return page(request, "partners/offboarded.html", done=done)


@router.post("/readmit")
@admits(Access.SIGNED_IN, Action.PARTNER_MANAGE)
def readmit(request: Request, services: Provided, caller: Caller, name: str) -> Response:
    """Let a partner come back, without anything it held."""
    services.offboarding.readmit(caller, name)
    return go(request, f"/partners/{name}")
