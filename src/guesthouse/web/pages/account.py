"""One's own account: who I am here, my password, where I am signed in."""

import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from guesthouse.edge.access import Access, Caller, Provided, admits, services_of
from guesthouse.edge.ports import Services
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import Scope
from guesthouse.people.errors import PasswordWeak, PasswordWrong, TooManyAttempts
from guesthouse.people.permissions import Action
from guesthouse.people.sessions import SessionUnknown
from guesthouse.web.forms import PASSWORD_HELP, Mistyped, again, check_again
from guesthouse.web.guard import PageRoute
from guesthouse.web.page import go, page

router = APIRouter(prefix="/account", route_class=PageRoute, include_in_schema=False)
TEMPLATE: Final = "account/account.html"
PROGRAMS: Final = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrom", "Chrome"),
    ("Safari", "Safari"),
    ("curl", "curl"),
)
SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


@router.get("")
@admits(Access.SIGNED_IN, Action.ACCOUNT_OWN)
def account(
    request: Request, services: Provided, caller: Caller, changed: Annotated[str, Query()] = ""
) -> Response:
    """Show who somebody is here and what they sign in with."""
    values = _values(services, caller)
    return page(request, TEMPLATE, errors={}, has_changed=bool(changed), **values)


@router.post("")
@admits(Access.SIGNED_IN, Action.ACCOUNT_OWN)
async def change_password(
    request: Request,
    caller: Caller,
    old: Annotated[str, Form()] = "",
    new: Annotated[str, Form()] = "",
    repeated: Annotated[str, Form()] = "",
) -> Response:
    """Change the password; every other session ends."""
    services = services_of(request)
    try:
        check_again(new, repeated)
        await services.accounts.change_password(caller, Sensitive(old), Sensitive(new))
    except (Mistyped, PasswordWeak, PasswordWrong, TooManyAttempts) as error:
        values = await run_in_threadpool(_values, services, caller)
        return again(request, TEMPLATE, _field(error), error, has_changed=False, **values)
    return go(request, "/account?changed=1")


@router.get("/sessions")
@admits(Access.SIGNED_IN, Action.ACCOUNT_OWN)
def sessions(
    request: Request, services: Provided, caller: Caller, ended: Annotated[str, Query()] = ""
) -> Response:
    """Show the browsers somebody is signed in with."""
    found = services.sessions.list(caller)
    return page(
        request, "account/sessions.html", sessions=found, browser=browser, ended=bool(ended)
    )


@router.post("/sessions/others/end")
@admits(Access.SIGNED_IN, Action.ACCOUNT_OWN)
def end_others(request: Request, services: Provided, caller: Caller) -> Response:
    """End every session but the one this was asked from."""
    for session in services.sessions.list(caller):
        if not session.is_current:
            _end(services, caller, session.id)
    return go(request, "/account/sessions?ended=1")


@router.post("/sessions/{session}/end")
@admits(Access.SIGNED_IN, Action.ACCOUNT_OWN)
def end(request: Request, services: Provided, caller: Caller, session: str) -> Response:
    """End a session."""
    _end(services, caller, session)
    return go(request, "/account/sessions?ended=1")


def browser(agent: str) -> str:
    """Return what people call a program and its system: ``Firefox on Linux``."""
    program = next((name for word, name in PROGRAMS if word in agent), "")
    system = next((name for word, name in SYSTEMS if word in agent), "")
    if program and system:
        return f"{program} on {system}"
    return program or system or re.sub(r"[/(].*", "", agent).strip() or "Unknown browser"


def _end(services: Services, caller: Scope, session: str) -> None:
    # Pressed twice, or ended by itself meanwhile: it is gone either way.
    try:
        services.sessions.revoke(caller, session)
    except SessionUnknown:
        return


def _field(error: Exception) -> str:
    if isinstance(error, Mistyped):
        return "repeated"
    return "new" if isinstance(error, PasswordWeak) else "old"


def _values(services: Services, caller: Scope) -> dict[str, Any]:
    return {
        "account": services.accounts.account(caller),
        "codes_left": services.accounts.recovery_codes_left(caller),
        "help": PASSWORD_HELP,
    }
