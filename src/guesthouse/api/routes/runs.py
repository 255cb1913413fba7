"""Runs: look, follow, cancel."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from guesthouse.api.guard import GuardedRoute
from guesthouse.api.logstream import LogStream, Reader
from guesthouse.api.paging import Cursor, Limit
from guesthouse.api.views import PageView, RunView, line_view, page_of, run_view
from guesthouse.edge.access import Access, Caller, Provided, admission_of, admits, readmit
from guesthouse.edge.tail import Tails
from guesthouse.kit.pagination import MAX_NUMBER
from guesthouse.people.permissions import Action
from guesthouse.runs import LogLine
from guesthouse.runs.service import LOG_PAGE_LINES

router = APIRouter(prefix="/runs", tags=["runs"], route_class=GuardedRoute)

LINES = "application/x-ndjson"
EVENTS = "text/event-stream"
After = Annotated[int, Query(ge=0, le=MAX_NUMBER, description="The last line the reader has.")]
LastEventId = Annotated[
    int | None,
    Header(ge=0, le=MAX_NUMBER, description="As `after`; a browser sends it when it reconnects."),
]


@router.get("")
@admits(Access.SIGNED_IN, Action.RUN_READ)
def runs(
    services: Provided,
    caller: Caller,
    environment: str | None = None,
    cursor: Cursor = None,
    limit: Limit = None,
) -> PageView[RunView]:
    """List runs, newest first, without their steps."""
    page = services.runs.list(caller, environment=environment, cursor=cursor, limit=limit)
    return page_of(page, run_view)


@router.get("/{run_id}")
@admits(Access.SIGNED_IN, Action.RUN_READ)
def run(services: Provided, caller: Caller, run_id: str) -> RunView:
    """Show a run with its steps."""
    return run_view(services.runs.get(caller, run_id))


@router.get(
    "/{run_id}/log",
    response_class=Response,
    responses={
        200: {
            "description": "JSON lines; with `follow=true` server-sent events.",
            "content": {LINES: {}, EVENTS: {}},
        }
    },
)
@admits(Access.SIGNED_IN, Action.LOG_READ)
async def log(  # noqa: PLR0913 - each is a parameter of the request
    services: Provided,
    caller: Caller,
    request: Request,
    run_id: str,
    *,
    after: After = 0,
    follow: bool = False,
    limit: Annotated[int, Query(ge=1, le=LOG_PAGE_LINES)] = LOG_PAGE_LINES,
    last_event_id: LastEventId = None,
) -> Response:
    """Read a run's log, oldest line first, or follow it to its end."""
    # The standard has a browser repeat the address as it was, so the header is the newer number.
    after = after if last_event_id is None else last_event_id
    await run_in_threadpool(services.runs.open_log, caller, run_id, after=after)
    if not follow:
        lines = await run_in_threadpool(
            services.runs.log, caller, run_id, after=after, limit=limit
        )
        return StreamingResponse(_json_lines(lines), media_type=LINES)
    reader = Reader(
        scope=caller,
        run_id=run_id,
        after=after,
        readmit=lambda: readmit(request, services, admission_of(log)),
    )
    tails: Tails = request.app.state.tails
    stream = LogStream(services.runs, tails, services.clock, reader)
    # A proxy that buffers would hold lines back; nginx heeds this header.
    return StreamingResponse(
        stream.events(), media_type=EVENTS, headers={"X-Accel-Buffering": "no"}
    )


@router.get("/{run_id}/junit", response_class=Response)
@admits(Access.SIGNED_IN, Action.LOG_READ)
def junit(services: Provided, caller: Caller, run_id: str) -> Response:
    """Return what the product's functional tests reported, as they wrote it."""
    data = services.environments.junit(caller, run_id)
    # The product wrote it: a browser shall keep it as a file, and never show it as a page.
    name = f'attachment; filename="{run_id}.junit.xml"'
    return Response(data, media_type="application/xml", headers={"Content-Disposition": name})


@router.post("/{run_id}/cancel")
@admits(Access.SIGNED_IN, Action.RUN_CANCEL)
def cancel(services: Provided, caller: Caller, run_id: str) -> RunView:
    """End a queued run, or ask a running one to end."""
    return run_view(services.runs.cancel(caller, run_id))


def _json_lines(lines: tuple[LogLine, ...]) -> Iterator[str]:
    for line in lines:
        yield line_view(line).model_dump_json() + "\n"
