"""Signing a program in: its code is confirmed here by the person it will act for."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.edge.origin import origin_of
from guesthouse.people.devices import DeviceUnknown
from guesthouse.people.model import Action, Origin
from guesthouse.people.permissions import may_somewhere, require_enrolled
from guesthouse.web import scopes
from guesthouse.web.filters import address
from guesthouse.web.forms import again
from guesthouse.web.guard import PageRoute
from guesthouse.web.page import go, page

router = APIRouter(prefix="/device", route_class=PageRoute, include_in_schema=False)
ASK: Final = "device/code.html"
CODE_LENGTH: Final = 32


@router.get("")
@admits(Access.SIGNED_IN, Action.ACCOUNT_OWN)
def ask(
    request: Request,
    services: Provided,
    caller: Caller,
    code: Annotated[str, Query()] = "",
    done: Annotated[str, Query()] = "",
) -> Response:
    """Ask for the code a program shows, then whether that program may come in."""
    require_enrolled(caller)
    if not code:
        return page(request, ASK, errors={}, code="", done=done)
    try:
        waiting = services.devices.find(code)
    except DeviceUnknown as error:
        return again(request, ASK, "code", error, code=code[:CODE_LENGTH], done="")
    wanted = frozenset(WANTED) if waiting.scopes is None else waiting.scopes
    given = frozenset(action for action in wanted if may_somewhere(caller, action))
    return page(
        request,
        "device/confirm.html",
        waiting=waiting,
        is_elsewhere=origin_of(request).is_elsewhere(Origin(waiting.address or "")),
        is_whole=waiting.scopes is None,
        given=scopes.words_of(given),
        withheld=scopes.words_of(wanted - given) if waiting.scopes is not None else (),
    )


@router.post("")
@admits(Access.SIGNED_IN, Action.ACCOUNT_OWN)
def answer(
    request: Request,
    services: Provided,
    caller: Caller,
    code: Annotated[str, Form()] = "",
    word: Annotated[str, Form(alias="answer")] = "",
) -> Response:
    """Let the program in, or turn it away; anything but a clear yes is a no."""
    is_yes = word == "confirm"
    try:
        if is_yes:
            services.devices.confirm(caller, code)
        else:
            services.devices.refuse(caller, code)
    except DeviceUnknown as error:
        return again(request, ASK, "code", error, code=code[:CODE_LENGTH], done="")
    return go(request, address("/device", done="confirmed" if is_yes else "refused"))


WANTED: Final = tuple(scopes.WORDS)
"""What a program may get that asks for nothing in particular."""
