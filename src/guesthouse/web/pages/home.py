"""Home: are my environments fine, where do I click to use them, what ran last."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.people.permissions import Action
from guesthouse.web.guard import PageRoute
from guesthouse.web.page import page

router = APIRouter(route_class=PageRoute, include_in_schema=False)
CARDS: Final = 24
Cursor = Annotated[str | None, Query(max_length=255)]


@router.get("/")
@admits(Access.SIGNED_IN, Action.ENVIRONMENT_READ)
def home(request: Request, services: Provided, caller: Caller, cursor: Cursor = None) -> Response:
    """Show environments as cards."""
    found = services.environments.list(caller, cursor=cursor, limit=CARDS)
    names = [environment.name for environment in found.items]
    return page(
        request,
        "home/home.html",
        environments=found.items,
        next_cursor=found.next_cursor,
        cursor=cursor,
        last_runs=services.runs.latest(caller, names),
    )
