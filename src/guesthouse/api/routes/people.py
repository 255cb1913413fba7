"""Partners, their members, invitations, and accounts of others."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Response, status
from pydantic import BaseModel, ConfigDict, Field

from guesthouse.api.guard import GuardedRoute
from guesthouse.api.idempotency import shown_once
from guesthouse.api.paging import Cursor, Limit, page_from
from guesthouse.api.people_views import (
    AccountView,
    EndedView,
    InvitationMadeView,
    InvitationView,
    MemberView,
    PartnerView,
    account_view,
    ended_view,
    invitation_view,
    member_view,
    partner_view,
)
from guesthouse.api.views import PageView, page_of
from guesthouse.bootstrap.people import invitation_link
from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.people import Action, ActorKind, Role
from guesthouse.people.model import Invitation, InvitationRequest, Invited, Member

router = APIRouter(tags=["people"], route_class=GuardedRoute)
USUAL_DAYS = 7
MOST_DAYS = 30
Text = Annotated[str, Field(min_length=1, max_length=200)]


class PartnerRequest(BaseModel):
    """A partner to add."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    title: Text


class RoleRequest(BaseModel):
    """What a member shall be."""

    model_config = ConfigDict(extra="forbid")

    role: Role


class InviteToPartner(RoleRequest):
    """Who shall come in to a partner."""

    login: Text
    title: Text
    days: int = Field(default=USUAL_DAYS, ge=1, le=MOST_DAYS, description="How long it is good.")


class Invite(BaseModel):
    """Who shall come in as what."""

    model_config = ConfigDict(extra="forbid")

    login: Text
    title: Text
    kind: ActorKind = ActorKind.MEMBER
    partner: Text | None = Field(default=None, description="For members, and only for them.")
    role: Role | None = Field(default=None, description="Likewise.")
    days: int = Field(default=USUAL_DAYS, ge=1, le=MOST_DAYS, description="How long it is good.")


@router.get("/partners")
@admits(Access.SIGNED_IN, Action.MEMBER_READ)
def partners(
    services: Provided, caller: Caller, cursor: Cursor = None, limit: Limit = None
) -> PageView[PartnerView]:
    """List partners; a member sees their own."""
    return page_of(services.partners.list(caller, cursor=cursor, limit=limit), partner_view)


@router.post("/partners", status_code=status.HTTP_201_CREATED)
@admits(Access.SIGNED_IN, Action.PARTNER_MANAGE)
def add_partner(services: Provided, caller: Caller, request: PartnerRequest) -> PartnerView:
    """Add a partner by hand; an estate that declares it later takes it over."""
    return partner_view(services.partners.add(caller, request.name, request.title))


@router.get("/partners/{name}")
@admits(Access.SIGNED_IN, Action.MEMBER_READ)
def partner(services: Provided, caller: Caller, name: str) -> PartnerView:
    """Show a partner."""
    return partner_view(services.partners.get(caller, name))


@router.get("/partners/{name}/members")
@admits(Access.SIGNED_IN, Action.MEMBER_READ)
def members(
    services: Provided, caller: Caller, name: str, cursor: Cursor = None, limit: Limit = None
) -> PageView[MemberView]:
    """List a partner's members, and who is invited, by login."""
    found = services.accounts.members(caller, name)
    return page_of(page_from(found, _key, cursor=cursor, limit=limit), member_view)


@router.put(
    "/partners/{name}/members/{login}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
)
@admits(Access.SIGNED_IN, Action.MEMBER_MANAGE)
def set_role(
    services: Provided, caller: Caller, name: str, login: str, request: RoleRequest
) -> None:
    """Give a member another role; it counts from their next request on."""
    services.accounts.set_role(caller, name, login, request.role)


@router.delete("/partners/{name}/members/{login}")
@admits(Access.SIGNED_IN, Action.MEMBER_MANAGE)
def remove_member(services: Provided, caller: Caller, name: str, login: str) -> EndedView:
    """See a member out; what they hold opens nothing of the partner from then on."""
    return ended_view(services.accounts.remove(caller, name, login))


@router.get("/partners/{name}/invitations")
@admits(Access.SIGNED_IN, Action.MEMBER_READ)
def partner_invitations(
    services: Provided, caller: Caller, name: str, cursor: Cursor = None, limit: Limit = None
) -> PageView[InvitationView]:
    """List the open invitations to a partner, newest first."""
    services.partners.get(caller, name)
    return _invitations(services.accounts.invitations(caller, name), cursor, limit)


