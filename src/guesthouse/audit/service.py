"""Writes and checks the audit chain: each row's hash covers the row and the hash before it."""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from typing_extensions import override

from guesthouse.audit.subject import objects_of, partner_of
from guesthouse.db import Transaction
from guesthouse.db.tables import audit_entries
from guesthouse.errors import Invalid
from guesthouse.kit.clock import Clock, SystemClock
from guesthouse.people import Action, Scope, decide, require
from guesthouse.people.errors import NotPermitted
from guesthouse.people.model import Verdict
from guesthouse.people.ports import Trail

GENESIS = "0" * 64
LOCK_KEY = 7402002
CHECK_BATCH = 1000
MARK = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")


@dataclass(frozen=True)
class Entry:
    """One thing that was done."""

    sequence: int
    at: str
    actor: str
    actor_kind: str
    action: str
    object: str
    detail: Mapping[str, Any]
    partner: str | None = None
    """Whose thing it was done to; None for nobody's, and in rows from before that was kept."""


@dataclass(frozen=True)
class Filters:
    """Which rows are asked for; None asks for any."""

    actor: str | None = None
    action: str | None = None
    """How the action begins: ``environment.``."""
    object: str | None = None
    partner: str | None = None
    environment: str | None = None
    """Rows about it or a run of it."""
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    """Rows before this time."""


EVERY = Filters()


@dataclass(frozen=True)
class BadEntry:
    """The first row at which the chain does not hold."""

    sequence: int
    reason: str


@dataclass(frozen=True)
class Mark:
    """A row as somebody noted it outside of the database."""

    sequence: int
    hash: str

    @override
    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


class MarkInvalid(Invalid):
    """What was noted is no mark."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is no mark of an audit row",
            next_step="give one as `guesthouse audit verify` prints it: <row>:<64 digits>",
        )


def mark_of(text: str) -> Mark:
    """Return the mark a text stands for.

    Raises:
        MarkInvalid: It stands for none.
    """
    found = MARK.fullmatch(text)
    if found is None:
        raise MarkInvalid(text)
    return Mark(int(found[1]), found[2])


def record(
    transaction: Transaction,
    scope: Scope,
    action: str,
    object: str,  # noqa: A002 - the glossary's word
    detail: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
) -> None:
    """Write one audit row in the caller's own transaction, so it is kept exactly when that is.

    Args:
        transaction: The transaction that carries out what is recorded.
        scope: Who acts.
        action: What is done: ``environment.create``.
        object: What it is done to: ``environment/acme``.
        detail: Facts beside it, without secrets.
        clock: Gives the time; None is the machine's.
    """
    _take_turns(transaction)
    last = transaction.row(
        sa.select(audit_entries.c.sequence, audit_entries.c.hash)
        .order_by(audit_entries.c.sequence.desc())
        .limit(1)
    )
    content = {
        "sequence": 1 if last is None else last["sequence"] + 1,
        "at": (clock or SystemClock()).now().isoformat(),
        "actor": scope.actor,
        "actor_kind": scope.kind.value,
        "action": action,
        "object": object,
        "detail": _canonical(detail or {}),
        "partner": partner_of(transaction, object),
    }
    previous = GENESIS if last is None else last["hash"]
    transaction.insert(audit_entries, **content, previous=previous, hash=_hash(previous, content))


class AuditTrail(Trail):
    """What people write their rows through."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @override
    def record(
        self,
        transaction: Transaction,
        scope: Scope,
        action: str,
        object: str,
        detail: Mapping[str, Any],
        /,
    ) -> None:
        record(transaction, scope, action, object, detail, self._clock)


def is_recorded(
    transaction: Transaction,
    scope: Scope,
    action: str,
    object: str,  # noqa: A002 - the glossary's word
    *,
    since: dt.datetime,
) -> bool:
    """Whether the caller has done this to that object since a time."""
    statement = (
        sa.select(audit_entries.c.sequence)
        .where(audit_entries.c.object == object, audit_entries.c.action == action)
        .where(audit_entries.c.actor == scope.actor)
        .where(audit_entries.c.at >= _text(since))
        .limit(1)
    )
    return transaction.row(statement) is not None


def entries(
    transaction: Transaction,
    scope: Scope,
    filters: Filters = EVERY,
    *,
    before: int | None = None,
    limit: int = 50,
) -> tuple[Entry, ...]:
    """Return rows, newest first.

    Args:
        transaction: What to read in.
        scope: Operators and auditors read all; members what concerns their partners.
        filters: Which of them.
        before: Only rows with a lower sequence; None starts at the newest.
        limit: How many at most.

    Raises:
        NotPermitted: The caller may read no row at all.
    """
    statement = _asked(scope, filters).order_by(audit_entries.c.sequence.desc()).limit(limit)
    if before is not None:
        statement = statement.where(audit_entries.c.sequence < before)
    return tuple(_entry(row) for row in transaction.rows(statement))


