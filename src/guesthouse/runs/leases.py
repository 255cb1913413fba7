"""Which workers live, which runs they hold, and which nobody holds any more; the only SQL for it.

A worker is alive while its lease lasts, by the database's clock. Where only one process can be
(SQLite), the newcomer ends every other lease: it holds the lock file, so they are dead.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from guesthouse.db import Transaction
from guesthouse.db.tables import runs, workers
from guesthouse.people import Scope
from guesthouse.runs.model import RunState

RUNNING = runs.c.state == RunState.RUNNING.value


@dataclass(frozen=True)
class Held:
    """What a worker must know about a run it executes."""

    attempt: int
    state: RunState
    cancel_requested: bool


class LeaseStore:
    """Leases of workers, and runs without a live worker."""

    def renew(
        self, scope: Scope, transaction: Transaction, name: str, *, lease: dt.timedelta
    ) -> None:
        """Begin or extend a worker's lease."""
        del scope
        until = _now(transaction) + lease.total_seconds()
        mine = workers.c.name == name
        if transaction.change(sa.update(workers).where(mine).values(lease_until=until)) != 1:
            transaction.insert(workers, name=name, lease_until=until)

    def end(self, scope: Scope, transaction: Transaction, name: str) -> None:
        """End a worker's lease and let go of what it held."""
        del scope
        transaction.change(sa.delete(workers).where(workers.c.name == name))
        transaction.change(
            sa.update(runs).where(RUNNING, runs.c.worker == name).values(worker=None)
        )

    def end_others(self, scope: Scope, transaction: Transaction, name: str) -> None:
        """End every lease but this one."""
        del scope
        transaction.change(sa.delete(workers).where(workers.c.name != name))

    def release_dead(self, scope: Scope, transaction: Transaction) -> int:
        """Let go of the runs of workers without a lease; return how many there were."""
        del scope
        now = _now(transaction)
        transaction.change(sa.delete(workers).where(workers.c.lease_until < now))
        living = sa.select(workers.c.name)
        statement = sa.update(runs).where(
            RUNNING, runs.c.worker.is_not(None), runs.c.worker.not_in(living)
        )
        return transaction.change(statement.values(worker=None))

    def alive(self, scope: Scope, transaction: Transaction) -> frozenset[str]:
        """Return the names of workers with a lease."""
        del scope
        statement = sa.select(workers.c.name).where(workers.c.lease_until >= _now(transaction))
        return frozenset(row["name"] for row in transaction.rows(statement))

    def unheld(self, scope: Scope, transaction: Transaction) -> list[str]:
        """Return the running runs that no worker holds, oldest first."""
        del scope
        statement = sa.select(runs.c.id).where(RUNNING, runs.c.worker.is_(None))
        return [row["id"] for row in transaction.rows(statement.order_by(runs.c.id))]

    def held(
        self, scope: Scope, transaction: Transaction, run_ids: Collection[str]
    ) -> dict[str, Held]:
        """Return how these runs stand."""
        del scope
        columns = (runs.c.id, runs.c.attempt, runs.c.state, runs.c.cancel_requested)
        statement = sa.select(*columns).where(runs.c.id.in_(run_ids))
        return {
            row["id"]: Held(row["attempt"], RunState(row["state"]), row["cancel_requested"])
            for row in transaction.rows(statement)
        }


def _now(transaction: Transaction) -> float:
    """Return the database's own time in seconds since 1970."""
    if transaction.dialect == "postgresql":
        # clock_timestamp, for now() stands still within a transaction.
        statement = sa.text("SELECT extract(epoch FROM clock_timestamp())::float8")
    else:
        statement = sa.text("SELECT (julianday('now') - 2440587.5) * 86400.0")
    return float(transaction.scalar(statement))
