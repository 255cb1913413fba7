"""People, wired: what they keep secrets with, and how the first operator comes in."""

import os
import secrets
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
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import ActorKind, system_scope
from guesthouse.people.accounts import AccountService
from guesthouse.people.devices import DeviceLogins
from guesthouse.people.errors import InvitationSpent
from guesthouse.people.gateway import GatewayDoor
from guesthouse.people.model import InvitationRequest
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
    console = console_url(settings.domain, settings.gateway_port)
    link = f"{console}/invitation/{invited.code.reveal()}"
    _write_private(file, f"{link}\n")
    return link


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


def _write_private(file: Path, text: str) -> None:
    """Replace the file in one rename; it has mode 0600 from its first byte on."""
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    beside.replace(file)
