"""The SQL of the API: idempotency keys, and what is listed as it was declared."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from guesthouse.db import Transaction
from guesthouse.db.tables import environments, idempotency_keys, products
from guesthouse.kit.pagination import Page
from guesthouse.people import Scope


@dataclass(frozen=True)
class KeyUse:
    """What is known of a key."""

    request: str
    """Digest of the request it came with first."""
    status: int | None
    """Status of the answer; None while the request is at work, or where it was interrupted."""
    response: Any


class IdempotencyStore:
    """Keys by caller."""

    def claim(
        self, scope: Scope, transaction: Transaction, key: str, request: str, *, at: dt.datetime
    ) -> bool:
        """Take a key for a request; return whether it was free."""
        try:
            with transaction.connection.begin_nested():
                transaction.insert(
                    idempotency_keys, actor=scope.actor, key=key, request=request, created_at=at
                )
        except IntegrityError:
            return False
        return True

    def get(self, scope: Scope, transaction: Transaction, key: str) -> KeyUse | None:
        """Return what is known of a key."""
        row = transaction.row(sa.select(idempotency_keys).where(_mine(scope, key)))
        return None if row is None else KeyUse(row["request"], row["status"], row["response"])

    def keep(
        self,
        scope: Scope,
        transaction: Transaction,
        key: str,
        *,
        status: int,
        response: Any,  # noqa: ANN401 - any JSON
    ) -> None:
        """Keep the answer to a key's request."""
        transaction.change(
            sa.update(idempotency_keys)
            .where(_mine(scope, key))
            .values(status=status, response=response)
        )

    def release(self, scope: Scope, transaction: Transaction, key: str) -> None:
        """Free a key whose request changed nothing."""
        transaction.change(sa.delete(idempotency_keys).where(_mine(scope, key)))

    def expire(self, scope: Scope, transaction: Transaction, *, before: dt.datetime) -> None:
        """Free the caller's keys that were taken before a time."""
        transaction.change(
            sa.delete(idempotency_keys).where(
                idempotency_keys.c.actor == scope.actor, idempotency_keys.c.created_at < before
            )
        )


class CatalogueStore:
    """Products as they are declared."""

    def products(
        self, scope: Scope, transaction: Transaction, *, cursor: str | None, limit: int
    ) -> Page[Mapping[str, Any]]:
        """Return products by name: an operator's all, a member's those they have running."""
        statement = sa.select(products.c.name, products.c.desired)
        if scope.partners is not None:
            running = sa.select(environments.c.product).where(
                environments.c.partner.in_(sorted(scope.partners))
            )
            statement = statement.where(products.c.name.in_(running))
        return _declared(transaction, statement, products.c.name, cursor=cursor, limit=limit)


def _declared(
    transaction: Transaction,
    statement: sa.Select[Any],
    name: sa.ColumnElement[str],
    *,
    cursor: str | None,
    limit: int,
) -> Page[Mapping[str, Any]]:
    if cursor is not None:
        statement = statement.where(name > cursor)
    found = transaction.rows(statement.order_by(name).limit(limit + 1))
    items = tuple({**row["desired"], "name": row["name"]} for row in found[:limit])
    return Page(items, items[-1]["name"] if len(found) > limit else None)


def _mine(scope: Scope, key: str) -> sa.ColumnElement[bool]:
    return sa.and_(idempotency_keys.c.actor == scope.actor, idempotency_keys.c.key == key)
