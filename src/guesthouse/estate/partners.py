"""Partners outside of an apply: look, and add one by hand."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from guesthouse import audit
from guesthouse.db import Database, Transaction
from guesthouse.db.tables import partners
from guesthouse.errors import Conflict, Invalid
from guesthouse.estate.documents import PartnerDocument
from guesthouse.estate.store import ADDED, LEAVING
from guesthouse.kit.clock import Clock
from guesthouse.kit.pagination import Page, bounded_limit
from guesthouse.people import Action, Scope, require
from guesthouse.people.errors import PartnerUnknown
from guesthouse.people.store import AccountStore


class PartnerExists(Conflict):
    """There is a partner of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"there is a partner {name} already", next_step=f"guesthouse partner show {name}"
        )


class PartnerInvalid(Invalid):
    """No partner can be called so."""

    def __init__(self) -> None:
        super().__init__(
            "name or title of the partner is of another form",
            next_step="use small letters, digits and - in the name, and one line as title",
        )


@dataclass(frozen=True)
class PartnerInfo:
    """A partner as callers see it."""

    name: str
    title: str
    is_declared: bool
    """Whether the estate declares it; one that was added by hand stays whatever is applied."""
    is_leaving: bool
    """Whether it is declared no more, and goes with its last environment."""
    offboarded_at: dt.datetime | None = None
    """Since when nobody of it is let in; None while it is welcome."""


class PartnerService:
    """What anyone may do with partners, within their scope."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._accounts = AccountStore()

    def list(
        self, scope: Scope, *, cursor: str | None = None, limit: int | None = None
    ) -> Page[PartnerInfo]:
        """Return the partners the caller sees, by name."""
        size = bounded_limit(limit)
        statement = sa.select(partners).order_by(partners.c.name).limit(size + 1)
        if scope.partners is not None:
            statement = statement.where(partners.c.name.in_(sorted(scope.partners)))
        if cursor is not None:
            statement = statement.where(partners.c.name > cursor)
        with self._database.reading() as transaction:
            found = [_info(row) for row in transaction.rows(statement)]
        items = tuple(found[:size])
        return Page(items, items[-1].name if len(found) > size else None)

    def get(self, scope: Scope, name: str) -> PartnerInfo:
        """Return a partner.

        Raises:
            PartnerUnknown: There is none, or not for this caller.
            NotPermitted: The caller's token says nothing of partners.
        """
        require(scope, Action.MEMBER_READ, name, missing=PartnerUnknown(name))
        with self._database.reading() as transaction:
            row = self._row(transaction, name)
        if row is None:
            raise PartnerUnknown(name)
        return _info(row)

    def add(self, scope: Scope, name: str, title: str) -> PartnerInfo:
        """Add a partner by hand; an estate that declares it later takes it over.

        Raises:
            NotPermitted: The caller is no operator.
            PartnerInvalid: No partner can be called so.
            PartnerExists: There is one of that name.
            PartnerOffboarded: There was one of that name.
        """
        require(scope, Action.PARTNER_MANAGE, None)
        try:
            document = PartnerDocument(name=name, title=title)
        except ValidationError as exc:
            raise PartnerInvalid from exc
        now = self._clock.now()
        desired = {"name": document.name, "title": document.title, ADDED: True}
        with self._database.transaction() as transaction:
            self._accounts.require_standing(transaction, name)
            if self._row(transaction, name) is not None:
                raise PartnerExists(name)
            transaction.insert(
                partners, name=name, desired=desired, created_at=now, updated_at=now
            )
            detail = {"title": document.title}
            audit.record(transaction, scope, "partner.add", f"partner/{name}", detail, self._clock)
        return PartnerInfo(name, document.title, is_declared=False, is_leaving=False)

    def _row(self, transaction: Transaction, name: str) -> Mapping[str, Any] | None:
        return transaction.row(sa.select(partners).where(partners.c.name == name))


def _info(row: Mapping[str, Any]) -> PartnerInfo:
    desired = row["desired"]
    return PartnerInfo(
        name=row["name"],
        title=str(desired.get("title", "")),
        is_declared=ADDED not in desired,
        is_leaving=LEAVING in desired and row["offboarded_at"] is None,
        offboarded_at=row["offboarded_at"],
    )
