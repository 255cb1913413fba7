"""People, wired: what they keep secrets with, and how the first operator comes in."""

from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from guesthouse.adapters.secrets import FileKeyCipher
from guesthouse.audit import AuditTrail
from guesthouse.bootstrap.oidc import group_mapping
from guesthouse.config import Settings
from guesthouse.db import Database
from guesthouse.instances.plan import console_url
from guesthouse.kit.clock import Clock
from guesthouse.kit.files import replace_file
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import ActorKind, system_scope
from guesthouse.people.accounts import AccountService
from guesthouse.people.devices import DeviceLogins
from guesthouse.people.errors import InvitationSpent
from guesthouse.people.gateway import GatewayDoor
from guesthouse.people.model import InvitationRequest, Invited
from guesthouse.people.parts import PeopleParts
from guesthouse.people.passwords import Argon2, PasswordLane
from guesthouse.people.ports import PasswordHasher, Sealer
from guesthouse.people.sessions import SessionStore
from guesthouse.people.signin import SignIn
from guesthouse.people.tokens import OPERATOR, TokenStore

CONTEXT = "people"
"""What is sealed for people opens as no secret of an environment."""


class PeopleSealer(Sealer):
    """Seals with the key that secrets of environments are sealed with."""

    def __init__(self, cipher: FileKeyCipher) -> None:
        self._cipher = cipher

    @override
    def seal(self, secret: Sensitive[bytes]) -> bytes:
        return self._cipher.seal(Sensitive(secret.reveal().hex()), CONTEXT)

    @override
    def open(self, sealed: bytes) -> Sensitive[bytes]:
        return Sensitive(bytes.fromhex(self._cipher.open(sealed, CONTEXT).reveal()))


@dataclass(frozen=True)
class People:
    """Everything about people that entry points call."""

    parts: PeopleParts
    tokens: TokenStore
    sessions: SessionStore
    accounts: AccountService
    signin: SignIn
    gateway_door: GatewayDoor
    devices: DeviceLogins


def people(
    settings: Settings, database: Database, clock: Clock, hasher: PasswordHasher | None = None
) -> People:
    """Wire people.

    Args:
        settings: The operator's.
        database: The control plane's.
        clock: Gives the time.
        hasher: What to hash passwords with; None is argon2id.

    Raises:
        MappingInvalid: The groups of the provider cannot be read.
    """
    trail = AuditTrail(clock)
    sessions = SessionStore(database, clock, trail)
    tokens = TokenStore(database, clock, trail)
    parts = PeopleParts(
        database=database,
        clock=clock,
        trail=trail,
        lane=PasswordLane(hasher or Argon2()),
        sealer=PeopleSealer(FileKeyCipher(settings.state / "secrets.key")),
        sessions=sessions,
        tokens=tokens,
        groups=group_mapping(settings),
        issuer=f"Guesthouse {settings.domain}",
    )
    return People(
        parts=parts,
        tokens=tokens,
        sessions=sessions,
        accounts=AccountService(parts),
        signin=SignIn(parts),
        gateway_door=GatewayDoor(database, clock, trail, sessions),
        devices=DeviceLogins(database, clock, trail, tokens),
    )


class OfPeople:
    """Gives what `People` holds under the names that the doors know."""

    people: People

    @property
    def tokens(self) -> TokenStore:
        """Bearer tokens."""
        return self.people.tokens

    @property
    def accounts(self) -> AccountService:
        """Accounts, invitations and members."""
        return self.people.accounts

    @property
    def signin(self) -> SignIn:
        """The ways in."""
        return self.people.signin

    @property
    def sessions(self) -> SessionStore:
        """Browsers people are signed in with."""
        return self.people.sessions

    @property
    def gateway_door(self) -> GatewayDoor:
        """How a browser gets from the console into a route's host."""
        return self.people.gateway_door

    @property
    def devices(self) -> DeviceLogins:
        """Programs that wait to be signed in."""
        return self.people.devices


def first_invitation(settings: Settings, everybody: People) -> str | None:
    """Return the link the first operator comes in by; None where there is an operator.

    It is kept in a file that only we can read, and made anew when it has expired.

    Args:
        settings: The operator's.
        everybody: What `people` gave.
    """
    file = settings.invitation_file
    with everybody.parts.database.reading() as transaction:
        has_operator = everybody.parts.accounts.count(transaction, ActorKind.OPERATOR) > 0
    if has_operator:
        file.unlink(missing_ok=True)
        return None
    kept = _kept(file)
    if kept is not None and _is_good(everybody, kept):
        return kept
    request = InvitationRequest(OPERATOR, "Operator", ActorKind.OPERATOR)
    invited = everybody.accounts.invite(system_scope(), request)
    link = invitation_link(settings, invited)
    replace_file(file, f"{link}\n")
    return link


def invitation_link(settings: Settings, invited: Invited) -> str:
    """Return the address somebody accepts an invitation at, good once."""
    console = console_url(settings.domain, settings.gateway_port)
    return f"{console}/invitation/{invited.code.reveal()}"


def _kept(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def _is_good(everybody: People, link: str) -> bool:
    try:
        everybody.accounts.invitation(link.rpartition("/")[2])
    except InvitationSpent:
        return False
    return True
