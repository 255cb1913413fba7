"""The only SQL of instances."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from guesthouse.db import Transaction
from guesthouse.db.tables import environments, instances
from guesthouse.instances.model import Instance, InstanceState, Json, Provider
from guesthouse.kit.pagination import Page
from guesthouse.people import Scope


class InstanceStore:
    """The instances a caller may see: operators all, members those their environments run on."""

    def get(self, scope: Scope, transaction: Transaction, name: str) -> Instance | None:
        """Return an instance, or None where the caller sees none of that name."""
        statement = sa.select(instances).where(instances.c.name == name, visible(scope))
        row = transaction.row(statement)
        return None if row is None else _instance(row)

    def page(
        self, scope: Scope, transaction: Transaction, *, cursor: str | None, limit: int
    ) -> Page[Instance]:
        """Return instances by name."""
        statement = sa.select(instances).where(visible(scope)).order_by(instances.c.name)
        if cursor is not None:
            statement = statement.where(instances.c.name > cursor)
        found = [_instance(row) for row in transaction.rows(statement.limit(limit + 1))]
        items = tuple(found[:limit])
        return Page(items, items[-1].name if len(found) > limit else None)

    def launched(
        self, scope: Scope, transaction: Transaction, name: str, *, facts: Json, at: dt.datetime
    ) -> None:
        """Keep what launching answered; the machine is new, so nothing is provisioned yet."""
        self._change(
            scope,
            transaction,
            name,
            address=facts.get("address"),
            facts=dict(facts),
            fingerprint=None,
            updated_at=at,
        )

    def provisioned(
        self,
        scope: Scope,
        transaction: Transaction,
        name: str,
        *,
        fingerprint: str,
        facts: Json,
        at: dt.datetime,
    ) -> None:
        """Keep what the machine was provisioned with."""
        self._change(
            scope,
            transaction,
            name,
            state=InstanceState.READY.value,
            fingerprint=fingerprint,
            facts=dict(facts),
            updated_at=at,
        )

    def destroyed(
        self, scope: Scope, transaction: Transaction, name: str, *, at: dt.datetime
    ) -> None:
        """Note that the machine is gone."""
        self._change(
            scope,
            transaction,
            name,
            state=InstanceState.DESTROYED.value,
            fingerprint=None,
            address=None,
            facts=None,
            updated_at=at,
        )

    def environments_on(
        self, scope: Scope, transaction: Transaction, name: str
    ) -> tuple[str, ...]:
        """Return the names of the environments that live on an instance."""
        del scope  # whatever lives there keeps it alive, seen or not
        statement = sa.select(environments.c.name).where(environments.c.instance == name)
        return tuple(row["name"] for row in transaction.rows(statement))

    def _change(self, scope: Scope, transaction: Transaction, name: str, **values: object) -> None:
        statement = sa.update(instances).where(instances.c.name == name, visible(scope))
        transaction.change(statement.values(**values))


def visible(scope: Scope) -> sa.ColumnElement[bool]:
    """Return the condition that limits instances to those the caller may see."""
    if scope.partners is None:
        return sa.true()
    return instances.c.name.in_(
        sa.select(environments.c.instance).where(
            environments.c.partner.in_(sorted(scope.partners))
        )
    )


def _instance(row: Mapping[str, Any]) -> Instance:
    return Instance(
        name=row["name"],
        provider=Provider(row["provider"]),
        state=InstanceState(row["state"]),
        address=row["address"],
        fingerprint=row["fingerprint"],
        desired=row["desired"],
        facts=row["facts"] or {},
        updated_at=row["updated_at"],
    )
