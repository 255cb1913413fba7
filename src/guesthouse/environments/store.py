"""The only SQL of environments, their secrets and what their runs leave behind."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from guesthouse.db import Transaction
from guesthouse.db.tables import environments, run_artifacts, runs, secrets
from guesthouse.environments.model import Desired, Environment, EnvironmentState, Json, Standing
from guesthouse.kit.pagination import Page
from guesthouse.people import Scope


class EnvironmentStore:
    """The environments a caller may see."""

    def get(self, scope: Scope, transaction: Transaction, name: str) -> Environment | None:
        """Return an environment, or None where the caller sees none of that name."""
        statement = sa.select(environments).where(environments.c.name == name, visible(scope))
        row = transaction.row(statement)
        return None if row is None else _environment(row)

    def page(
        self,
        scope: Scope,
        transaction: Transaction,
        *,
        cursor: str | None,
        limit: int,
        partner: str | None = None,
    ) -> Page[Environment]:
        """Return environments by name."""
        statement = sa.select(environments).where(visible(scope)).order_by(environments.c.name)
        if partner is not None:
            statement = statement.where(environments.c.partner == partner)
        if cursor is not None:
            statement = statement.where(environments.c.name > cursor)
        found = [_environment(row) for row in transaction.rows(statement.limit(limit + 1))]
        items = tuple(found[:limit])
        return Page(items, items[-1].name if len(found) > limit else None)

    def standings(self, scope: Scope, transaction: Transaction) -> list[Standing]:
        """Return how every environment stands that the caller sees, by name."""
        statement = sa.select(
            environments.c.partner,
            environments.c.name.label("environment"),
            environments.c.state,
            environments.c.current_run,
            environments.c.updated_at,
        )
        rows = transaction.rows(statement.where(visible(scope)).order_by(environments.c.name))
        return [Standing(**{**row, "state": EnvironmentState(row["state"])}) for row in rows]

    def indexes(self, scope: Scope, transaction: Transaction, instance: str) -> frozenset[int]:
        """Return the networks that are taken on an instance, whoever has them."""
        del scope
        statement = sa.select(environments.c.subnet_index)
        rows = transaction.rows(statement.where(environments.c.instance == instance))
        return frozenset(row["subnet_index"] for row in rows if row["subnet_index"] is not None)

    def insert(
        self,
        scope: Scope,
        transaction: Transaction,
        desired: Json,
        *,
        subnet_index: int,
        at: dt.datetime,
    ) -> None:
        """Write a new environment that a run will bring up."""
        del scope
        transaction.insert(
            environments,
            **_columns(desired),
            name=desired["name"],
            subnet_index=subnet_index,
            created_at=at,
            updated_at=at,
        )

    def update(
        self, scope: Scope, transaction: Transaction, desired: Json, *, at: dt.datetime
    ) -> None:
        """Write what is asked of an environment now."""
        self._change(scope, transaction, desired["name"], **_columns(desired), updated_at=at)

    def set_state(
        self,
        scope: Scope,
        transaction: Transaction,
        name: str,
        *,
        state: EnvironmentState,
        at: dt.datetime,
    ) -> None:
        """Write how an environment stands."""
        self._change(scope, transaction, name, state=state.value, updated_at=at)

    def serve(
        self,
        scope: Scope,
        transaction: Transaction,
        name: str,
        *,
        run: str,
        lock: Json,
        commit: str,
    ) -> None:
        """Write which version serves."""
        self._change(
            scope, transaction, name, lock=dict(lock), current_commit=commit, current_run=run
        )

    def delete(self, scope: Scope, transaction: Transaction, name: str) -> bool:
        """Remove an environment and its secrets; return whether it was there."""
        statement = sa.delete(environments).where(environments.c.name == name, visible(scope))
        return transaction.change(statement) == 1

    def _change(self, scope: Scope, transaction: Transaction, name: str, **values: object) -> None:
        statement = sa.update(environments).where(environments.c.name == name, visible(scope))
        transaction.change(statement.values(**values))


class SecretStore:
    """Sealed secrets of the environments a caller may see; one asked for in vain is empty."""

    def get(
        self, scope: Scope, transaction: Transaction, environment: str, name: str
    ) -> bytes | None:
        """Return a sealed secret, or None."""
        statement = (
            sa.select(secrets.c.sealed)
            .join(environments, environments.c.name == secrets.c.environment)
            .where(secrets.c.environment == environment, secrets.c.name == name, visible(scope))
        )
        sealed = transaction.scalar(statement)
        return bytes(sealed) if sealed else None

    def names(
        self, scope: Scope, transaction: Transaction, environment: str
    ) -> list[tuple[str, bool]]:
        """Return each secret's name, and whether it has a value."""
        statement = (
            sa.select(secrets.c.name, secrets.c.sealed)
            .join(environments, environments.c.name == secrets.c.environment)
            .where(secrets.c.environment == environment, visible(scope))
            .order_by(secrets.c.name)
        )
        return [(row["name"], bool(row["sealed"])) for row in transaction.rows(statement)]

    def ask(
        self,
        scope: Scope,
        transaction: Transaction,
        environment: str,
        name: str,
        *,
        at: dt.datetime,
    ) -> None:
        """Note that a secret is waited for, unless it is there by now."""
        if name not in dict(self.names(scope, transaction, environment)):
            self.put(scope, transaction, environment, name, sealed=b"", at=at)

    def put(
        self,
        scope: Scope,
        transaction: Transaction,
        environment: str,
        name: str,
        *,
        sealed: bytes,
        at: dt.datetime,
    ) -> None:
        """Write a sealed secret, in place of an earlier one."""
        del scope  # the service has looked the environment up with it
        mine = sa.and_(secrets.c.environment == environment, secrets.c.name == name)
        transaction.change(sa.delete(secrets).where(mine))
        transaction.insert(
            secrets, environment=environment, name=name, sealed=sealed, created_at=at
        )


