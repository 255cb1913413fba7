"""The audit log: read, take with you, verify."""

import datetime as dt
from enum import Enum
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response, StreamingResponse

from guesthouse import audit
from guesthouse.api.guard import GuardedRoute
from guesthouse.api.paging import Limit
from guesthouse.api.views import ChainView, EntryView, PageView, chain_view, entry_view
from guesthouse.audit import Filters
from guesthouse.audit.export import Form, export
from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.edge.ports import Services
from guesthouse.kit.pagination import MAX_NUMBER, bounded_limit
from guesthouse.people import Action, Scope

router = APIRouter(tags=["audit"], route_class=GuardedRoute)
Text = Annotated[str | None, Query(max_length=255)]
Before = Annotated[int | None, Query(ge=1, le=MAX_NUMBER, description="`next_cursor` of before.")]


class Format(Enum):
    """What an export looks like."""

    JSON_LINES = "jsonl"
    CSV = "csv"


def filters_of(  # noqa: PLR0913 - each is a parameter of the request
    *,
    actor: Text = None,
    action: Annotated[str | None, Query(max_length=63, description="How it begins.")] = None,
    about: Annotated[str | None, Query(alias="object", max_length=255)] = None,
    partner: Text = None,
    environment: Annotated[
        str | None, Query(max_length=63, description="Rows about it or a run of it.")
    ] = None,
    since: dt.datetime | None = None,
    until: Annotated[dt.datetime | None, Query(description="Rows before this time.")] = None,
) -> Filters:
    """Return which rows a request asks for."""
    return Filters(actor, action, about, partner, environment, since, until)


Asked = Annotated[Filters, Depends(filters_of)]


@router.get("/audit")
@admits(Access.SIGNED_IN, Action.AUDIT_READ)
def entries(
    services: Provided, caller: Caller, filters: Asked, cursor: Before = None, limit: Limit = None
) -> PageView[EntryView]:
    """List who did what, newest first."""
    return _page(services, caller, filters, cursor, limit)


@router.get("/audit/verify")
@admits(Access.SIGNED_IN, Action.AUDIT_READ)
def verify(
    services: Provided,
    caller: Caller,
    noted: Annotated[str | None, Query(description="`newest` of an earlier answer.")] = None,
) -> ChainView:
    """Check that no row of the audit log was changed or removed."""
    del caller  # the guard lets nobody else in
    mark = None if noted is None else audit.mark_of(noted)
    with services.database.reading() as transaction:
        return chain_view(audit.verify(transaction, mark), audit.newest(transaction))


@router.get(
    "/audit/export",
    response_class=Response,
    responses={200: {"description": "A file.", "content": {form.value: {} for form in Form}}},
)
@admits(Access.SIGNED_IN, Action.AUDIT_READ)
def take(
    services: Provided,
    caller: Caller,
    filters: Asked,
    form: Annotated[Format, Query(alias="format")] = Format.JSON_LINES,
) -> Response:
    """Return the audit log as a file, oldest row first; that it was taken is recorded."""
    lines = export(services.database, services.clock, caller, Form[form.name], filters)
    name = f"guesthouse-audit-{services.clock.now():%Y%m%dT%H%M%SZ}.{form.value}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines, media_type=Form[form.name].value, headers=headers)


@router.get("/environments/{name}/activity")
@admits(Access.SIGNED_IN, Action.ACTIVITY_READ)
def activity(
    services: Provided, caller: Caller, name: str, cursor: Before = None, limit: Limit = None
) -> PageView[EntryView]:
    """List who did or read what of an environment and its runs, newest first."""
    services.environments.get(caller, name)
    return _page(services, caller, Filters(environment=name), cursor, limit)


def _page(
    services: Services, caller: Scope, filters: Filters, cursor: int | None, limit: int | None
) -> PageView[EntryView]:
    size = bounded_limit(limit)
    with services.database.reading() as transaction:
        found = audit.entries(transaction, caller, filters, before=cursor, limit=size + 1)
    items = [entry_view(entry) for entry in found[:size]]
    return PageView(
        items=items, next_cursor=str(items[-1].sequence) if len(found) > size else None
    )
