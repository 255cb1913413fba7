"""Browsers people are signed in with."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from guesthouse.db import Database, Transaction
from guesthouse.db.tables import sessions
from guesthouse.errors import NotFound
from guesthouse.kit.clock import Clock
from guesthouse.kit.ids import new_id
from guesthouse.people.codes import digest, new_secret
from guesthouse.people.model import Account, Door, Opened, Origin, Session
from guesthouse.people.permissions import require_own_access
from guesthouse.people.ports import Trail
from guesthouse.people.scope import Scope, account_scope
from guesthouse.people.seen import note
from guesthouse.people.store import AccountStore

IDLE = dt.timedelta(hours=12)
ABSOLUTE = dt.timedelta(days=7)
SEEN_EVERY = dt.timedelta(minutes=1)
SET_BACK = dt.timedelta(minutes=5)
"""How far a clock may be mended backwards without ending sessions."""
ADDRESS_LENGTH = 63
AGENT_LENGTH = 200


class SessionUnknown(NotFound):
    """There is no such session, or not for this caller."""

    def __init__(self, session: str) -> None:
        super().__init__(f"there is no session {session[:80]}")


class SessionStore:
    """The sessions table."""

    def __init__(self, database: Database, clock: Clock, trail: Trail) -> None:
        self._database = database
        self._clock = clock
        self._trail = trail
        self._accounts = AccountStore()

    def open(
        self, transaction: Transaction, account: Account, *, door: Door, origin: Origin
    ) -> Opened:
        """Open a session for somebody who has just shown who they are.

        Its secret is new: one that was in the browser before the sign-in opens nothing.
        """
        secret, now = new_secret(), self._clock.now()
        session = Session(
            id=new_id("ses", self._clock),
            door=door,
            address=origin.address[:ADDRESS_LENGTH],
            agent=origin.agent[:AGENT_LENGTH],
            created_at=now,
            seen_at=now,
            expires_at=now + ABSOLUTE,
            is_current=True,
        )
        transaction.insert(
            sessions,
            id=session.id,
            digest=digest(secret.reveal()),
            account=account.id,
            door=door.value,
            address=session.address,
            agent=session.agent,
            created_at=now,
            seen_at=now,
            expires_at=session.expires_at,
        )
        return Opened(secret, session, account)

    def authenticate(self, secret: str, *, is_request: bool = True) -> Scope | None:
        """Return the scope of who holds a session's secret; None where it opens nothing.

        Roles and memberships are read anew each time.

        Args:
            secret: What the cookie holds.
            is_request: False where we look again by ourselves, as for an open stream: a page that
                somebody left open keeps no session alive.
        """
        if not secret:
            return None
        return self._scope(sessions.c.digest == digest(secret), is_request=is_request)

    def authenticate_id(self, session: str) -> Scope | None:
        """Return the scope of a session that is known by its id."""
        return self._scope(sessions.c.id == session)

    def list(self, scope: Scope) -> tuple[Session, ...]:
        """Return the caller's own sessions, newest first.

        Raises:
            NotPermitted: The caller has no account, or acts by a token that is narrowed.
        """
        require_own_access(scope)
        statement = sa.select(sessions).where(
            sessions.c.account == scope.account, sessions.c.revoked_at.is_(None)
        )
        with self._database.reading() as transaction:
            rows = transaction.rows(statement.order_by(sessions.c.id.desc()))
        now = self._clock.now()
        return tuple(_session(row, scope) for row in rows if _is_alive(row, now))

    def revoke(self, scope: Scope, session: str) -> None:
        """End one of the caller's own sessions, such as the one they are signing out of.

        Raises:
            SessionUnknown: There is none, or it is somebody else's, or it has ended.
        """
        require_own_access(scope)
        with self._database.transaction() as transaction:
            own = sa.and_(sessions.c.id == session, sessions.c.account == scope.account)
            if not self._end(transaction, own):
                raise SessionUnknown(session)
            self._trail.record(transaction, scope, "session.revoke", f"session/{session}", {})

    def revoke_all(self, transaction: Transaction, account: str, *, but: str | None = None) -> int:
        """End every session of an account, in the transaction of what is the reason for it.

        Args:
            transaction: The caller's, who records why.
            account: Whose.
            but: A session that goes on; None ends all.

        Returns:
            How many ended.
        """
        of_account = sessions.c.account == account
        return self._end(
            transaction, of_account if but is None else sa.and_(of_account, sessions.c.id != but)
        )

    def _scope(self, where: sa.ColumnElement[bool], *, is_request: bool = True) -> Scope | None:
        with self._database.reading() as transaction:
            row = transaction.row(sa.select(sessions).where(where))
            if row is None or row["revoked_at"] is not None:
                return None
            account = self._accounts.by_id(transaction, row["account"])
        now = self._clock.now()
        if not _is_alive(row, now):
            # Once it was too old it stays so, even if the clock is set back afterwards.
            with self._database.transaction() as transaction:
                self._end(transaction, sessions.c.id == row["id"])
            return None
        if account is None or account.disabled_at is not None:
            return None
        if is_request and now - row["seen_at"] >= SEEN_EVERY:
            self._see(row["id"], now)
        return account_scope(account, session=row["id"])

    def _see(self, session: str, now: dt.datetime) -> None:
        statement = sa.update(sessions).where(
            sessions.c.id == session, sessions.c.seen_at <= now - SEEN_EVERY
        )
        note(self._database, statement.values(seen_at=now))

    def _end(self, transaction: Transaction, where: sa.ColumnElement[bool]) -> int:
        statement = sa.update(sessions).where(where, sessions.c.revoked_at.is_(None))
        return transaction.change(statement.values(revoked_at=self._clock.now()))


def _is_alive(row: Mapping[str, Any], now: dt.datetime) -> bool:
    if now >= row["expires_at"] or now - row["seen_at"] >= IDLE:
        return False
    return bool(row["seen_at"] - now <= SET_BACK)


def _session(row: Mapping[str, Any], scope: Scope) -> Session:
    return Session(
        id=row["id"],
        door=Door(row["door"]),
        address=row["address"],
        agent=row["agent"],
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        expires_at=row["expires_at"],
        is_current=row["id"] == scope.session,
    )