class ArtifactStore:
    """What runs leave behind, such as JUnit files."""

    def put(  # noqa: PLR0913 - one row
        self,
        scope: Scope,
        transaction: Transaction,
        run: str,
        name: str,
        *,
        media_type: str,
        data: bytes,
        at: dt.datetime,
    ) -> None:
        """Keep a file of a run, in place of an earlier one."""
        del scope  # the run's own steps write it
        mine = sa.and_(run_artifacts.c.run_id == run, run_artifacts.c.name == name)
        transaction.change(sa.delete(run_artifacts).where(mine))
        transaction.insert(
            run_artifacts,
            run_id=run,
            name=name,
            media_type=media_type,
            data=data,
            created_at=at,
        )

    def get(self, scope: Scope, transaction: Transaction, run: str, name: str) -> bytes | None:
        """Return a file of a run, or None where the caller sees none."""
        statement = (
            sa.select(run_artifacts.c.data)
            .join(runs, runs.c.id == run_artifacts.c.run_id)
            .where(run_artifacts.c.run_id == run, run_artifacts.c.name == name)
        )
        if scope.partners is not None:
            statement = statement.where(runs.c.partner.in_(sorted(scope.partners)))
        data = transaction.scalar(statement)
        return None if data is None else bytes(data)


def visible(scope: Scope) -> sa.ColumnElement[bool]:
    """Return the condition that limits environments to those the caller may see."""
    if scope.partners is None:
        return sa.true()
    return environments.c.partner.in_(sorted(scope.partners))


def _columns(desired: Json) -> dict[str, Any]:
    return {
        "partner": desired["partner"],
        "product": desired["product"],
        "instance": desired["instance"],
        "phase": desired["phase"],
        "state": EnvironmentState.PENDING.value,
        "desired": dict(desired),
    }


def _environment(row: Mapping[str, Any]) -> Environment:
    return Environment(
        name=row["name"],
        partner=row["partner"],
        product=row["product"],
        instance=row["instance"],
        phase=row["phase"],
        state=EnvironmentState(row["state"]),
        desired=Desired.of(row["desired"]),
        subnet_index=row["subnet_index"] or 0,
        lock=row["lock"],
        commit=row["current_commit"],
        current_run=row["current_run"],
        updated_at=row["updated_at"],
    )
