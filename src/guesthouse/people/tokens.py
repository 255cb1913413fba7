"""Bearer tokens: made once, shown once, kept only as a digest."""

import datetime as dt
import hashlib
import secrets
import string
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa

from guesthouse.db import Database, Transaction
from guesthouse.db.tables import tokens
from guesthouse.kit.clock import Clock
from guesthouse.kit.files import replace_file
from guesthouse.kit.ids import new_id
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.errors import NotPermitted
from guesthouse.people.model import Action, ActorKind
from guesthouse.people.permissions import (
    GIVABLE,
    may_somewhere,
    require_enrolled,
    require_own_access,
)
from guesthouse.people.ports import Trail
from guesthouse.people.scope import (
    Narrowing,
    Scope,
    account_scope,
    member_scope,
    narrowed,
    operator_scope,
    routes_scope,
)
from guesthouse.people.seen import note
from guesthouse.people.store import AccountStore, Row, is_over

SEEN_EVERY = dt.timedelta(minutes=1)
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
    account: str | None = None
    """Id of the person whose token it is; None for the machine's own and those of tests."""
    scopes: frozenset[Action] | None = None
    """What it is narrowed to; None leaves all its owner may do, but for their account itself."""

    def __post_init__(self) -> None:
        if (self.kind is ActorKind.TESTS) is (self.environment is None):
            message = "a token of tests, and no other, is bound to an environment"
            raise ValueError(message)


@dataclass(frozen=True)
class Token:
    """A token of a person, without its secret."""

    id: str
    name: str
    scopes: frozenset[Action] | None
    """None is all its owner may do."""
    partners: frozenset[str] | None
    """None is all its owner's."""
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None


@dataclass(frozen=True)
class Issued:
    """A token just made."""

    id: str
    secret: Sensitive[str]
    """Can't be read again later."""


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

    def __init__(self, database: Database, clock: Clock, trail: Trail) -> None:
        self._database = database
        self._clock = clock
        self._trail = trail
        self._accounts = AccountStore()

    def create(self, transaction: Transaction, scope: Scope, grant: TokenGrant) -> Sensitive[str]:
        """Create a token and return it; it can't be read again later.

        A person gives it no more than they have. It gains nothing when they do later, and loses
        what they lose.

        Args:
            transaction: Carries the token and its audit row.
            scope: A person signed in, the machine's operator, or the system.
            grant: What it is for; where a person asks, their own account is filled in.

        Raises:
            NotPermitted: It would be somebody else's, may do what they may not, or a token asks.
            NotEnrolled: Their account lacks a second factor it needs.
        """
        return self._create(transaction, scope, grant).secret

    def issue(self, scope: Scope, grant: TokenGrant) -> Issued:
        """Create a token for whoever asks for one, in a transaction of its own.

        Raises:
            NotPermitted: As `create` has it.
            NotEnrolled: Their account lacks a second factor it needs.
        """
        with self._database.transaction() as transaction:
            return self._create(transaction, scope, grant)

    def authenticate(self, token: str) -> Scope | None:
        """Return the scope a token gives, or None for a token that gives none.

        What its owner may do is read anew each time.
        """
        if not is_well_formed(token):
            return None
        with self._database.reading() as transaction:
            row = transaction.row(sa.select(tokens).where(tokens.c.digest == _digest(token)))
            if row is None or not self._is_valid(row):
                return None
            scope = self._scope(transaction, row)
        if scope is not None:
            self._see(row)
        return scope

    def list(self, scope: Scope) -> tuple[Token, ...]:
        """Return the caller's own tokens that are still good, newest first.

        Raises:
            NotPermitted: The caller has no account, or acts by a token that is narrowed.
        """
        require_own_access(scope)
        statement = sa.select(tokens).where(
            tokens.c.account == scope.account, tokens.c.revoked_at.is_(None)
        )
        with self._database.reading() as transaction:
            rows = transaction.rows(statement.order_by(tokens.c.id.desc()))
        return tuple(_token(row) for row in rows if self._is_valid(row))

    def revoke(self, transaction: Transaction, scope: Scope, token_id: str) -> bool:
        """End a token from now on: one's own, or as operator any; by a narrowed one itself alone.

        Returns:
            Whether there was such a token, still valid and the caller's to revoke.
        """
        where = sa.and_(tokens.c.id == token_id, tokens.c.revoked_at.is_(None), _own(scope))
        if not self._end(transaction, where):
            return False
        self._trail.record(transaction, scope, "token.revoke", f"token/{token_id}", {})
        return True

    def end(self, scope: Scope, token_id: str) -> bool:
        """End a token as `revoke` does, in a transaction of its own; return whether it did."""
        with self._database.transaction() as transaction:
            return self.revoke(transaction, scope, token_id)

    def usage(self, scope: Scope) -> tuple[bool, bool]:
        """Return whether the caller has a token that counts, and whether any was ever used."""
        mine = tokens.c.actor == scope.actor
        conditions = (tokens.c.revoked_at.is_(None), tokens.c.last_used_at.is_not(None))
        with self._database.reading() as transaction:
            has, used = (
                bool(transaction.scalar(sa.select(sa.exists().where(mine, condition))))
                for condition in conditions
            )
        return has, used

    def revoke_all(self, transaction: Transaction, account: str) -> int:
        """End every token of an account, in the transaction of what is the reason for it."""
        return self._end(
            transaction, sa.and_(tokens.c.account == account, tokens.c.revoked_at.is_(None))
        )

    def revoke_of_tests(self, transaction: Transaction, scope: Scope, environment: str) -> int:
        """End every token the functional tests of an environment got; return how many did."""
        if scope.kind is not ActorKind.SYSTEM:
            message = "tokens of tests end with the tests"
            raise PermissionError(message)
        return self._end(
            transaction,
            sa.and_(tokens.c.environment == environment, tokens.c.revoked_at.is_(None)),
        )

    def _create(self, transaction: Transaction, scope: Scope, grant: TokenGrant) -> Issued:
        grant = _permitted(scope, grant)
        token, now, name = new_token(), self._clock.now(), new_id("tok", self._clock)
        transaction.insert(
            tokens,
            id=name,
            name=grant.name,
            digest=_digest(token.reveal()),
            actor=grant.actor,
            actor_kind=grant.kind.value,
            partners=None if grant.partners is None else sorted(grant.partners),
            environment=grant.environment,
            account=grant.account,
            scopes=_names(grant.scopes),
            created_at=now,
            expires_at=None if grant.lifetime is None else now + grant.lifetime,
        )
        detail = {"name": grant.name, "owner": grant.actor, "scopes": _names(grant.scopes)}
        self._trail.record(transaction, scope, "token.create", f"token/{name}", detail)
        return Issued(name, token)

    def _is_valid(self, row: Row) -> bool:
        return row["revoked_at"] is None and not is_over(row["expires_at"], self._clock.now())

    def _scope(self, transaction: Transaction, row: Row) -> Scope | None:
        if row["account"] is None:
            return _machine_scope(row)
        account = self._accounts.by_id(transaction, row["account"])
        if account is None or account.disabled_at is not None:
            return None
        scope = narrowed(account_scope(account), _narrowing(row))
        # Somebody who is a member nowhere any more has no use for it, and gets none.
        return None if scope.partners == frozenset() else scope

    def _see(self, row: Row) -> None:
        """Note that a token was used, at most once a minute: requests need not wait to write."""
        now = self._clock.now()
        if row["last_used_at"] is not None and abs(now - row["last_used_at"]) < SEEN_EVERY:
            return
        statement = sa.update(tokens).where(tokens.c.id == row["id"])
        note(self._database, statement.values(last_used_at=now))

    def _end(self, transaction: Transaction, where: sa.ColumnElement[bool]) -> int:
        return transaction.change(
            sa.update(tokens).where(where).values(revoked_at=self._clock.now())
        )


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
        replace_file(file, token.reveal() + "\n")
    return True


