"""The only SQL of the estate."""

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from guesthouse.db import Transaction
from guesthouse.db.tables import (
    accounts,
    environments,
    instances,
    memberships,
    partners,
    products,
)
from guesthouse.environments.model import EnvironmentState
from guesthouse.estate.model import Actual, ActualEnvironment, Json, ObjectKind
from guesthouse.instances.model import InstanceState
from guesthouse.people import Scope
from guesthouse.people.model import MembershipOrigin

LEAVING = "leaving"
"""Key in ``desired`` of what is declared no more; its value is one of the two below."""
WAITING = "waiting"
ASKED = "asked"
"""A run that destroys the machine has been queued."""
ADDED = "added"
"""Key in ``desired`` of a partner that was added by hand: no estate says that it goes."""
COMMIT = "commit"
LOCK_KEY = 7402003
IS_OVER: Mapping[ObjectKind, sa.ColumnElement[bool]] = MappingProxyType(
    {ObjectKind.PARTNER: partners.c.offboarded_at.is_not(None)}
)
"""Rows that stay although nothing stands on them: their names are not to be taken again."""
TABLES: Mapping[ObjectKind, sa.Table] = MappingProxyType(
    {
        ObjectKind.PARTNER: partners,
        ObjectKind.PRODUCT: products,
        ObjectKind.INSTANCE: instances,
    }
)


class EstateStore:
    """What is declared, as the database holds it."""

    def take_turns(self, scope: Scope, transaction: Transaction) -> None:
        """Wait until no other apply is in its transaction."""
        del scope
        # SQLite has one writer anyway; on PostgreSQL two would both find a row missing.
        if transaction.dialect == "postgresql":
            transaction.connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_KEY)))

    def actual(self, scope: Scope, transaction: Transaction) -> Actual:
        """Return what is there and visible to the caller.

        What is leaving is left out, and so is what was added by hand: to declare it is to take it
        over, not to declare it changes nothing.
        """
        return Actual(
            products=self._declared(transaction, ObjectKind.PRODUCT),
            partners={
                name: desired
                for name, desired in self._declared(transaction, ObjectKind.PARTNER).items()
                if scope.sees(name)
            },
            instances=self._declared(transaction, ObjectKind.INSTANCE),
            environments={
                row["name"]: _environment(row)
                for row in transaction.rows(sa.select(environments))
                if scope.sees(row["partner"])
            },
            members=self._members(scope, transaction),
            offboarded={
                row["name"]: row["offboarded_at"]
                for row in transaction.rows(
                    sa.select(partners).where(partners.c.offboarded_at.is_not(None))
                )
            },
        )

    def put(
        self,
        scope: Scope,
        transaction: Transaction,
        *,
        kind: ObjectKind,
        desired: Json,
        at: dt.datetime,
    ) -> None:
        """Write the row of a partner, product or instance, new or not."""
        del scope  # the service has made sure that it is an operator's
        table, name = TABLES[kind], desired["name"]
        values: dict[str, Any] = {"desired": dict(desired), "updated_at": at}
        if kind is ObjectKind.INSTANCE:
            values["provider"] = desired["provider"]
        if transaction.change(sa.update(table).where(table.c.name == name).values(**values)):
            return
        if kind is ObjectKind.INSTANCE:
            values["state"] = InstanceState.DECLARED.value
        transaction.insert(table, name=name, created_at=at, **values)

    def leave(
        self,
        scope: Scope,
        transaction: Transaction,
        *,
        kind: ObjectKind,
        name: str,
        mark: str = WAITING,
    ) -> None:
        """Mark a row as declared no more."""
        del scope
        table = TABLES[kind]
        desired = transaction.scalar(sa.select(table.c.desired).where(table.c.name == name))
        marked = {**desired, LEAVING: mark}
        transaction.change(sa.update(table).where(table.c.name == name).values(desired=marked))

    def leaving(
        self, scope: Scope, transaction: Transaction, kind: ObjectKind
    ) -> Mapping[str, str]:
        """Return those that are leaving and that no environment stands on, with their mark."""
        del scope
        table, used = TABLES[kind], environments.c[kind.value]
        stood_on = sa.select(used).where(used.is_not(None))
        rows = transaction.rows(
            sa.select(table.c.name, table.c.desired).where(
                table.c.name.not_in(stood_on), sa.not_(IS_OVER.get(kind, sa.false()))
            )
        )
        return {row["name"]: row["desired"][LEAVING] for row in rows if LEAVING in row["desired"]}

    def delete(
        self, scope: Scope, transaction: Transaction, *, kind: ObjectKind, name: str
    ) -> None:
        """Delete a row."""
        del scope
        table = TABLES[kind]
        transaction.change(sa.delete(table).where(table.c.name == name))

    def instance_state(self, scope: Scope, transaction: Transaction, name: str) -> InstanceState:
        """Return where an instance stands."""
        del scope
        found = transaction.scalar(sa.select(instances.c.state).where(instances.c.name == name))
        return InstanceState(found)

    def _members(self, scope: Scope, transaction: Transaction) -> dict[str, Json]:
        statement = (
            sa.select(memberships.c.partner, memberships.c.role, accounts.c.login)
            .join(accounts, accounts.c.id == memberships.c.account)
            .where(memberships.c.origin == MembershipOrigin.ESTATE.value)
            .order_by(memberships.c.partner, accounts.c.login)
        )
        return {
            f"{row['partner']}/{row['login']}": {"role": row["role"]}
            for row in transaction.rows(statement)
            if scope.sees(row["partner"])
        }

    def _declared(self, transaction: Transaction, kind: ObjectKind) -> dict[str, Json]:
        rows = transaction.rows(sa.select(TABLES[kind].c.name, TABLES[kind].c.desired))
        return {
            row["name"]: row["desired"]
            for row in rows
            if not {LEAVING, ADDED} & set(row["desired"])
        }


def _environment(row: Mapping[str, Any]) -> ActualEnvironment:
    state = EnvironmentState(row["state"])
    desired = {name: value for name, value in row["desired"].items() if name != COMMIT}
    asked = row["desired"].get(COMMIT)
    # A failed or pending environment still serves an older commit; asked for is the newer one.
    commit = row["current_commit"] if state is EnvironmentState.READY else asked
    return ActualEnvironment(desired, state, commit)
