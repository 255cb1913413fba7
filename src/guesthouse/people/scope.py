"""What a caller may see; every store method takes one first."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from guesthouse.people.model import Account, Action, ActorKind, Role

_MAKER = object()
_NOBODYS: Mapping[str, Role] = MappingProxyType({})


@dataclass(frozen=True)
class Scope:
    """Who acts, and on whose things; made only by the functions below."""

    actor: str
    kind: ActorKind
    partners: frozenset[str] | None
    """Names of the partners whose things are visible; None is all of them."""
    environment: str | None = None
    """The one environment whose routes it opens, and nothing else; None is bound to none."""
    roles: Mapping[str, Role] = field(default_factory=lambda: _NOBODYS, hash=False)
    """A member's role by partner."""
    scopes: frozenset[Action] | None = None
    """What a token narrows its owner to; None does not narrow."""
    account: str | None = None
    """Id of the person's account; None for the machine's own token and the system."""
    session: str | None = None
    """Id of the session they are signed in by."""
    token: str | None = None
    """Id of the token they act by."""
    is_enrolling: bool = False
    """Whether they may do nothing but enrol a second factor."""
    is_whole: bool = False
    """Whether the token they act by leaves its owner all that a token can have."""
    _maker: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._maker is not _MAKER:
            message = "a Scope is made only in guesthouse.people"
            raise TypeError(message)

    @property
    def is_for_routes_only(self) -> bool:
        """Whether it passes gateways and nothing else."""
        return self.environment is not None

    def opens_routes_of(self, environment: str) -> bool:
        """Whether it may pass the gateway of an environment it sees."""
        return self.environment in (None, environment)

    def sees(self, partner: str | None) -> bool:
        """Whether the caller may see things of this partner; None is nobody's thing."""
        if self.partners is None:
            return True
        return partner is not None and partner in self.partners


@dataclass(frozen=True)
class Narrowing:
    """What a token takes away from its owner."""

    token: str
    scopes: frozenset[Action] | None = None
    partners: frozenset[str] | None = None
    environment: str | None = None
    is_whole: bool = False
    """Whether that is nothing but what no token has."""


def operator_scope(actor: str) -> Scope:
    """Return the scope of an operator, who sees everything."""
    return Scope(actor, ActorKind.OPERATOR, None, _maker=_MAKER)


def auditor_scope(actor: str) -> Scope:
    """Return the scope of an auditor, who sees everything and changes nothing."""
    return Scope(actor, ActorKind.AUDITOR, None, _maker=_MAKER)


def member_scope(actor: str, partners: frozenset[str], role: Role = Role.MANAGER) -> Scope:
    """Return the scope of a member, in the same role with each of these partners."""
    roles = MappingProxyType(dict.fromkeys(sorted(partners), role))
    return Scope(actor, ActorKind.MEMBER, partners, roles=roles, _maker=_MAKER)


def routes_scope(actor: str, partners: frozenset[str], environment: str) -> Scope:
    """Return the scope of functional tests: a member's, but for one environment's routes only."""
    viewer = member_scope(actor, partners, Role.VIEWER)
    return replace(
        viewer, environment=environment, scopes=frozenset({Action.ROUTE_USE}), _maker=_MAKER
    )


def system_scope() -> Scope:
    """Return the scope of Guesthouse's own background work."""
    return Scope("system", ActorKind.SYSTEM, None, _maker=_MAKER)


def anonymous_scope() -> Scope:
    """Return the scope of somebody who has not signed in: it opens nothing."""
    return Scope("anonymous", ActorKind.ANONYMOUS, frozenset(), _maker=_MAKER)


def account_scope(account: Account, *, session: str | None = None) -> Scope:
    """Return the scope of a person as they stand now."""
    is_member = account.kind is ActorKind.MEMBER
    return Scope(
        account.login,
        account.kind,
        frozenset(account.roles) if is_member else None,
        roles=MappingProxyType(dict(account.roles)) if is_member else _NOBODYS,
        account=account.id,
        session=session,
        is_enrolling=account.must_enrol,
        _maker=_MAKER,
    )


def narrowed(scope: Scope, narrowing: Narrowing) -> Scope:
    """Return a scope cut down to what a token names; it never gains anything by that."""
    partners = scope.partners
    if narrowing.partners is not None:
        wanted = narrowing.partners
        partners = wanted if partners is None else partners & wanted
    kept = {name: role for name, role in scope.roles.items() if partners and name in partners}
    return replace(
        scope,
        partners=partners,
        roles=MappingProxyType(kept),
        scopes=_both(scope.scopes, narrowing.scopes),
        environment=scope.environment or narrowing.environment,
        token=narrowing.token,
        session=None,
        is_whole=narrowing.is_whole,
        _maker=_MAKER,
    )


def for_routes_of(scope: Scope, environment: str) -> Scope:
    """Return a scope cut down to the routes of one environment, for its gateway's cookie."""
    routes = _both(scope.scopes, frozenset({Action.ROUTE_USE}))
    return replace(scope, environment=environment, scopes=routes, _maker=_MAKER)


def _both(
    one: frozenset[Action] | None, other: frozenset[Action] | None
) -> frozenset[Action] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other