def _permitted(scope: Scope, grant: TokenGrant) -> TokenGrant:
    """Return what may be granted.

    Raises:
        NotPermitted: The caller may not grant that.
        NotEnrolled: Their account lacks a second factor it needs.
    """
    if scope.kind is ActorKind.SYSTEM:
        return grant
    if scope.kind is ActorKind.OPERATOR and scope.account is None and scope.scopes is None:
        # Whoever has the machine's own token has the machine.
        return grant
    require_enrolled(scope)
    foreign = grant.account not in {None, scope.account} or grant.environment is not None
    if foreign or not (grant.partners or frozenset()) <= (
        scope.partners or grant.partners or set()
    ):
        raise NotPermitted(Action.ACCOUNT_OWN)
    for action in grant.scopes or frozenset():
        if not may_somewhere(scope, action) or action is Action.ACCOUNT_OWN:
            raise NotPermitted(action)
    return replace(grant, account=scope.account, actor=scope.actor, kind=scope.kind)


def _own(scope: Scope) -> sa.ColumnElement[bool]:
    """Return what selects the tokens a caller may end."""
    if scope.token is not None and not scope.is_whole:
        return tokens.c.id == scope.token
    if scope.kind in {ActorKind.OPERATOR, ActorKind.SYSTEM} and not scope.is_enrolling:
        return sa.true()
    return tokens.c.account == scope.account if scope.account else sa.false()


def _narrowing(row: Row) -> Narrowing:
    partners = row["partners"]
    narrowing = (row["scopes"], partners, row["environment"])
    return Narrowing(
        token=row["id"],
        scopes=GIVABLE if row["scopes"] is None else _actions(row["scopes"]),
        partners=None if partners is None else frozenset(partners),
        environment=row["environment"],
        is_whole=narrowing == (None, None, None),
    )


def _machine_scope(row: Row) -> Scope:
    """Return the scope of a token that is no person's."""
    if ActorKind(row["actor_kind"]) is ActorKind.OPERATOR:
        whole = operator_scope(row["actor"])
        is_whole = row["scopes"] is None and row["partners"] is None
        return whole if is_whole else narrowed(whole, _narrowing(row))
    partners = frozenset(row["partners"] or ())
    if ActorKind(row["actor_kind"]) is ActorKind.TESTS:
        # A row from before tokens were bound names no environment: it opens none.
        return routes_scope(row["actor"], partners, row["environment"] or "")
    return member_scope(row["actor"], partners)


def _token(row: Row) -> Token:
    partners = row["partners"]
    return Token(
        id=row["id"],
        name=row["name"],
        scopes=None if row["scopes"] is None else _actions(row["scopes"]),
        partners=None if partners is None else frozenset(partners),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
    )


def _actions(names: Iterable[str]) -> frozenset[Action]:
    # A name this version does not know gives nothing.
    return frozenset(action for action in Action if action.value in set(names))


def _names(scopes: frozenset[Action] | None) -> list[str] | None:
    return None if scopes is None else sorted(action.value for action in scopes)


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
