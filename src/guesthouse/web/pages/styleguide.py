"""Every component in every state, for those who build pages; the browser tests photograph it."""

import datetime as dt
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from guesthouse.edge.access import Access, Provided, admits
from guesthouse.people.permissions import Action
from guesthouse.web.guard import PageRoute
from guesthouse.web.page import page
from guesthouse.web.timeline import TimelineItem
from guesthouse.web.words import STATES

router = APIRouter(route_class=PageRoute, include_in_schema=False)
STEPS: Final = (
    TimelineItem("fetch", "succeeded", dt.timedelta(seconds=1.2), None, ""),
    TimelineItem("deploy", "running", dt.timedelta(seconds=14), None, "took 21 s last time"),
    TimelineItem("test", "waiting", None, None, "took 8.4 s last time"),
    TimelineItem("verify", "failed", dt.timedelta(minutes=3, seconds=5), None, ""),
    TimelineItem("ready", "skipped", None, None, ""),
    TimelineItem("notify", "lost", None, None, ""),
    TimelineItem("clean", "cancelled", None, None, ""),
)


@router.get("/styleguide")
@admits(Access.SIGNED_IN, Action.INSTANCE_MANAGE)
def styleguide(request: Request, services: Provided) -> Response:
    """Show every component."""
    now = services.clock.now()
    times = [now - dt.timedelta(seconds=seconds) for seconds in (5, 300, 7200, 260_000, 4e6)]
    return page(
        request,
        "styleguide/styleguide.html",
        states=tuple(STATES),
        steps=STEPS,
        times=[*times, now + dt.timedelta(days=3)],
    )
