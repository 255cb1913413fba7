"""What a sign-in by the provider needs, real on SQLite; only what seals and hashes is made up."""

from typing_extensions import override

from guesthouse.audit import AuditTrail
from guesthouse.db import Database
from guesthouse.db.tables import partners
from guesthouse.kit.clock import Clock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.groups import mapping_of
from guesthouse.people.oidc import ExternalSignIn
from guesthouse.people.parts import PeopleParts
from guesthouse.people.passwords import PasswordLane
from guesthouse.people.ports import PasswordHasher, Sealer
from guesthouse.people.provider import OpenIdProvider
from guesthouse.people.sessions import SessionStore
from guesthouse.people.signin import SignIn
from guesthouse.people.tokens import TokenStore

GROUPS = """
IT Ops = operator
Auditors = auditor
Acme Developers = acme:developer
cn=leads,ou=acme = acme:manager
"""
KEY = 0x5A


class FakeSealer(Sealer):
    """Seals so that nobody reads it by chance."""

    @override
    def seal(self, secret: Sensitive[bytes]) -> bytes:
        return bytes(byte ^ KEY for byte in secret.reveal())

    @override
    def open(self, sealed: bytes) -> Sensitive[bytes]:
        return Sensitive(bytes(byte ^ KEY for byte in sealed))


class NoHasher(PasswordHasher):
    """Nobody signs in with a password here."""

    decoy = "no hash"

    @override
    def hash(self, password: Sensitive[str]) -> str:
        raise NotImplementedError

    @override
    def verify(self, password: Sensitive[str], kept: str) -> tuple[bool, str | None]:
        raise NotImplementedError


def external_sign_in(
    database: Database, clock: Clock, provider: OpenIdProvider
) -> tuple[ExternalSignIn, PeopleParts]:
    """Return the way in by a provider, where acme and other are partners."""
    trail = AuditTrail(clock)
    parts = PeopleParts(
        database=database,
        clock=clock,
        trail=trail,
        lane=PasswordLane(NoHasher()),
        sealer=FakeSealer(),
        sessions=SessionStore(database, clock, trail),
        tokens=TokenStore(database, clock, trail),
        groups=mapping_of(GROUPS),
    )
    with database.transaction() as transaction:
        for name in ("acme", "other"):
            now = clock.now()
            desired = {"name": name, "title": name}
            transaction.insert(
                partners, name=name, desired=desired, created_at=now, updated_at=now
            )
    return ExternalSignIn(parts, SignIn(parts), provider), parts
