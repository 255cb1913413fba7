"""What the use cases of people are given, wired once for a process."""

from dataclasses import dataclass, field

from guesthouse.db import Database
from guesthouse.kit.clock import Clock
from guesthouse.people.groups import GroupMapping
from guesthouse.people.passwords import PasswordLane
from guesthouse.people.ports import Sealer, Trail
from guesthouse.people.sessions import SessionStore
from guesthouse.people.store import AccountStore
from guesthouse.people.throttle import Throttle
from guesthouse.people.tokens import TokenStore


@dataclass(frozen=True)
class PeopleParts:
    """Database, clock and the ports, with what is built on them."""

    database: Database
    clock: Clock
    trail: Trail
    lane: PasswordLane
    sealer: Sealer
    sessions: SessionStore
    tokens: TokenStore
    groups: GroupMapping = field(default_factory=GroupMapping)
    """What groups of the OpenID provider give."""
    issuer: str = "Guesthouse"
    """What authenticators call us."""
    accounts: AccountStore = field(default_factory=AccountStore)
    throttle: Throttle = field(default_factory=Throttle)
