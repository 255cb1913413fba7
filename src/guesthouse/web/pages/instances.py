"""Instances: is the machinery healthy."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.people.permissions import Action
from guesthouse.web.guard import PageRoute
from guesthouse.web.page import page

router = APIRouter(prefix="/instances", route_class=PageRoute, include_in_schema=False)


@router.get("")
@admits(Access.SIGNED_IN, Action.INSTANCE_READ)
def instances(
    request: Request,
    services: Provided,
    caller: Caller,
    cursor: Annotated[str | None, Query(max_length=255)] = None,
) -> Response:
    """Show the machines environments run on."""
    found = services.instances.list(caller, cursor=cursor)
    return page(request, "instances/list.html", found=found, cursor=cursor)