@router.post("/partners/{name}/invitations", status_code=status.HTTP_201_CREATED)
@admits(Access.SIGNED_IN, Action.MEMBER_MANAGE)
@shown_once
def invite_to_partner(
    services: Provided, caller: Caller, name: str, request: InviteToPartner
) -> InvitationMadeView:
    """Invite somebody to a partner; the code is shown this once."""
    wanted = InvitationRequest(
        login=request.login,
        title=request.title,
        partner=name,
        role=request.role,
        lifetime=dt.timedelta(days=request.days),
    )
    return _made(services, services.accounts.invite(caller, wanted))


@router.get("/invitations")
@admits(Access.SIGNED_IN, Action.MEMBER_READ)
def invitations(
    services: Provided, caller: Caller, cursor: Cursor = None, limit: Limit = None
) -> PageView[InvitationView]:
    """List the open invitations the caller may see, newest first."""
    return _invitations(services.accounts.invitations(caller), cursor, limit)


@router.post("/invitations", status_code=status.HTTP_201_CREATED)
@admits(Access.SIGNED_IN, Action.MEMBER_MANAGE)
@shown_once
def invite(services: Provided, caller: Caller, request: Invite) -> InvitationMadeView:
    """Invite a member, an operator or an auditor; the code is shown this once."""
    wanted = InvitationRequest(
        login=request.login,
        title=request.title,
        kind=request.kind,
        partner=request.partner,
        role=request.role,
        lifetime=dt.timedelta(days=request.days),
    )
    return _made(services, services.accounts.invite(caller, wanted))


@router.delete(
    "/invitations/{invitation}", status_code=status.HTTP_204_NO_CONTENT, response_class=Response
)
@admits(Access.SIGNED_IN, Action.MEMBER_MANAGE)
def revoke_invitation(services: Provided, caller: Caller, invitation: str) -> None:
    """End an invitation nobody has taken yet."""
    services.accounts.revoke_invitation(caller, invitation)


@router.get("/accounts")
@admits(Access.SIGNED_IN, Action.MEMBER_READ)
def accounts(
    services: Provided, caller: Caller, cursor: Cursor = None, limit: Limit = None
) -> PageView[AccountView]:
    """List all accounts by login; for operators and auditors."""
    found = services.accounts.accounts(caller)
    page = page_from(found, lambda account: account.login, cursor=cursor, limit=limit)
    return page_of(page, account_view)


@router.post("/accounts/{login}/disable")
@admits(Access.SIGNED_IN, Action.PARTNER_MANAGE)
def disable(services: Provided, caller: Caller, login: str) -> EndedView:
    """Shut somebody out everywhere, at once."""
    return ended_view(services.accounts.disable(caller, login))


@router.post(
    "/accounts/{login}/enable", status_code=status.HTTP_204_NO_CONTENT, response_class=Response
)
@admits(Access.SIGNED_IN, Action.PARTNER_MANAGE)
def enable(services: Provided, caller: Caller, login: str) -> None:
    """Let somebody in again who was shut out."""
    services.accounts.enable(caller, login)


@router.post("/accounts/{login}/reset", status_code=status.HTTP_201_CREATED)
@admits(Access.SIGNED_IN, Action.PARTNER_MANAGE)
@shown_once
def reset(services: Provided, caller: Caller, login: str) -> InvitationMadeView:
    """Take password and second factor from somebody who lost them, and invite them anew."""
    return _made(services, services.accounts.reset(caller, login))


def _invitations(
    found: tuple[Invitation, ...], cursor: str | None, limit: int | None
) -> PageView[InvitationView]:
    page = page_from(found, lambda each: each.id, cursor=cursor, limit=limit, newest_first=True)
    return page_of(page, invitation_view)


def _made(services: Provided, invited: Invited) -> InvitationMadeView:
    return InvitationMadeView(
        **invitation_view(invited.invitation).model_dump(),
        code=invited.code.reveal(),
        url=invitation_link(services.settings, invited),
    )


def _key(member: Member) -> str:
    # A member may be invited once more, to another role.
    return f"{member.login}/{member.invitation or ''}"
