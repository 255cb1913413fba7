"""Bearer tokens: made once, shown once, kept only as a digest."""

import datetime as dt
import hashlib
import os
import secrets
import string
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from guesthouse.db import Database, Transaction
from guesthouse.db.tables import tokens
from guesthouse.kit.clock import Clock
from guesthouse.kit.ids import new_id
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.model import ActorKind
from guesthouse.people.scope import Scope, member_scope, operator_scope, routes_scope

PREFIX = "ghs_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_DIGITS = 30
CHECK_DIGITS = 6
OPERATOR = "operator"


@dataclass(frozen=True)
class TokenGrant:
    """What a new token is for."""

    name: str
    actor: str
    kind: ActorKind = ActorKind.OPERATOR
    partners: frozenset[str] | None = None
    """Partners a member's token reaches; None for an operator's."""
    lifetime: dt.timedelta | None = None
    """None never expires."""
    environment: str | None = None
    """The one environment whose routes a token of tests opens; None for any other token."""

    def __post_init__(self) -> None:
        if (self.kind is ActorKind.TESTS) is (self.environment is None):
            message = "a token of tests, and no other, is bound to an environment"
            raise ValueError(message)


def new_token() -> Sensitive[str]:
    """Return a fresh token; its last digits let a scanner tell it from chance text."""
    random_part = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_DIGITS))
    return Sensitive(PREFIX + random_part + _check(random_part))


def is_well_formed(text: str) -> bool:
    """Whether the text can be a token at all: prefix, length, digits and check digits."""
    body = text.removeprefix(PREFIX)
    if body == text or len(body) != RANDOM_DIGITS + CHECK_DIGITS:
        return False
    if not set(body) <= set(ALPHABET):
        return False
    return _check(body[:RANDOM_DIGITS]) == body[RANDOM_DIGITS:]


class TokenStore:
    """The tokens table."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(self, transaction: Transaction, scope: Scope, grant: TokenGrant) -> Sensitive[str]:
        """Create a token and return it; it can't be read again later.

        Raises:
            PermissionError: The scope is not allowed to make tokens.
        """
        if scope.kind is ActorKind.MEMBER:
            message = "members make no tokens"
            raise PermissionError(message)
        token = new_token()
        now = self._clock.now()
        transaction.insert(
            tokens,
            id=new_id("tok", self._clock),
            name=grant.name,
            digest=_digest(token.reveal()),
            actor=grant.actor,
            actor_kind=grant.kind.value,
            partners=None if grant.partners is None else sorted(grant.partners),
            environment=grant.environment,
            created_at=now,
            expires_at=None if grant.lifetime is None else now + grant.lifetime,
        )
        return token

    def authenticate(self, token: str) -> Scope | None:
        """Return the scope a token gives, or None for a token that gives none."""
        if not is_well_formed(token):
            return None
        with self._database.reading() as transaction:
            row = transaction.row(sa.select(tokens).where(tokens.c.digest == _digest(token)))
        if row is None or row["revoked_at"] is not None:
            return None
        if row["expires_at"] is not None and row["expires_at"] <= self._clock.now():
            return None
        return _scope(row)

    def revoke(self, transaction: Transaction, scope: Scope, token_id: str) -> bool:
        """End a token from now on.

        Returns:
            Whether there was such a token, still valid and the caller's to revoke.
        """
        statement = (
            sa.update(tokens)
            .where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
            .values(revoked_at=self._clock.now())
        )
        if scope.kind is ActorKind.MEMBER:
            statement = statement.where(tokens.c.actor == scope.actor)
        return transaction.change(statement) == 1

    def revoke_of_tests(self, transaction: Transaction, scope: Scope, environment: str) -> int:
        """End every token the functional tests of an environment got; return how many did."""
        if scope.kind is not ActorKind.SYSTEM:
            message = "tokens of tests end with the tests"
            raise PermissionError(message)
        statement = (
            sa.update(tokens)
            .where(tokens.c.environment == environment, tokens.c.revoked_at.is_(None))
            .values(revoked_at=self._clock.now())
        )
        return transaction.change(statement)


def ensure_operator_token(store: TokenStore, database: Database, scope: Scope, file: Path) -> bool:
    """Create the operator's token on the first run and write it to a file only we can read.

    Args:
        store: Where tokens are kept.
        database: The same database.
        scope: The system's scope.
        file: Written with mode 0600; an existing file with a valid token is left alone.

    Returns:
        Whether a token was created.
    """
    if file.exists() and store.authenticate(file.read_text(encoding="utf-8").strip()):
        return False
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    grant = TokenGrant(name="first operator", actor=OPERATOR)
    with database.transaction() as transaction:
        token = store.create(transaction, scope, grant)
        _write_private(file, token.reveal() + "\n")
    return True


def _write_private(file: Path, text: str) -> None:
    """Replace the file in one rename; it has mode 0600 from its first byte on."""
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    beside.replace(file)


def _scope(row: Any) -> Scope:  # noqa: ANN401 - a row mapping
    if ActorKind(row["actor_kind"]) is ActorKind.OPERATOR:
        return operator_scope(row["actor"])
    partners = frozenset(row["partners"] or ())
    if ActorKind(row["actor_kind"]) is ActorKind.TESTS:
        # A row from before tokens were bound names no environment: it opens none.
        return routes_scope(row["actor"], partners, row["environment"] or "")
    return member_scope(row["actor"], partners)


def _digest(token: str) -> str:
    # A fast hash is right here: a token has 178 random bits, so guessing is hopeless.
    return hashlib.sha256(token.encode()).hexdigest()


def _check(text: str) -> str:
    number = zlib.crc32(text.encode())
    digits = ""
    while len(digits) < CHECK_DIGITS:
        number, rest = divmod(number, len(ALPHABET))
        digits = ALPHABET[rest] + digits
    return digits
