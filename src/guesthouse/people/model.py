"""People as values: accounts, members, invitations, sessions. No database, no hashing."""

import datetime as dt
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from guesthouse.kit.sensitive import Sensitive

MIN_PASSWORD = 12
TITLE_LIMIT = 200
CUSTOMER_BITS = 64


class ActorKind(Enum):
    """What sort of caller acts."""

    OPERATOR = "operator"
    AUDITOR = "auditor"
    """Reads everything and changes nothing."""
    MEMBER = "member"
    TESTS = "tests"
    """Functional tests of an environment: a member to gateways, nobody to the API."""
    SYSTEM = "system"
    ANONYMOUS = "anonymous"
    """Somebody who has not signed in; only audit rows of refused sign-ins have this."""


class Role(Enum):
    """What a member may do with the things of a partner; each may do what those before it may."""

    VIEWER = "viewer"
    DEVELOPER = "developer"
    MANAGER = "manager"


class Action(Enum):
    """What can be asked for; the value is the name of the token scope."""

    ENVIRONMENT_READ = "env:read"
    ENVIRONMENT_DEPLOY = "env:deploy"
    ENVIRONMENT_MANAGE = "env:manage"
    VARIABLES_READ = "variables:read"
    SECRETS_WRITE = "secrets:write"
    ROUTE_USE = "route:use"
    RUN_READ = "run:read"
    LOG_READ = "log:read"
    RUN_CANCEL = "run:cancel"
    JOB_RUN = "job:run"
    CONSOLE_RESTART = "console:restart"
    METRICS_READ = "metrics:read"
    MEMBER_READ = "member:read"
    MEMBER_MANAGE = "member:manage"
    ACTIVITY_READ = "activity:read"
    """The audit of one's own partner."""
    ACCOUNT_OWN = "account:own"
    """Own tokens, sessions and password; never given to a token."""
    PARTNER_MANAGE = "partner:manage"
    ESTATE_READ = "estate:read"
    ESTATE_APPLY = "estate:apply"
    INSTANCE_READ = "instance:read"
    INSTANCE_MANAGE = "instance:manage"
    AUDIT_READ = "audit:read"


class Verdict(Enum):
    """What `decide` says."""

    ALLOWED = "allowed"
    DENIED = "denied"
    """The caller sees the thing but may not do that."""
    HIDDEN = "hidden"
    """To this caller the thing does not exist."""


class MembershipOrigin(Enum):
    """Who says that somebody is a member, and so may take it back."""

    INVITATION = "invitation"
    ESTATE = "estate"
    PROVIDER = "provider"
    """Groups of the OpenID provider; brought up to date at each sign-in."""


class Door(Enum):
    """How a session was opened."""

    PASSWORD = "password"  # noqa: S105 - the name of a door, no password
    OIDC = "oidc"


class MemberState(Enum):
    """Where a member stands."""

    ACTIVE = "active"
    INVITED = "invited"
    DISABLED = "disabled"


@dataclass(frozen=True)
class Origin:
    """Where a request comes from."""

    address: str
    agent: str = ""

    @property
    def network(self) -> str:
        """What tries are counted by: the address; of IPv6 its network, all of it one customer's.

        Otherwise who has one connection has 2^64 addresses to try from.
        """
        try:
            address = ipaddress.ip_address(self.address)
        except ValueError:
            return self.address
        if isinstance(address, ipaddress.IPv4Address):
            return str(address)
        mapped = address.ipv4_mapped
        if mapped is not None:
            return str(mapped)
        return str(ipaddress.ip_network((int(address), CUSTOMER_BITS), strict=False))

    def is_elsewhere(self, other: "Origin") -> bool:
        """Whether another request surely comes from another network.

        Of two that speak different versions of IP nothing is known: many machines speak both.
        """
        here, there = self.network, other.network
        return here != there and (":" in here) == (":" in there)


@dataclass(frozen=True)
class Account:
    """One person."""

    id: str
    login: str
    title: str
    kind: ActorKind
    has_password: bool
    has_totp: bool
    is_declared: bool
    created_at: dt.datetime
    disabled_at: dt.datetime | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)
    """Role by partner."""

    @property
    def must_enrol(self) -> bool:
        """Whether it may do nothing but enrol a second factor.

        One without a password comes in by the provider, whose business the second factor is.
        """
        privileged = self.kind in {ActorKind.OPERATOR, ActorKind.AUDITOR}
        return privileged and self.has_password and not self.has_totp


@dataclass(frozen=True)
class Member:
    """Somebody of a partner, or somebody invited."""

    login: str
    title: str
    role: Role
    state: MemberState
    origin: MembershipOrigin
    has_totp: bool = False
    invitation: str | None = None
    """Id of the open invitation of somebody who is not in yet."""
    expires_at: dt.datetime | None = None
    """When that ends."""


@dataclass(frozen=True)
class DeclaredMember:
    """A member as the estate declares them."""

    login: str
    title: str
    role: Role


@dataclass(frozen=True)
class InvitationRequest:
    """Who shall be invited."""

    login: str
    title: str
    kind: ActorKind = ActorKind.MEMBER
    partner: str | None = None
    role: Role | None = None
    lifetime: dt.timedelta = dt.timedelta(days=7)


@dataclass(frozen=True)
class Invitation:
    """An invitation, without its code."""

    id: str
    login: str
    title: str
    kind: ActorKind
    partner: str | None
    role: Role | None
    invited_by: str
    created_at: dt.datetime
    expires_at: dt.datetime
    needs_sign_in: bool = False
    """Whether the login has an account: its owner signs in and joins."""


@dataclass(frozen=True)
class Invited:
    """A new invitation; its code is shown once."""

    code: Sensitive[str]
    invitation: Invitation


@dataclass(frozen=True)
class TotpEnrolment:
    """What an authenticator is given."""

    secret: Sensitive[str]
    uri: Sensitive[str]


@dataclass(frozen=True)
class Session:
    """A browser somebody is signed in with."""

    id: str
    door: Door
    address: str
    agent: str
    created_at: dt.datetime
    seen_at: dt.datetime
    expires_at: dt.datetime
    is_current: bool = False


@dataclass(frozen=True)
class Opened:
    """A new session; its secret is what the cookie holds."""

    secret: Sensitive[str]
    session: Session
    account: Account


@dataclass(frozen=True)
class Half:
    """The password was right; a code of the second factor is missing."""

    secret: Sensitive[str]
    expires_at: dt.datetime


@dataclass(frozen=True)
class ExternalIdentity:
    """Somebody an OpenID provider vouches for; issuer and subject alone say who it is."""

    issuer: str
    subject: str
    login: str
    """A wish; somebody else may have it."""
    title: str
    groups: tuple[str, ...] = ()
