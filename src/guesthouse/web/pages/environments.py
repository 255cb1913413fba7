"""Pages of one environment: overview, runs, activity, getting started, and what starts there."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from guesthouse import audit
from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.edge.ports import Services
from guesthouse.environments.model import Environment
from guesthouse.kit.pagination import MAX_NUMBER
from guesthouse.people import Scope
from guesthouse.people.permissions import Action
from guesthouse.runs import Run, RunNotFound
from guesthouse.web import filters as run_filters
from guesthouse.web import starting
from guesthouse.web.forms import NotConfirmed
from guesthouse.web.guard import PageRoute
from guesthouse.web.page import go, page

router = APIRouter(prefix="/environments/{name}", route_class=PageRoute, include_in_schema=False)
RECENT: Final = 5
ENTRIES: Final = 50
Cursor = Annotated[str | None, Query(max_length=255)]


@router.get("")
@admits(Access.SIGNED_IN, Action.ENVIRONMENT_READ)
def overview(request: Request, services: Provided, caller: Caller, name: str) -> Response:
    """Show where it answers, how it stands, what it serves."""
    environment = services.environments.get(caller, name)
    recent = services.runs.list(caller, environment=name, limit=RECENT).items
    return _page(
        request,
        "environments/overview.html",
        environment,
        runs=recent,
        deployed=_deployed_by(services, caller, environment),
    )


@router.get("/runs")
@admits(Access.SIGNED_IN, Action.RUN_READ)
def runs(
    request: Request,
    services: Provided,
    caller: Caller,
    name: str,
    state: str = "",
    cursor: Cursor = None,
) -> Response:
    """Show what ran here."""
    environment = services.environments.get(caller, name)
    states = run_filters.states_of(state)
    found = services.runs.list(caller, environment=name, states=states, cursor=cursor)
    return _page(
        request, "environments/runs.html", environment, found=found, state=state, cursor=cursor
    )


@router.get("/activity")
@admits(Access.SIGNED_IN, Action.ACTIVITY_READ)
def activity(
    request: Request,
    services: Provided,
    caller: Caller,
    name: str,
    before: Annotated[int | None, Query(ge=1, le=MAX_NUMBER)] = None,
) -> Response:
    """Show who did or read what here."""
    environment = services.environments.get(caller, name)
    filters = audit.Filters(environment=name)
    with services.database.reading() as transaction:
        found = audit.entries(transaction, caller, filters, before=before, limit=ENTRIES + 1)
    return _page(
        request,
        "environments/activity.html",
        environment,
        entries=found[:ENTRIES],
        has_more=len(found) > ENTRIES,
        before=before,
    )


@router.get("/start")
@admits(Access.SIGNED_IN, Action.ENVIRONMENT_READ)
def start(request: Request, services: Provided, caller: Caller, name: str) -> Response:
    """Lead a partner through their first hour."""
    environment = services.environments.get(caller, name)
    steps = starting.steps(services.tokens, services.runs, caller, environment)
    return _page(request, "environments/start.html", environment, steps=steps)


@router.post("/deploy")
@admits(Access.SIGNED_IN, Action.ENVIRONMENT_DEPLOY)
def deploy(request: Request, services: Provided, caller: Caller, name: str) -> Response:
    """Queue a deployment and show it."""
    return go(request, f"/runs/{services.environments.deploy(caller, name).id}")


@router.post("/destroy")
@admits(Access.SIGNED_IN, Action.ENVIRONMENT_MANAGE)
def destroy(
    request: Request,
    services: Provided,
    caller: Caller,
    name: str,
    confirm: Annotated[str, Form(max_length=255)] = "",
) -> Response:
    """Queue the end of the environment and show it."""
    environment = services.environments.get(caller, name)
    if confirm != environment.name:
        raise NotConfirmed(environment.name)
    return go(request, f"/runs/{services.environments.destroy(caller, name).id}")


def _deployed_by(services: Services, scope: Scope, environment: Environment) -> Run | None:
    """Return the run that brought up what serves; None where none did, or it is forgotten."""
    if environment.current_run is None:
        return None
    try:
        return services.runs.get(scope, environment.current_run)
    except RunNotFound:
        return None


def _page(
    request: Request,
    template: str,
    environment: Environment,
    **values: Any,  # noqa: ANN401 - whatever the template shows
) -> Response:
    return page(request, template, environment=environment, **values)
