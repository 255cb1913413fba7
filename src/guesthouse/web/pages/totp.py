"""The second factor: set an authenticator up, and keep recovery codes."""

from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import parse_qs, urlsplit

import segno
from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.edge.ports import Services
from guesthouse.people import Scope
from guesthouse.people.errors import CodeWrong, TooManyAttempts
from guesthouse.people.permissions import Action
from guesthouse.web import cookies
from guesthouse.web.forms import again
from guesthouse.web.guard import PageRoute
from guesthouse.web.page import go, page
from guesthouse.web.paths import leading_on, own_path

router = APIRouter(prefix="/account/totp", route_class=PageRoute, include_in_schema=False)
INTRO: Final = "account/totp.html"
ENROL: Final = "account/totp-enrol.html"
LONGEST_URI: Final = 600
KIND: Final = "recovery-codes"


@dataclass(frozen=True)
class Enrolment:
    """What somebody scans or types into an authenticator."""

    uri: str
    secret: str
    """In groups of four."""
    picture: str
    """A QR code as the address of a picture."""


@router.get("")
@admits(Access.SIGNED_IN, Action.ACCOUNT_OWN)
def form(
    request: Request,
    services: Provided,
    caller: Caller,
    following: Annotated[str, Query(alias="next")] = "",
) -> Response:
    """Say what a second factor is for, and begin to set one up."""
    return intro(request, services, caller, following=following)


@router.post("")
@admits(Access.SIGNED_IN, Action.ACCOUNT_OWN)
def enrol(
    request: Request,
    services: Provided,
    caller: Caller,
    code: Annotated[str, Form()] = "",
    uri: Annotated[str, Form()] = "",
    following: Annotated[str, Form(alias="next")] = "",
) -> Response:
    """Show the secret of a new authenticator, or take it into use by a code it shows."""
    waiting = enrolment_of(uri)
    if waiting is not None:
        return _confirm(request, services, caller, code, waiting, following)
    try:
        begun = services.accounts.begin_totp(caller, code)
    except (CodeWrong, TooManyAttempts) as error:
        values = {"account": services.accounts.account(caller), "is_new": False}
        return again(request, INTRO, "code", error, following=own_path(following), **values)
    made = enrolment_of(begun.uri.reveal())
    return page(request, ENROL, enrolment=made, errors={}, following=own_path(following))


@router.get("/codes")
@admits(Access.SIGNED_IN, Action.ACCOUNT_OWN)
def codes(
    request: Request,
    services: Provided,
    caller: Caller,
    following: Annotated[str, Query(alias="next")] = "",
) -> Response:
    """Show recovery codes, once."""
    kept = cookies.kept_once(request, caller, KIND)
    made = [] if kept is None else list(kept.get("codes", []))
    response = page(
        request,
        "account/recovery-codes.html",
        codes=made,
        left=services.accounts.recovery_codes_left(caller),
        login=caller.actor,
        following=own_path(following),
    )
    cookies.drop(response, cookies.ONCE)
    return response


def intro(
    request: Request,
    services: Services,
    caller: Scope,
    *,
    following: str = "",
    is_new: bool = False,
) -> Response:
    """Return the page a second factor begins at."""
    account = services.accounts.account(caller)
    return page(
        request,
        INTRO,
        errors={},
        account=account,
        following=own_path(following),
        is_new=is_new,
    )


def enrolment_of(uri: str) -> Enrolment | None:
    """Return what an authenticator's address says; None where it is none.

    The form carries it, since a wrong code must not make a new secret: it is only drawn again.
    Which secret counts, the account knows.
    """
    parts = urlsplit(uri) if len(uri) <= LONGEST_URI else None
    if parts is None or (parts.scheme, parts.netloc) != ("otpauth", "totp"):
        return None
    secret = parse_qs(parts.query).get("secret", [""])[0]
    picture = segno.make(uri, error="m", micro=False).svg_data_uri(border=3, light="#fff")
    groups = [secret[at : at + 4] for at in range(0, len(secret), 4)]
    return Enrolment(uri, " ".join(groups), picture)


def _confirm(
    request: Request,
    services: Services,
    caller: Scope,
    code: str,
    waiting: Enrolment,
    following: str,
) -> Response:
    try:
        made = services.accounts.confirm_totp(caller, code)
    except (CodeWrong, TooManyAttempts) as error:
        values = {"enrolment": waiting, "following": own_path(following)}
        return again(request, ENROL, "code", error, **values)
    response = go(request, leading_on("/account/totp/codes", following))
    cookies.keep_once(response, caller, KIND, codes=list(made))
    return response
