"""Counts tries, so that guessing takes for ever.

A key gets so many tries until it has been left alone for a window. No span of a window's length
ever holds more, as it would where a window begins anew by the clock.
"""

import contextlib
import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from guesthouse.db import Transaction
from guesthouse.db.tables import throttles
from guesthouse.people.errors import TooManyAttempts

KEPT = dt.timedelta(days=2)


@dataclass(frozen=True)
class Limit:
    """How often something may be tried."""

    name: str
    tries: int
    window: dt.timedelta


OF_ACCOUNT = Limit("account", 10, dt.timedelta(minutes=1))
OF_ADDRESS = Limit("address", 30, dt.timedelta(minutes=1))
OF_DEVICES = Limit("devices", 10, dt.timedelta(minutes=1))
"""Programs that one address begins to sign in."""
OF_CODES = Limit("codes", 10, dt.timedelta(minutes=1))
OF_CODES_DAILY = Limit("codes-day", 50, dt.timedelta(days=1))
"""Six digits are few: ten tries a minute would find them within months."""


class Turn(Enum):
    """What became of a try."""

    TAKEN = "taken"
    REFUSED_FIRST = "refused-first"
    """The first over the limit; worth a row in the audit log."""
    REFUSED = "refused"


@dataclass(frozen=True)
class Tally:
    """What is known of a key."""

    count: int
    since: dt.datetime
    """When it was last tried."""


def count(tally: Tally | None, limit: Limit, now: dt.datetime) -> tuple[Turn, Tally]:
    """Return what becomes of a try, and what is known then.

    A clock that was set back neither frees a key early nor locks it for longer than a window.
    """
    if tally is None or now - tally.since >= limit.window:
        return Turn.TAKEN, Tally(1, now)
    if tally.count < limit.tries:
        return Turn.TAKEN, Tally(tally.count + 1, now)
    turn = Turn.REFUSED_FIRST if tally.count == limit.tries else Turn.REFUSED
    return turn, Tally(limit.tries + 1, min(tally.since, now))


class Throttle:
    """The throttles table."""

    def take(self, transaction: Transaction, limit: Limit, key: str, now: dt.datetime) -> Turn:
        """Count a try; the caller keeps the transaction whatever becomes of it."""
        name = _name(limit, key)
        where = throttles.c.key == name
        row = self._row(transaction, name, now)
        # A row just inserted has no try yet.
        tally = Tally(row["count"], row["since"]) if row["count"] else None
        turn, tally = count(tally, limit, now)
        values = {"count": tally.count, "since": tally.since}
        transaction.change(sa.update(throttles).where(where).values(**values))
        return turn

    def forgive(self, transaction: Transaction, limit: Limit, key: str) -> None:
        """Forget the tries of a key: it was right."""
        statement = sa.update(throttles).where(throttles.c.key == _name(limit, key))
        transaction.change(statement.values(count=0))

    def give_back(self, transaction: Transaction, limit: Limit, key: str) -> None:
        """Take one try back: it was right, but others share the key."""
        statement = sa.update(throttles).where(
            throttles.c.key == _name(limit, key), throttles.c.count > 0
        )
        transaction.change(statement.values(count=throttles.c.count - 1))

    def sweep(self, transaction: Transaction, now: dt.datetime) -> None:
        """Delete what no window can need any more, but for what somebody counts in just now."""
        old = sa.select(throttles.c.key).where(throttles.c.since < now - KEPT)
        unlocked = old.with_for_update(skip_locked=True).scalar_subquery()
        transaction.change(sa.delete(throttles).where(throttles.c.key.in_(unlocked)))

    def _row(self, transaction: Transaction, name: str, now: dt.datetime) -> Mapping[str, Any]:
        statement = sa.select(throttles).where(throttles.c.key == name).with_for_update()
        while True:
            found = transaction.row(statement)
            if found is not None:
                return found
            # Where another is faster, the row is there now; locking it waits for them.
            with contextlib.suppress(IntegrityError), transaction.connection.begin_nested():
                transaction.insert(throttles, key=name, count=0, since=now)


def refuse(limit: Limit) -> TooManyAttempts:
    """Return the error of a key that was tried too often."""
    return TooManyAttempts(min(limit.window, dt.timedelta(hours=1)))


def _name(limit: Limit, key: str) -> str:
    digest = hashlib.sha256(key.encode(errors="replace")).hexdigest()
    return f"{limit.name}:{digest}"
