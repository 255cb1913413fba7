"""How people, and what they come in by, look on the wire."""

import datetime as dt

from pydantic import BaseModel, Field

from guesthouse.estate.partners import PartnerInfo
from guesthouse.people import Action, ActorKind, Role, Scope
from guesthouse.people.members import Ended
from guesthouse.people.model import (
    Account,
    Door,
    Invitation,
    Member,
    MembershipOrigin,
    MemberState,
    Session,
)
from guesthouse.people.tokens import Token


class WhoamiView(BaseModel):
    """Who calls, and by what."""

    login: str
    title: str = Field(description="Empty for the machine's own token.")
    kind: ActorKind
    roles: dict[str, Role] = Field(description="A member's role by partner.")
    partners: list[str] | None = Field(description="Whose things are visible; null is all.")
    scopes: list[str] | None = Field(
        description="What a token is narrowed to; null is not narrowed."
    )
    session: str | None = Field(description="Id of the session the call came by.")
    token: str | None = Field(description="Id of the token the call came by.")
    must_enrol: bool = Field(description="Whether nothing works until a second factor is set up.")


class TokenView(BaseModel):
    """A token, without its secret."""

    id: str
    name: str
    scopes: list[str] | None = Field(description="Null is all its owner may do.")
    partners: list[str] | None = Field(description="Null is all its owner's.")
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None


class TokenMadeView(BaseModel):
    """A new token; this is the only answer that holds it."""

    id: str
    name: str
    token: str = Field(repr=False)
    scopes: list[str] | None
    partners: list[str] | None
    expires_at: dt.datetime | None


class SessionView(BaseModel):
    """A browser somebody is signed in with."""

    id: str
    door: Door
    address: str
    agent: str
    created_at: dt.datetime
    seen_at: dt.datetime
    expires_at: dt.datetime
    is_current: bool


class PartnerView(BaseModel):
    """A third-party organisation."""

    name: str
    title: str = ""
    is_declared: bool = Field(description="False for one added by hand, outside of the estate.")
    is_leaving: bool = Field(description="Whether it goes with its last environment.")
    offboarded_at: dt.datetime | None = Field(
        description="Since when nobody of it is let in; null while it is welcome."
    )


class MemberView(BaseModel):
    """Somebody of a partner, or somebody invited to it."""

    login: str
    title: str
    role: Role
    state: MemberState
    origin: MembershipOrigin = Field(description="Who says so, and may take it back.")
    has_totp: bool
    invitation: str | None = Field(description="Id of the open invitation; null once it is taken.")
    expires_at: dt.datetime | None = Field(description="When the invitation ends.")


class InvitationView(BaseModel):
    """An invitation nobody has taken yet."""

    id: str
    login: str
    title: str
    kind: ActorKind
    partner: str | None
    role: Role | None
    invited_by: str
    created_at: dt.datetime
    expires_at: dt.datetime


class InvitationMadeView(InvitationView):
    """A new invitation; this is the only answer that holds its code."""

    code: str = Field(repr=False)
    url: str = Field(repr=False, description="What to send to the person.")


class AccountView(BaseModel):
    """One person."""

    login: str
    title: str
    kind: ActorKind
    roles: dict[str, Role]
    has_password: bool
    has_totp: bool
    is_declared: bool
    created_at: dt.datetime
    disabled_at: dt.datetime | None


class EndedView(BaseModel):
    """What ended with somebody's stay."""

    logins: list[str]
    sessions: int
    tokens: int
    invitations: int


def whoami_view(scope: Scope, account: Account | None) -> WhoamiView:
    """Return the caller as they look on the wire."""
    return WhoamiView(
        login=scope.actor,
        title="" if account is None else account.title,
        kind=scope.kind,
        roles=dict(scope.roles),
        partners=_sorted(scope.partners),
        scopes=_words(scope.scopes),
        session=scope.session,
        token=scope.token,
        must_enrol=scope.is_enrolling,
    )


def token_view(token: Token) -> TokenView:
    """Return a token as it looks on the wire."""
    return TokenView(
        id=token.id,
        name=token.name,
        scopes=_words(token.scopes),
        partners=_sorted(token.partners),
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
    )


def session_view(session: Session) -> SessionView:
    """Return a session as it looks on the wire."""
    return SessionView(
        id=session.id,
        door=session.door,
        address=session.address,
        agent=session.agent,
        created_at=session.created_at,
        seen_at=session.seen_at,
        expires_at=session.expires_at,
        is_current=session.is_current,
    )


def partner_view(partner: PartnerInfo) -> PartnerView:
    """Return a partner as it looks on the wire."""
    return PartnerView(
        name=partner.name,
        title=partner.title,
        is_declared=partner.is_declared,
        is_leaving=partner.is_leaving,
        offboarded_at=partner.offboarded_at,
    )


def member_view(member: Member) -> MemberView:
    """Return a member as they look on the wire."""
    return MemberView(
        login=member.login,
        title=member.title,
        role=member.role,
        state=member.state,
        origin=member.origin,
        has_totp=member.has_totp,
        invitation=member.invitation,
        expires_at=member.expires_at,
    )


def invitation_view(invitation: Invitation) -> InvitationView:
    """Return an invitation as it looks on the wire."""
    return InvitationView(
        id=invitation.id,
        login=invitation.login,
        title=invitation.title,
        kind=invitation.kind,
        partner=invitation.partner,
        role=invitation.role,
        invited_by=invitation.invited_by,
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
    )


def account_view(account: Account) -> AccountView:
    """Return an account as it looks on the wire."""
    return AccountView(
        login=account.login,
        title=account.title,
        kind=account.kind,
        roles=dict(account.roles),
        has_password=account.has_password,
        has_totp=account.has_totp,
        is_declared=account.is_declared,
        created_at=account.created_at,
        disabled_at=account.disabled_at,
    )


def ended_view(ended: Ended) -> EndedView:
    """Return what ended as it looks on the wire."""
    return EndedView(
        logins=list(ended.logins),
        sessions=ended.sessions,
        tokens=ended.tokens,
        invitations=ended.invitations,
    )


def _words(scopes: frozenset[Action] | None) -> list[str] | None:
    return None if scopes is None else sorted(action.value for action in scopes)


def _sorted(names: frozenset[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)
