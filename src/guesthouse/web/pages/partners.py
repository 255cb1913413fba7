"""Partners and their members: who may do what; end it."""

import contextlib
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from guesthouse.bootstrap.people import invitation_link
from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.edge.ports import Services
from guesthouse.errors import Invalid
from guesthouse.estate.partners import PartnerExists, PartnerInvalid
from guesthouse.people import Role, Scope
from guesthouse.people.errors import InvitationSpent, LoginInvalid, TitleInvalid
from guesthouse.people.model import InvitationRequest
from guesthouse.people.permissions import Action
from guesthouse.web import cookies
from guesthouse.web.forms import LifetimeInvalid, NotConfirmed, again, days_of
from guesthouse.web.guard import PageRoute
from guesthouse.web.page import go, page

router = APIRouter(prefix="/partners", route_class=PageRoute, include_in_schema=False)
LIST: Final = "partners/list.html"
PARTNER: Final = "partners/partner.html"
KIND: Final = "invitation"
ENVIRONMENTS: Final = 24
Cursor = Annotated[str | None, Query(max_length=255)]
ROLES: Final = (
    (Role.VIEWER.value, "Viewer", "Opens environments, reads runs, logs and metrics."),
    (Role.DEVELOPER.value, "Developer", "Also deploys, restarts, starts jobs, reads variables."),
    (Role.MANAGER.value, "Manager", "Also sets secrets, destroys environments, invites people."),
)
LIFETIMES: Final = (("1", "1 day"), ("7", "7 days"), ("30", "30 days"))


class RoleInvalid(Invalid):
    """There is no such role."""

    def __init__(self) -> None:
        super().__init__("this is no role", next_step="choose one of the list")


FIELDS: Final[dict[type[Invalid], str]] = {
    LoginInvalid: "login",
    TitleInvalid: "title",
    RoleInvalid: "role",
    LifetimeInvalid: "days",
}


@dataclass(frozen=True)
class Wanted:
    """Who shall be invited, as it was filled in."""

    login: str = ""
    title: str = ""
    role: str = Role.DEVELOPER.value
    days: str = "7"


@router.get("")
@admits(Access.SIGNED_IN, Action.MEMBER_READ)
def partners(
    request: Request, services: Provided, caller: Caller, cursor: Cursor = None
) -> Response:
    """Show partners; members see their own."""
    found = services.partners.list(caller, cursor=cursor)
    return page(request, LIST, errors={}, found=found, cursor=cursor, name="", title="")


@router.post("")
@admits(Access.SIGNED_IN, Action.PARTNER_MANAGE)
def add(
    request: Request,
    services: Provided,
    caller: Caller,
    name: Annotated[str, Form()] = "",
    title: Annotated[str, Form()] = "",
) -> Response:
    """Add a partner by hand."""
    try:
        partner = services.partners.add(caller, name.strip(), title.strip())
    except (PartnerInvalid, PartnerExists) as error:
        found = services.partners.list(caller)
        values = {"found": found, "cursor": None, "name": name, "title": title}
        return again(request, LIST, "name", error, **values)
    return go(request, f"/partners/{partner.name}")


@router.get("/{name}")
@admits(Access.SIGNED_IN, Action.MEMBER_READ)
def partner(request: Request, services: Provided, caller: Caller, name: str) -> Response:
    """Show a partner: its members, who is invited, its environments."""
    made = cookies.kept_once(request, caller, KIND)
    values = _values(services, caller, name, Wanted())
    response = page(request, PARTNER, errors={}, made=made, **values)
    cookies.drop(response, cookies.ONCE)
    return response


@router.post("/{name}")
@admits(Access.SIGNED_IN, Action.MEMBER_MANAGE)
def invite(  # noqa: PLR0913, PLR0917 - each is a field of the form
    request: Request,
    services: Provided,
    caller: Caller,
    name: str,
    login: Annotated[str, Form()] = "",
    title: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
    days: Annotated[str, Form()] = "7",
) -> Response:
    """Invite somebody; the link is shown once."""
    wanted = Wanted(login, title, role, days)
    try:
        invited = services.accounts.invite(caller, _request(name, wanted))
    except Invalid as error:
        values = _values(services, caller, name, wanted)
        field = FIELDS.get(type(error), "login")
        return again(request, PARTNER, field, error, made=None, **values)
    link = invitation_link(services.settings, invited)
    response = go(request, f"/partners/{name}")
    cookies.keep_once(response, caller, KIND, link=link, login=invited.invitation.login)
    return response


@router.post("/{name}/members/{login}/role")
@admits(Access.SIGNED_IN, Action.MEMBER_MANAGE)
def set_role(
    request: Request,
    services: Provided,
    caller: Caller,
    name: str,
    login: str,
    role: Annotated[str, Form()] = "",
) -> Response:
    """Give a member another role."""
    services.accounts.set_role(caller, name, login, _role(role))
    return go(request, f"/partners/{name}")


@router.post("/{name}/members/{login}/remove")
@admits(Access.SIGNED_IN, Action.MEMBER_MANAGE)
def remove(
    request: Request,
    services: Provided,
    caller: Caller,
    name: str,
    login: str,
    confirm: Annotated[str, Form()] = "",
) -> Response:
    """See a member out."""
    if confirm != login:
        raise NotConfirmed(login)
    services.accounts.remove(caller, name, login)
    # Who sees themselves out does not see the partner any more.
    return go(request, "/" if login == caller.actor else f"/partners/{name}")


@router.post("/{name}/invitations/{invitation}/revoke")
@admits(Access.SIGNED_IN, Action.MEMBER_MANAGE)
def revoke(
    request: Request, services: Provided, caller: Caller, name: str, invitation: str
) -> Response:
    """End an invitation; whoever presses twice gets the same answer."""
    services.partners.get(caller, name)
    with contextlib.suppress(InvitationSpent):
        services.accounts.revoke_invitation(caller, invitation)
    return go(request, f"/partners/{name}")


def _request(partner: str, wanted: Wanted) -> InvitationRequest:
    lifetime = days_of(wanted.days, LIFETIMES)
    return InvitationRequest(
        login=wanted.login,
        title=wanted.title,
        partner=partner,
        role=_role(wanted.role),
        lifetime=lifetime,
    )


def _role(word: str) -> Role:
    try:
        return Role(word)
    except ValueError as exc:
        raise RoleInvalid from exc


def _values(services: Services, caller: Scope, name: str, wanted: Wanted) -> dict[str, Any]:
    return {
        "partner": services.partners.get(caller, name),
        "members": services.accounts.members(caller, name),
        "environments": services.environments.list(caller, partner=name, limit=ENVIRONMENTS),
        "wanted": wanted,
        "roles": ROLES,
        "lifetimes": LIFETIMES,
    }
