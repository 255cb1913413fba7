"""Everybody's accounts, for operators and auditors: who comes in at all; end it."""

import datetime as dt
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from guesthouse.bootstrap.people import invitation_link
from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.edge.ports import Services
from guesthouse.errors import Invalid
from guesthouse.people import ActorKind, Scope
from guesthouse.people.errors import TitleInvalid
from guesthouse.people.model import Account, InvitationRequest, Invited
from guesthouse.people.permissions import Action
from guesthouse.web import cookies
from guesthouse.web.forms import again
from guesthouse.web.guard import PageRoute
from guesthouse.web.page import go, page

router = APIRouter(prefix="/accounts", route_class=PageRoute, include_in_schema=False)
TEMPLATE: Final = "accounts/list.html"
KIND: Final = "invitation"
PAGE: Final = 50
LIFETIME: Final = dt.timedelta(days=7)
COMPANY: Final = (
    (ActorKind.OPERATOR.value, "Operator", "May do everything, with every partner."),
    (ActorKind.AUDITOR.value, "Auditor", "Reads everything and changes nothing."),
)


@router.get("")
@admits(Access.SIGNED_IN, Action.MEMBER_READ)
def accounts(
    request: Request,
    services: Provided,
    caller: Caller,
    find: Annotated[str, Query(max_length=63)] = "",
    after: Annotated[str, Query(max_length=63)] = "",
) -> Response:
    """Show accounts by login, and the link of an invitation just made, once."""
    made = cookies.kept_once(request, caller, KIND)
    values = _values(services, caller, find=find, after=after)
    response = page(request, TEMPLATE, errors={}, made=made, filled={}, **values)
    cookies.drop(response, cookies.ONCE)
    return response


@router.post("")
@admits(Access.SIGNED_IN, Action.PARTNER_MANAGE)
def invite(
    request: Request,
    services: Provided,
    caller: Caller,
    *,
    login: Annotated[str, Form()] = "",
    title: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
) -> Response:
    """Invite an operator or auditor; the link is shown once."""
    is_operator = kind == ActorKind.OPERATOR.value
    wanted = ActorKind.OPERATOR if is_operator else ActorKind.AUDITOR
    try:
        invited = services.accounts.invite(
            caller, InvitationRequest(login, title, wanted, lifetime=LIFETIME)
        )
    except Invalid as error:
        field = "title" if isinstance(error, TitleInvalid) else "login"
        values = _values(services, caller)
        filled = {"login": login, "title": title, "kind": kind}
        return again(request, TEMPLATE, field, error, made=None, filled=filled, **values)
    return _with_link(request, services, caller, invited)


@router.post("/{login}/disable")
@admits(Access.SIGNED_IN, Action.PARTNER_MANAGE)
def disable(request: Request, services: Provided, caller: Caller, login: str) -> Response:
    """Shut somebody out everywhere, at once."""
    services.accounts.disable(caller, login)
    return go(request, "/accounts")


@router.post("/{login}/enable")
@admits(Access.SIGNED_IN, Action.PARTNER_MANAGE)
def enable(request: Request, services: Provided, caller: Caller, login: str) -> Response:
    """Let somebody in again."""
    services.accounts.enable(caller, login)
    return go(request, "/accounts")


@router.post("/{login}/reset")
@admits(Access.SIGNED_IN, Action.PARTNER_MANAGE)
def reset(request: Request, services: Provided, caller: Caller, login: str) -> Response:
    """Take password and second factor from somebody who lost them; the new link is shown once."""
    return _with_link(request, services, caller, services.accounts.reset(caller, login))


def _with_link(request: Request, services: Services, caller: Scope, invited: Invited) -> Response:
    link = invitation_link(services.settings, invited)
    response = go(request, "/accounts")
    cookies.keep_once(response, caller, KIND, link=link, login=invited.invitation.login)
    return response


def _values(
    services: Services, caller: Scope, *, find: str = "", after: str = ""
) -> dict[str, Any]:
    wanted = find.strip().lower()
    found = [each for each in services.accounts.accounts(caller) if _fits(each, wanted)]
    later = [each for each in found if each.login > after]
    return {
        "accounts": later[:PAGE],
        "has_more": len(later) > PAGE,
        "find": find,
        "after": after,
        "kinds": COMPANY,
        "waiting": [
            each for each in services.accounts.invitations(caller) if each.partner is None
        ],
    }


def _fits(account: Account, wanted: str) -> bool:
    return wanted in account.login or wanted in account.title.lower()
