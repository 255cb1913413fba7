"""What a worker writes about the run it holds; each write counts only for the newest attempt."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from guesthouse import audit
from guesthouse.db import Transaction
from guesthouse.db.tables import run_log_chunks, run_steps, runs
from guesthouse.people import Scope
from guesthouse.runs import logchunks
from guesthouse.runs.model import (
    STEP_ENDS,
    TRANSITIONS,
    Ending,
    Json,
    LogLine,
    Run,
    RunState,
    StaleAttempt,
    StepState,
)
from guesthouse.runs.rows import run_of

COMPRESSED_LINES = 2000
ANY_QUEUED = sa.select(runs.c.id).where(runs.c.state == RunState.QUEUED.value).limit(1)
"""Asked ten times a second by every worker: made once, answered from an index."""


@dataclass(frozen=True)
class Attempt:
    """One worker's hold on a run."""

    run_id: str
    number: int


class AttemptStore:
    """Claims runs and carries their progress."""

    def candidates(self, scope: Scope, transaction: Transaction, limit: int) -> list[Run]:
        """Return queued runs that may start, fairest first.

        1. Only the oldest of an environment, and none of one with something running.
        2. Partners take turns: a run ranks by how many of its partner's run or wait before it.
        3. Among equals the oldest goes first.
        """
        del scope  # the system's own view
        if transaction.row(ANY_QUEUED) is None:
            return []
        busy, earlier, other = runs.alias("busy"), runs.alias("earlier"), runs.alias("other")
        before_it = sa.func.row_number().over(partition_by=runs.c.partner, order_by=runs.c.id)
        running = (
            sa.select(sa.func.count())
            .where(other.c.state == RunState.RUNNING.value)
            .where(other.c.partner.is_not_distinct_from(runs.c.partner))
            .scalar_subquery()
        )
        statement = (
            sa.select(runs)
            .where(runs.c.state == RunState.QUEUED.value)
            .where(
                ~sa.exists().where(
                    busy.c.environment == runs.c.environment,
                    busy.c.state == RunState.RUNNING.value,
                )
            )
            .where(
                ~sa.exists().where(
                    earlier.c.environment == runs.c.environment,
                    earlier.c.state == RunState.QUEUED.value,
                    earlier.c.id < runs.c.id,
                )
            )
            .order_by(before_it + running, runs.c.id)
            .limit(limit)
        )
        return [run_of(row) for row in transaction.rows(statement)]

    def claim(
        self, scope: Scope, transaction: Transaction, run: Run, *, worker: str, at: dt.datetime
    ) -> bool:
        """Take a queued run; False when another worker was faster or its environment is busy."""
        del scope
        statement = (
            sa.update(runs)
            .where(runs.c.id == run.id, runs.c.state == RunState.QUEUED.value)
            .values(state=RunState.RUNNING.value, worker=worker, started_at=at)
        )
        try:
            with transaction.connection.begin_nested():
                return transaction.change(statement) == 1
        except IntegrityError:  # the index that lets one run per environment run
            return False

    def begin(
        self, scope: Scope, transaction: Transaction, run_id: str, *, worker: str
    ) -> Attempt:
        """Start a new attempt at a running run; writes of earlier attempts no longer count.

        Raises:
            StaleAttempt: The run isn't running, or another worker holds it.
        """
        del scope
        number = transaction.scalar(
            sa.update(runs)
            .where(runs.c.id == run_id, runs.c.state == RunState.RUNNING.value)
            .where(sa.or_(runs.c.worker == worker, runs.c.worker.is_(None)))
            .values(attempt=runs.c.attempt + 1, worker=worker)
            .returning(runs.c.attempt)
        )
        if number is None:
            raise StaleAttempt(run_id)
        return Attempt(run_id, number)

    def start_step(
        self,
        transaction: Transaction,
        attempt: Attempt,
        position: int,
        *,
        expected: StepState,
        at: dt.datetime,
    ) -> None:
        """Claim a step.

        Args:
            transaction: What to write in.
            attempt: The hold on the run.
            position: Which step.
            expected: Where it stands now: pending, or running where it may be repeated.
            at: When it starts.

        Raises:
            StaleAttempt: The run or the step is no longer this worker's.
        """
        self._fence(transaction, attempt)
        statement = (
            sa.update(run_steps)
            .where(run_steps.c.run_id == attempt.run_id, run_steps.c.position == position)
            .where(run_steps.c.state == expected.value)
            .values(
                state=StepState.RUNNING.value,
                attempt=attempt.number,
                starts=run_steps.c.starts + 1,
                started_at=at,
            )
        )
        if transaction.change(statement) != 1:
            raise StaleAttempt(attempt.run_id)

    def end_step(
        self,
        transaction: Transaction,
        attempt: Attempt,
        position: int,
        *,
        result: Json,
        at: dt.datetime,
    ) -> None:
        """Keep a step's result.

        Raises:
            StaleAttempt: The run or the step is no longer this worker's.
        """
        self._fence(transaction, attempt)
        statement = (
            sa.update(run_steps)
            .where(run_steps.c.run_id == attempt.run_id, run_steps.c.position == position)
            .where(run_steps.c.state == StepState.RUNNING.value)
            .where(run_steps.c.attempt == attempt.number)
            .values(state=StepState.SUCCEEDED.value, result=dict(result), ended_at=at)
        )
        if transaction.change(statement) != 1:
            raise StaleAttempt(attempt.run_id)

    def append_lines(
        self, transaction: Transaction, attempt: Attempt, lines: Sequence[LogLine]
    ) -> None:
        """Add lines to the log; their sequence numbers are given here.

        Raises:
            StaleAttempt: The run is no longer this worker's.
        """
        last = transaction.scalar(
            sa.update(runs)
            .where(*_mine(attempt))
            .values(log_lines=runs.c.log_lines + len(lines))
            .returning(runs.c.log_lines)
        )
        if last is None:
            raise StaleAttempt(attempt.run_id)
        first = last - len(lines) + 1
        numbered = [replace(line, sequence=first + index) for index, line in enumerate(lines)]
        _insert_chunk(transaction, attempt.run_id, numbered, compress=False)

    def finish(
        self,
        scope: Scope,
        transaction: Transaction,
        attempt: Attempt,
        *,
        ending: Ending,
        at: dt.datetime,
    ) -> bool:
        """End the run; return whether it was this call that ended it."""
        statement = sa.update(runs).where(*_mine(attempt)).values(**_ending(ending, at))
        if transaction.change(statement) != 1:
            return False
        _close(scope, transaction, attempt.run_id, ending=ending, at=at)
        return True

    def finish_queued(
        self,
        scope: Scope,
        transaction: Transaction,
        run_id: str,
        *,
        ending: Ending,
        at: dt.datetime,
    ) -> bool:
        """End a run that never started; return whether it was this call that ended it."""
        if ending.state not in TRANSITIONS[RunState.QUEUED]:
            message = f"a queued run does not end {ending.state.value}"
            raise ValueError(message)
        statement = (
            sa.update(runs)
            .where(runs.c.id == run_id, runs.c.state == RunState.QUEUED.value)
            .values(**_ending(ending, at))
        )
        if transaction.change(statement) != 1:
            return False
        _close(scope, transaction, run_id, ending=ending, at=at)
        return True

    def _fence(self, transaction: Transaction, attempt: Attempt) -> None:
        # A write, so that it also waits for a newer attempt that begins at this moment.
        if (
            transaction.change(sa.update(runs).where(*_mine(attempt)).values(kind=runs.c.kind))
            != 1
        ):
            raise StaleAttempt(attempt.run_id)