def following(
    transaction: Transaction, scope: Scope, filters: Filters = EVERY, *, after: int, limit: int
) -> tuple[Entry, ...]:
    """Return the rows after one, oldest first; for exports.

    Raises:
        NotPermitted: The caller may read no row at all.
    """
    statement = _asked(scope, filters).order_by(audit_entries.c.sequence).limit(limit)
    later = audit_entries.c.sequence > after
    return tuple(_entry(row) for row in transaction.rows(statement.where(later)))


def newest(transaction: Transaction) -> Mark | None:
    """Return the mark of the last row; None where there is no row."""
    columns = sa.select(audit_entries.c.sequence, audit_entries.c.hash)
    row = transaction.row(columns.order_by(audit_entries.c.sequence.desc()).limit(1))
    return None if row is None else Mark(row["sequence"], row["hash"])


def verify(transaction: Transaction, noted: Mark | None = None) -> BadEntry | None:
    """Return the first row that breaks the chain, or None when all of it holds.

    The chain alone shows neither that its end was cut off nor that all of it was written anew, by
    someone with the database's own rights: that shows by a row noted elsewhere.

    Args:
        transaction: What to read in.
        noted: A row the chain must still have.
    """
    previous, sequence = GENESIS, 0
    # The first batch begins at whatever is lowest: a row put before the first would be shown, too.
    statement = sa.select(audit_entries).order_by(audit_entries.c.sequence).limit(CHECK_BATCH)
    while True:
        later = audit_entries.c.sequence > sequence
        batch = transaction.rows(statement.where(later) if sequence else statement)
        for row in batch:
            sequence += 1
            reason = _fault(row, sequence, previous) or _unlike(row, noted)
            if reason:
                return BadEntry(sequence, reason)
            previous = row["hash"]
        if not batch:
            break
    if noted is not None and noted.sequence > sequence:
        return BadEntry(sequence + 1, f"the rows up to the noted {noted.sequence} are missing")
    return None


def _asked(scope: Scope, filters: Filters) -> sa.Select[Any]:
    """Return what selects the rows that are asked for and that the caller may read."""
    columns = audit_entries.c
    statement = sa.select(audit_entries).where(_readable(scope))
    equal = {"actor": filters.actor, "object": filters.object, "partner": filters.partner}
    for name, value in equal.items():
        if value is not None:
            statement = statement.where(columns[name] == value)
    if filters.environment is not None:
        statement = statement.where(columns.object.in_(objects_of(filters.environment)))
    if filters.action is not None:
        statement = statement.where(columns.action.startswith(filters.action, autoescape=True))
    # The texts of times sort as the times do: all are in UTC.
    if filters.since is not None:
        statement = statement.where(columns.at >= _text(filters.since))
    if filters.until is not None:
        statement = statement.where(columns.at < _text(filters.until))
    return statement


def _readable(scope: Scope) -> sa.ColumnElement[bool]:
    if decide(scope, Action.AUDIT_READ, None) is Verdict.ALLOWED:
        return sa.true()
    if scope.partners is None:
        require(scope, Action.ACTIVITY_READ, None)
        return audit_entries.c.partner.is_not(None)
    names = sorted(scope.partners)
    own = [n for n in names if decide(scope, Action.ACTIVITY_READ, n) is Verdict.ALLOWED]
    if not own:
        raise NotPermitted(Action.ACTIVITY_READ)
    return audit_entries.c.partner.in_(own)


def _text(at: dt.datetime) -> str:
    try:
        return at.astimezone(dt.UTC).isoformat()
    except OverflowError:
        # The first or last day there is, in a zone where UTC has another; no row is near either.
        return at.replace(tzinfo=dt.UTC).isoformat()


def _unlike(row: Mapping[str, Any], noted: Mark | None) -> str:
    """Say that a row is another one than was noted; empty when it is not."""
    if noted is None or row["sequence"] != noted.sequence or row["hash"] == noted.hash:
        return ""
    return "it is not the row that was noted"


def _fault(row: Mapping[str, Any], expected: int, previous: str) -> str:
    """Say what is wrong with a row; empty when nothing is."""
    if row["sequence"] < expected:
        return f"row {row['sequence']} was put before it"
    if row["sequence"] > expected:
        return f"row {expected} is missing"
    if row["previous"] != previous:
        return "it does not follow the row before it"
    content = {name: row[name] for name in row if name not in {"previous", "hash"}}
    return "" if _hash(previous, content) == row["hash"] else "its content was changed"


def _entry(row: Mapping[str, Any]) -> Entry:
    content = {name: row[name] for name in row if name not in {"previous", "hash", "detail"}}
    return Entry(**content, detail=json.loads(row["detail"]))


def _take_turns(transaction: Transaction) -> None:
    # Two writers that read the same last row would fork the chain. SQLite has one writer anyway.
    if transaction.dialect == "postgresql":
        transaction.connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_KEY)))


def _hash(previous: str, content: Mapping[str, Any]) -> str:
    # A partner is covered wherever there is one; rows from before have none, and keep their hash.
    covered = {name: content[name] for name in content if name != "partner" or content[name]}
    return hashlib.sha256((previous + _canonical(covered)).encode()).hexdigest()


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
