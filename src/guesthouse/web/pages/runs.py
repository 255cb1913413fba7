"""Runs: which step is it in, what does it print, why did it fail, what now."""

from collections.abc import Iterator
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from guesthouse.edge.access import Access, Caller, Provided, admits, services_of
from guesthouse.edge.ports import Services
from guesthouse.people import Scope
from guesthouse.people.permissions import Action
from guesthouse.runs import LogLine, Run
from guesthouse.runs.service import LOG_PAGE_LINES
from guesthouse.web import filters, timeline
from guesthouse.web.guard import PageRoute
from guesthouse.web.junit import summary_of
from guesthouse.web.page import go, page

router = APIRouter(prefix="/runs", route_class=PageRoute, include_in_schema=False)
Cursor = Annotated[str | None, Query(max_length=255)]
EARLIER: Final = 20
"""How far back to look for a run to compare with."""


@router.get("")
@admits(Access.SIGNED_IN, Action.RUN_READ)
def runs(
    request: Request,
    services: Provided,
    caller: Caller,
    environment: Annotated[str, Query(max_length=63)] = "",
    state: str = "",
    cursor: Cursor = None,
) -> Response:
    """Show runs, newest first."""
    found = services.runs.list(
        caller, environment=environment or None, states=filters.states_of(state), cursor=cursor
    )
    return page(
        request,
        "runs/list.html",
        found=found,
        environment=environment,
        state=state,
        cursor=cursor,
    )


@router.get("/{run_id}")
@admits(Access.SIGNED_IN, Action.RUN_READ)
def run(request: Request, services: Provided, caller: Caller, run_id: str) -> Response:
    """Show a run with its steps and its log."""
    found = services.runs.get(caller, run_id)
    earlier = _earlier(services, caller, found)
    return page(
        request,
        "runs/run.html",
        run=found,
        earlier=earlier,
        steps=timeline.items(found, earlier, services.clock.now()),
    )


@router.get("/{run_id}/tests")
@admits(Access.SIGNED_IN, Action.RUN_READ)
def tests(request: Request, services: Provided, caller: Caller, run_id: str) -> Response:
    """Show what the product's functional tests reported."""
    found = services.runs.get(caller, run_id)
    report = summary_of(services.environments.junit(caller, run_id))
    return page(request, "runs/tests.html", run=found, report=report)


@router.get("/{run_id}/log.txt")
@admits(Access.SIGNED_IN, Action.LOG_READ)
async def download(request: Request, caller: Caller, run_id: str) -> Response:
    """Give the whole log as a file."""
    services = services_of(request)
    await run_in_threadpool(services.runs.open_log, caller, run_id, after=0)
    return StreamingResponse(
        _text(services, caller, run_id),
        media_type="text/plain; charset=utf-8",
        # Programs wrote it: a browser keeps it as a file and never shows it as a page.
        headers={"Content-Disposition": f'attachment; filename="{run_id}.log.txt"'},
    )


@router.post("/{run_id}/cancel")
@admits(Access.SIGNED_IN, Action.RUN_CANCEL)
def cancel(request: Request, services: Provided, caller: Caller, run_id: str) -> Response:
    """End a run, or ask it to end."""
    return go(request, f"/runs/{services.runs.cancel(caller, run_id).id}")


def _earlier(services: Services, scope: Scope, run: Run) -> Run | None:
    """Return the last run of the kind there that succeeded before this one."""
    if run.environment is None:
        return None
    found = services.runs.list(
        scope,
        environment=run.environment,
        states=filters.GROUPS["succeeded"],
        cursor=run.id,
        limit=EARLIER,
    )
    same = next((other for other in found.items if other.kind == run.kind), None)
    return None if same is None else services.runs.get(scope, same.id)


def _text(services: Services, scope: Scope, run_id: str) -> Iterator[str]:
    after = 0
    while lines := services.runs.log(scope, run_id, after=after, limit=LOG_PAGE_LINES):
        yield "".join(map(_line, lines))
        after = lines[-1].sequence


def _line(line: LogLine) -> str:
    return f"{line.at:%Y-%m-%dT%H:%M:%S.%f}Z {line.step}: {line.text}\n"
