"""The use cases of runs: enqueue, look, follow, cancel, wait."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from guesthouse import audit
from guesthouse.db import Database, Transaction
from guesthouse.kit.clock import Clock
from guesthouse.kit.ids import new_id
from guesthouse.kit.pagination import Page, bounded_limit
from guesthouse.people import Action, Scope, require
from guesthouse.runs.attempts import AttemptStore
from guesthouse.runs.flows import FlowRegistry
from guesthouse.runs.model import (
    Ending,
    Json,
    LogLine,
    Movement,
    NewRun,
    Run,
    RunEnded,
    RunNotFound,
    RunState,
)
from guesthouse.runs.store import RunStore

LOG_PAGE_LINES = 1000
POLL = dt.timedelta(milliseconds=150)
READ_LOG = "run.read_log"
GOES_ON = dt.timedelta(hours=1)
"""How long a reader who asks for further lines is still at the read they opened."""


class RunService:
    """What anyone may do with runs, within their scope."""

    def __init__(self, database: Database, clock: Clock, flows: FlowRegistry) -> None:
        self._database = database
        self._clock = clock
        self._flows = flows
        self._store = RunStore()
        self._attempts = AttemptStore()

    def enqueue(
        self,
        transaction: Transaction,
        scope: Scope,
        *,
        kind: str,
        environment: str | None,
        payload: Json,
    ) -> Run:
        """Write a queued run in the caller's transaction, with its audit row.

        Args:
            transaction: The one that writes what causes the run.
            scope: Who causes it.
            kind: A registered flow's kind.
            environment: What it works on; runs of one environment never overlap. None for
                runs that belong to none.
            payload: JSON for the steps; no secrets.

        Raises:
            FlowUnknown: No flow of that kind is registered.
        """
        flow = self._flows.get(kind)
        new = NewRun(
            id=new_id("run", self._clock),
            kind=kind,
            environment=environment,
            payload=payload,
            steps=tuple(flow.steps),
            at=self._clock.now(),
        )
        run = self._store.insert(scope, transaction, new)
        detail = {"kind": kind, "environment": environment}
        audit.record(transaction, scope, "run.queued", f"run/{run.id}", detail, self._clock)
        return run

    def get(self, scope: Scope, run_id: str) -> Run:
        """Return a run with its steps.

        Raises:
            RunNotFound: There is none, or not for this caller.
        """
        with self._database.reading() as transaction:
            run = self._store.get(scope, transaction, run_id)
        if run is None:
            raise RunNotFound(run_id)
        require(scope, Action.RUN_READ, run.partner, missing=RunNotFound(run_id))
        return run

    def list(
        self,
        scope: Scope,
        *,
        environment: str | None = None,
        states: Collection[RunState] | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page[Run]:
        """Return runs, newest first, without their steps.

        Args:
            scope: Who asks.
            environment: Only this environment's; None is all.
            states: Only those in one of these; None is any.
            cursor: Where to go on, from the page before.
            limit: How many; None is the usual number.
        """
        with self._database.reading() as transaction:
            return self._store.page(
                scope,
                transaction,
                environment=environment,
                states=states,
                cursor=cursor,
                limit=bounded_limit(limit),
            )

    def latest(self, scope: Scope, environments: Collection[str]) -> Mapping[str, Run]:
        """Return the newest run of each of these environments, without its steps."""
        with self._database.reading() as transaction:
            return self._store.latest(scope, transaction, environments)

    def movements(self, scope: Scope, *, newest: int) -> Sequence[Movement]:
        """Return how the runs stand that have not ended, and the newest that have."""
        with self._database.reading() as transaction:
            return self._store.movements(scope, transaction, newest=newest)

    def has_succeeded(self, scope: Scope, environment: str) -> bool:
        """Return whether a run of an environment that the caller asked for went well."""
        with self._database.reading() as transaction:
            return self._store.has_succeeded(scope, transaction, environment)

    def cancel(self, scope: Scope, run_id: str) -> Run:
        """End a queued run at once, or ask a running one to end.

        Raises:
            RunNotFound: There is none, or not for this caller.
            NotPermitted: The caller may cancel none of its partner.
            RunEnded: It has ended already.
        """
        run = self.get(scope, run_id)
        require(scope, Action.RUN_CANCEL, run.partner)
        if run.state.is_terminal:
            raise RunEnded(run)
        with self._database.transaction() as transaction:
            self.cancel_in(transaction, scope, run_id)
        return self.get(scope, run_id)

    def cancel_in(self, transaction: Transaction, scope: Scope, run_id: str) -> None:
        """End a queued run, or ask a running one to end, in the caller's transaction.

        One that has ended is left alone.

        Raises:
            RunNotFound: There is none, or not for this caller.
        """
        run = self._store.get(scope, transaction, run_id)
        if run is None:
            raise RunNotFound(run_id)
        ending = Ending(RunState.CANCELLED, f"cancelled by {scope.actor} before it started")
        now = self._clock.now()
        if self._attempts.finish_queued(scope, transaction, run.id, ending=ending, at=now):
            self._flows.tell_ended(transaction, run, ending.state)
        elif self._store.request_cancel(scope, transaction, run.id):
            audit.record(transaction, scope, "run.cancel", f"run/{run.id}", {}, self._clock)

    def open_log(self, scope: Scope, run_id: str, *, after: int) -> Run:
        """Record that somebody reads a log, once for a read: not for each page or reconnect.

        A reader who has lines already goes on with what was recorded, if it was not long ago.

        Args:
            scope: Who reads.
            run_id: The run.
            after: The last line they have; 0 for none.

        Returns:
            The run.

        Raises:
            RunNotFound: There is none, or not for this caller.
            NotPermitted: The caller may read no log of its partner.
        """
        run, about = self.get(scope, run_id), f"run/{run_id}"
        require(scope, Action.LOG_READ, run.partner)
        with self._database.reading() as transaction:
            since = self._clock.now() - GOES_ON
            is_open = after > 0 and audit.is_recorded(
                transaction, scope, READ_LOG, about, since=since
            )
        if not is_open:
            with self._database.transaction() as transaction:
                audit.record(transaction, scope, READ_LOG, about, {"after": after}, self._clock)
        return run

    def log(
        self, scope: Scope, run_id: str, *, after: int = 0, limit: int = LOG_PAGE_LINES
    ) -> tuple[LogLine, ...]:
        """Return the log lines that follow number `after`, oldest first.

        Args:
            scope: Who asks.
            run_id: The run.
            after: The last number the reader has; 0 for none.
            limit: How many at most.

        Raises:
            RunNotFound: There is none, or not for this caller.
        """
        with self._database.reading() as transaction:
            run = self._store.get(scope, transaction, run_id)
            if run is None:
                raise RunNotFound(run_id)
            require(scope, Action.LOG_READ, run.partner, missing=RunNotFound(run_id))
            return self._store.lines(scope, transaction, run_id, after=after, limit=limit)

    async def wait(self, scope: Scope, run_id: str, *, limit: dt.timedelta | None = None) -> Run:
        """Return the run once it has ended.

        Args:
            scope: Who asks.
            run_id: The run.
            limit: How long to wait at most; None waits for ever.

        Returns:
            The run; not ended only where the limit came first.

        Raises:
            RunNotFound: There is none, or not for this caller.
        """
        started = self._clock.monotonic()
        while True:
            run = self.get(scope, run_id)
            waited = dt.timedelta(seconds=self._clock.monotonic() - started)
            if run.state.is_terminal or (limit is not None and waited >= limit):
                return run
            await self._clock.sleep(POLL)
