"""Taking an invitation: a password, then a second factor."""

import datetime as dt
import re
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from guesthouse.edge.access import Access, Caller, Provided, admits, identify, services_of
from guesthouse.edge.cookies import own_cookie
from guesthouse.edge.origin import origin_of
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.errors import (
    AccountExists,
    InvitationSpent,
    PasswordWeak,
    SignInRefused,
    TooManyAttempts,
)
from guesthouse.people.permissions import Action
from guesthouse.web import cookies
from guesthouse.web.forms import PASSWORD_HELP, Mistyped, again, check_again
from guesthouse.web.guard import PageRoute
from guesthouse.web.page import go, page
from guesthouse.web.pages import totp

router = APIRouter(prefix="/invitation", route_class=PageRoute, include_in_schema=False)
TEMPLATE: Final = "invitation/invitation.html"
KEPT: Final = dt.timedelta(hours=1)
CODE: Final = re.compile(r"[A-Za-z0-9_-]{20,128}")


@router.get("")
@admits(Access.ANYONE)
async def invitation(request: Request) -> Response:
    """Show what the invitation is for, and ask for what is needed to take it."""
    services = services_of(request)
    scope = await identify(request, services)
    found = await run_in_threadpool(services.accounts.invitation, _code(request))
    return page(request, TEMPLATE, invitation=found, reader=scope, errors={}, help=PASSWORD_HELP)


@router.post("")
@admits(Access.ANYONE)
async def accept(
    request: Request,
    password: Annotated[str, Form()] = "",
    repeated: Annotated[str, Form()] = "",
) -> Response:
    """Take the invitation: the account gets its first password, the browser its session."""
    services, code = services_of(request), _code(request)
    try:
        check_again(password, repeated)
        account = await services.accounts.accept(code, Sensitive(password))
    except (Mistyped, PasswordWeak, TooManyAttempts) as error:
        field = "repeated" if isinstance(error, Mistyped) else "password"
        found = await run_in_threadpool(services.accounts.invitation, code)
        values = {"invitation": found, "reader": None, "help": PASSWORD_HELP}
        return again(request, TEMPLATE, field, error, **values)
    except AccountExists:
        return go(request, "/invitation")
    try:
        opened = await run_in_threadpool(
            services.signin.after_invitation, account, origin_of(request)
        )
    except SignInRefused:
        response = go(request, "/sign-in")
    else:
        response = go(request, "/invitation/totp")
        cookies.sign_in(response, opened)
    cookies.drop(response, cookies.INVITATION)
    return response


@router.post("/join")
@admits(Access.SIGNED_IN, Action.ACCOUNT_OWN)
def join(request: Request, services: Provided, caller: Caller) -> Response:
    """Take the invitation with the account one is signed in with."""
    services.accounts.join(caller, _code(request))
    response = go(request, "/")
    cookies.drop(response, cookies.INVITATION)
    return response


@router.get("/totp")
@admits(Access.SIGNED_IN, Action.ACCOUNT_OWN)
def second_factor(request: Request, services: Provided, caller: Caller) -> Response:
    """Offer a second factor to somebody who has just come in."""
    return totp.intro(request, services, caller, is_new=True)


@router.get("/{code}")
@admits(Access.ANYONE)
def open_link(request: Request, code: str) -> Response:
    """Take the code out of the address, where it would be seen and kept."""
    if not CODE.fullmatch(code):
        raise InvitationSpent
    response = go(request, "/invitation")
    cookies.put(response, cookies.INVITATION, Sensitive(code), KEPT)
    return response


def _code(request: Request) -> str:
    code = own_cookie(request, cookies.INVITATION)
    if not code:
        raise InvitationSpent
    return code
