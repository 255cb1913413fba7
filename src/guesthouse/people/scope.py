"""What a caller may see; every store method takes one first."""

from dataclasses import dataclass, field
from enum import Enum

_MAKER = object()


class ActorKind(Enum):
    """What sort of caller acts."""

    OPERATOR = "operator"
    MEMBER = "member"
    TESTS = "tests"
    """Functional tests of an environment: a member to gateways, nobody to the API."""
    SYSTEM = "system"


@dataclass(frozen=True)
class Scope:
    """Who acts, and on whose things; made only by the functions below."""

    actor: str
    kind: ActorKind
    partners: frozenset[str] | None
    """Names of the partners whose things are visible; None is all of them."""
    environment: str | None = None
    """The one environment whose routes it opens, and nothing else; None is bound to none."""
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


def operator_scope(actor: str) -> Scope:
    """Return the scope of an operator, who sees everything."""
    return Scope(actor, ActorKind.OPERATOR, None, _maker=_MAKER)


def member_scope(actor: str, partners: frozenset[str]) -> Scope:
    """Return the scope of a partner's member, who sees these partners' things."""
    return Scope(actor, ActorKind.MEMBER, partners, _maker=_MAKER)


def routes_scope(actor: str, partners: frozenset[str], environment: str) -> Scope:
    """Return the scope of functional tests: a member's, but for one environment's routes only."""
    return Scope(actor, ActorKind.MEMBER, partners, environment, _maker=_MAKER)


def system_scope() -> Scope:
    """Return the scope of Guesthouse's own background work."""
    return Scope("system", ActorKind.SYSTEM, None, _maker=_MAKER)
