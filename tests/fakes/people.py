"""People on a real database; only the hashing is made up, and counted."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from guesthouse import config
from guesthouse.bootstrap.people import People, people
from guesthouse.db import Database
from guesthouse.kit.clock import Clock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.model import (
    Account,
    ActorKind,
    InvitationRequest,
    Origin,
    Role,
)
from guesthouse.people.ports import PasswordHasher
from guesthouse.people.scope import Scope, system_scope

PASSWORD = Sensitive("plenty of wet llamas")
HERE = Origin("192.0.2.1", "browser of a test")


@dataclass
class FakeHasher(PasswordHasher):
    """Fits what it hashed, at no cost."""

    decoy: str = "hashed:"
    verified: list[str] = field(default_factory=list)
    """What passwords were compared with."""
    threads: set[int] = field(default_factory=set)

    @override
    def hash(self, password: Sensitive[str]) -> str:
        return f"hashed:{password.reveal()}"

    @override
    def verify(self, password: Sensitive[str], kept: str) -> tuple[bool, str | None]:
        self.verified.append(kept)
        self.threads.add(threading.get_ident())
        return kept == self.hash(password), None


def fake_people(
    database: Database,
    clock: Clock,
    state: Path,
    *,
    hasher: PasswordHasher | None = None,
    groups: str = "",
) -> People:
    """Return people without anybody among them."""
    settings = config.load({"GUESTHOUSE_STATE": str(state), "GUESTHOUSE_OIDC_GROUPS": groups})
    return people(settings, database, clock, hasher or FakeHasher())


async def come_in(
    everybody: People,
    login: str,
    partner: str | None = None,
    role: Role | None = None,
    *,
    kind: ActorKind = ActorKind.MEMBER,
) -> Account:
    """Return the account of somebody who was invited and set `PASSWORD`."""
    request = InvitationRequest(login, login.capitalize(), kind, partner, role)
    invited = everybody.accounts.invite(system_scope(), request)
    return await everybody.accounts.accept(invited.code.reveal(), PASSWORD)


def signed_in(everybody: People, account: Account) -> Scope:
    """Return the scope of a new session of somebody without a second factor."""
    opened = everybody.signin.after_invitation(account, HERE)
    scope = everybody.sessions.authenticate(opened.secret.reveal())
    assert scope is not None
    return scope