def _mine(attempt: Attempt) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        runs.c.id == attempt.run_id,
        runs.c.attempt == attempt.number,
        runs.c.state == RunState.RUNNING.value,
    )


def _ending(ending: Ending, at: dt.datetime) -> dict[str, Any]:
    return {
        "state": ending.state.value,
        "sentence": ending.sentence,
        "next_step": ending.next_step,
        "detail": ending.detail,
        "error_kind": None if ending.error_kind is None else ending.error_kind.word,
        "ended_at": at,
    }


def _close(
    scope: Scope, transaction: Transaction, run_id: str, *, ending: Ending, at: dt.datetime
) -> None:
    """Write what goes with a run's end: its steps, its audit row, its log's compact form."""
    ended = STEP_ENDS.get(ending.state, StepState.SKIPPED)
    mine = run_steps.c.run_id == run_id
    transaction.change(
        sa.update(run_steps)
        .where(mine, run_steps.c.state == StepState.RUNNING.value)
        .values(state=ended.value, ended_at=at)
    )
    transaction.change(
        sa.update(run_steps)
        .where(mine, run_steps.c.state == StepState.PENDING.value)
        .values(state=StepState.SKIPPED.value)
    )
    _compress_log(transaction, run_id)
    audit.record(transaction, scope, f"run.{ending.state.value}", f"run/{run_id}")


def _compress_log(transaction: Transaction, run_id: str) -> None:
    """Rewrite the log as few compressed chunks; every line keeps its number."""
    mine = run_log_chunks.c.run_id == run_id
    rows = transaction.rows(sa.select(run_log_chunks).where(mine).order_by("first"))
    transaction.change(sa.delete(run_log_chunks).where(mine))
    lines = [
        line
        for row in rows
        for line in logchunks.unpack(row["data"], first=row["first"], compressed=row["compressed"])
    ]
    for start in range(0, len(lines), COMPRESSED_LINES):
        part = lines[start : start + COMPRESSED_LINES]
        _insert_chunk(transaction, run_id, part, compress=True)


def _insert_chunk(
    transaction: Transaction, run_id: str, lines: Sequence[LogLine], *, compress: bool
) -> None:
    transaction.insert(
        run_log_chunks,
        run_id=run_id,
        first=lines[0].sequence,
        last=lines[-1].sequence,
        compressed=compress,
        data=logchunks.pack(lines, compress=compress),
    )
