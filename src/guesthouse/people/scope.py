"""What a caller may see; every store method takes one first."""

from dataclasses import dataclass, field
from enum import Enum

_MAKER = object()


class ActorKind(Enum):
    """What sort of caller acts."""

    OPERATOR = "operator"
    MEMBER = "member"
    SYSTEM = "system"


@dataclass(frozen=True)
class Scope:
    """Who acts, and on whose things; made only by the functions below."""

    actor: str
    kind: ActorKind
    partners: frozenset[str] | None
    """Names of the partners whose things are visible; None is all of them."""
    _maker: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._maker is not _MAKER:
            message = "a Scope is made only in guesthouse.people"
            raise TypeError(message)

    def sees(self, partner: str | None) -> bool:
        """Whether the caller may see things of this partner; None is nobody's thing."""
        if self.partners is None:
            return True
        return partner is not None and partner in self.partners


def operator_scope(actor: str) -> Scope:
    """Return the scope of an operator, who sees everything."""
    return Scope(actor, ActorKind.OPERATOR, None, _MAKER)


def member_scope(actor: str, partners: frozenset[str]) -> Scope:
    """Return the scope of a partner's member, who sees these partners' things."""
    return Scope(actor, ActorKind.MEMBER, partners, _MAKER)


def system_scope() -> Scope:
    """Return the scope of Guesthouse's own background work."""
    return Scope("system", ActorKind.SYSTEM, None, _MAKER)
