"""The stream that keeps open pages live."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from guesthouse.edge.access import Access, Caller, admission_of, admits, readmit, services_of
from guesthouse.people.permissions import Action
from guesthouse.web.guard import PageRoute
from guesthouse.web.live import LiveStream, Pulse, topics_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/live")
@admits(Access.SIGNED_IN, Action.ENVIRONMENT_READ)
async def live(
    request: Request, caller: Caller, topics: Annotated[str, Query(max_length=400)] = ""
) -> Response:
    """Send an event whenever one of the topics changed."""
    services = services_of(request)
    pulse: Pulse = request.app.state.pulse
    stream = LiveStream(
        pulse,
        services.clock,
        caller,
        topics_of(topics),
        lambda: readmit(request, services, admission_of(live)),
    )
    # A proxy that buffers would hold events back; nginx heeds this header.
    return StreamingResponse(
        stream.events(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )
