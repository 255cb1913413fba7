"""The audit log: prove it."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from guesthouse import audit
from guesthouse.audit import Filters, MarkInvalid
from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.kit.pagination import MAX_NUMBER
from guesthouse.people.permissions import Action
from guesthouse.web.filters import address
from guesthouse.web.forms import again
from guesthouse.web.guard import PageRoute
from guesthouse.web.page import page

router = APIRouter(prefix="/audit", route_class=PageRoute, include_in_schema=False)
PAGE: Final = 50
VERIFY: Final = "audit/verify.html"
NO_TIME: Final = "Write it like 2026-01-31T09:00; it is read as UTC."
Text = Annotated[str, Query(max_length=255)]


@dataclass(frozen=True)
class Asked:
    """What stands in the address, as it was written."""

    actor: str
    action: str
    object: str
    partner: str
    since: str
    until: str

    def address(self, path: str, **more: str | None) -> str:
        """Return an address with these filters."""
        return address(path, **vars(self), **more)

    @property
    def is_any(self) -> bool:
        """Whether anything is asked for."""
        return any(vars(self).values())


def asked_of(
    *,
    actor: Text = "",
    action: Text = "",
    about: Annotated[str, Query(alias="object", max_length=255)] = "",
    partner: Text = "",
    since: Text = "",
    until: Text = "",
) -> Asked:
    """Return which rows a request asks for."""
    return Asked(actor.strip(), action.strip(), about.strip(), partner.strip(), since, until)


@router.get("")
@admits(Access.SIGNED_IN, Action.AUDIT_READ)
def entries(
    request: Request,
    services: Provided,
    caller: Caller,
    asked: Annotated[Asked, Depends(asked_of)],
    before: Annotated[int | None, Query(ge=1, le=MAX_NUMBER)] = None,
) -> Response:
    """Show who did what, newest first."""
    errors: dict[str, str] = {}
    found: tuple[audit.Entry, ...] = ()
    since, until = _time(asked.since), _time(asked.until)
    for name, text, when in (("since", asked.since, since), ("until", asked.until, until)):
        if text and when is None:
            errors[name] = NO_TIME
    if not errors:
        filters = Filters(
            actor=asked.actor or None,
            action=asked.action or None,
            object=asked.object or None,
            partner=asked.partner or None,
            since=since,
            until=until,
        )
        with services.database.reading() as transaction:
            found = audit.entries(transaction, caller, filters, before=before, limit=PAGE + 1)
    return page(
        request,
        "audit/list.html",
        status=422 if errors else 200,
        errors=errors,
        asked=asked,
        entries=found[:PAGE],
        has_more=len(found) > PAGE,
        before=before,
        command=_command(asked),
    )


@router.get("/verify")
@admits(Access.SIGNED_IN, Action.AUDIT_READ)
def verify(request: Request, services: Provided, caller: Caller, noted: Text = "") -> Response:
    """Check the chain, and that it still has the row somebody noted."""
    del caller  # the guard lets nobody else in
    values: dict[str, Any] = {"noted": noted}
    try:
        mark = audit.mark_of(noted.strip()) if noted.strip() else None
    except MarkInvalid as error:
        return again(request, VERIFY, "noted", error, is_checked=False, **values)
    with services.database.reading() as transaction:
        bad, newest = audit.verify(transaction, mark), audit.newest(transaction)
    return page(request, VERIFY, errors={}, is_checked=True, bad=bad, newest=newest, **values)


def _time(text: str) -> dt.datetime | None:
    """Return the time a text stands for; None where it stands for none."""
    try:
        when = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=dt.UTC)


def _command(asked: Asked) -> str:
    options = (f" --{name} {_quoted(text)}" for name, text in vars(asked).items() if text)
    return "guesthouse audit list" + "".join(options)


def _quoted(text: str) -> str:
    is_plain = all(letter.isalnum() or letter in "._@+-/:" for letter in text)
    return text if is_plain else "'" + text.replace("'", "'\\''") + "'"
