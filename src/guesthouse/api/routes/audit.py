"""The audit log: read, verify."""

from typing import Annotated

from fastapi import APIRouter, Query

from guesthouse import audit
from guesthouse.api.guard import GuardedRoute
from guesthouse.api.paging import Limit
from guesthouse.api.views import ChainView, EntryView, PageView, chain_view, entry_view
from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.kit.pagination import bounded_limit
from guesthouse.people.permissions import Action

router = APIRouter(prefix="/audit", tags=["audit"], route_class=GuardedRoute)


@router.get("")
@admits(Access.SIGNED_IN, Action.AUDIT_READ)
def entries(
    services: Provided,
    caller: Caller,
    cursor: Annotated[int | None, Query(ge=1, description="`next_cursor` of before.")] = None,
    limit: Limit = None,
) -> PageView[EntryView]:
    """List who did what, newest first."""
    size = bounded_limit(limit)
    with services.database.reading() as transaction:
        found = audit.entries(transaction, caller, before=cursor, limit=size + 1)
    items = [entry_view(entry) for entry in found[:size]]
    return PageView(
        items=items, next_cursor=str(items[-1].sequence) if len(found) > size else None
    )


@router.get("/verify")
@admits(Access.SIGNED_IN, Action.AUDIT_READ)
def verify(
    services: Provided,
    caller: Caller,
    noted: Annotated[str | None, Query(description="`newest` of an earlier answer.")] = None,
) -> ChainView:
    """Check that no row of the audit log was changed or removed."""
    del caller  # the guard lets operators in alone
    mark = None if noted is None else audit.mark_of(noted)
    with services.database.reading() as transaction:
        return chain_view(audit.verify(transaction, mark), audit.newest(transaction))
