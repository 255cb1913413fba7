"""Runs and their logs as callers see them; the only SQL for what a Scope limits."""

from collections.abc import Collection

import sqlalchemy as sa

from guesthouse.db import Transaction
from guesthouse.db.tables import environments, run_log_chunks, run_steps, runs
from guesthouse.kit.pagination import Page
from guesthouse.people import Scope
from guesthouse.runs import logchunks
from guesthouse.runs.model import LogLine, Movement, NewRun, Run, RunState, StepState
from guesthouse.runs.rows import run_of


class RunStore:
    """The runs a caller may see."""

    def insert(self, scope: Scope, transaction: Transaction, new: NewRun) -> Run:
        """Write a queued run and its pending steps."""
        partner = transaction.scalar(
            sa.select(environments.c.partner).where(environments.c.name == new.environment)
        )
        transaction.insert(
            runs,
            id=new.id,
            kind=new.kind,
            environment=new.environment,
            partner=partner,
            actor=scope.actor,
            state=RunState.QUEUED.value,
            payload=dict(new.payload),
            attempt=0,
            cancel_requested=False,
            log_lines=0,
            sentence="",
            next_step="",
            detail="",
            created_at=new.at,
        )
        for position, step in enumerate(new.steps):
            transaction.insert(
                run_steps,
                run_id=new.id,
                position=position,
                name=step.name,
                idempotent=step.idempotent,
                state=StepState.PENDING.value,
                attempt=0,
            )
        return self._one(transaction, runs.c.id == new.id) or _gone(new.id)

    def get(self, scope: Scope, transaction: Transaction, run_id: str) -> Run | None:
        """Return a run with its steps, or None where the caller sees none of that id."""
        return self._one(transaction, sa.and_(runs.c.id == run_id, visible(scope)))

    def page(
        self,
        scope: Scope,
        transaction: Transaction,
        *,
        environment: str | None,
        cursor: str | None,
        limit: int,
        states: Collection[RunState] | None = None,
    ) -> Page[Run]:
        """Return runs, newest first, without their steps."""
        statement = sa.select(runs).where(visible(scope)).order_by(runs.c.id.desc())
        if environment is not None:
            statement = statement.where(runs.c.environment == environment)
        if states is not None:
            statement = statement.where(runs.c.state.in_([state.value for state in states]))
        if cursor is not None:
            statement = statement.where(runs.c.id < cursor)
        found = [run_of(row) for row in transaction.rows(statement.limit(limit + 1))]
        items = tuple(found[:limit])
        return Page(items, items[-1].id if len(found) > limit else None)

    def latest(
        self, scope: Scope, transaction: Transaction, names: Collection[str]
    ) -> dict[str, Run]:
        """Return the newest run of each of these environments, without its steps."""
        newest = (
            sa.select(sa.func.max(runs.c.id))
            .where(runs.c.environment.in_(sorted(names)))
            .group_by(runs.c.environment)
        )
        rows = transaction.rows(sa.select(runs).where(runs.c.id.in_(newest), visible(scope)))
        return {row["environment"]: run_of(row) for row in rows}

    def movements(self, scope: Scope, transaction: Transaction, *, newest: int) -> list[Movement]:
        """Return the runs that have not ended, and the newest, whatever became of them."""
        columns = sa.select(
            runs.c.partner, runs.c.environment, runs.c.id, runs.c.state, runs.c.cancel_requested
        ).where(visible(scope))
        active = [state.value for state in RunState if not state.is_terminal]
        wanted = (
            columns.where(runs.c.state.in_(active)),
            columns.order_by(runs.c.id.desc()).limit(newest),
        )
        found = {row["id"]: row for statement in wanted for row in transaction.rows(statement)}
        return [Movement(**{**row, "state": RunState(row["state"])}) for row in found.values()]

    def has_succeeded(self, scope: Scope, transaction: Transaction, environment: str) -> bool:
        """Return whether a run of an environment that the caller asked for went well."""
        condition = sa.and_(
            runs.c.environment == environment,
            runs.c.actor == scope.actor,
            runs.c.state == RunState.SUCCEEDED.value,
        )
        return bool(transaction.scalar(sa.select(sa.exists().where(condition, visible(scope)))))

    def request_cancel(self, scope: Scope, transaction: Transaction, run_id: str) -> bool:
        """Note on a running run that it shall end; return whether it was running."""
        statement = sa.update(runs).where(
            runs.c.id == run_id, visible(scope), runs.c.state == RunState.RUNNING.value
        )
        return transaction.change(statement.values(cancel_requested=True)) == 1

    def lines(
        self, scope: Scope, transaction: Transaction, run_id: str, *, after: int, limit: int
    ) -> tuple[LogLine, ...]:
        """Return log lines whose sequence is above `after`, at most `limit` of them."""
        statement = (
            sa.select(run_log_chunks)
            .join(runs, runs.c.id == run_log_chunks.c.run_id)
            .where(run_log_chunks.c.run_id == run_id, visible(scope))
            .where(run_log_chunks.c.last > after, run_log_chunks.c.first <= after + limit)
            .order_by(run_log_chunks.c.first)
        )
        found: list[LogLine] = []
        for row in transaction.rows(statement):
            lines = logchunks.unpack(row["data"], first=row["first"], compressed=row["compressed"])
            found += [line for line in lines if after < line.sequence <= after + limit]
        return tuple(found)

    def _one(self, transaction: Transaction, where: sa.ColumnElement[bool]) -> Run | None:
        row = transaction.row(sa.select(runs).where(where))
        if row is None:
            return None
        steps = transaction.rows(
            sa.select(run_steps)
            .where(run_steps.c.run_id == row["id"])
            .order_by(run_steps.c.position)
        )
        return run_of(row, steps)


def visible(scope: Scope) -> sa.ColumnElement[bool]:
    """Return the condition that limits runs to those the caller may see."""
    if scope.partners is None:
        return sa.true()
    return runs.c.partner.in_(sorted(scope.partners))


def _gone(run_id: str) -> Run:
    message = f"run {run_id} vanished inside its own transaction"
    raise RuntimeError(message)
