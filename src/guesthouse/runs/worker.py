"""The worker: claims queued runs, executes them, and takes up what dead workers left."""

import asyncio
import contextlib
import datetime as dt
import fcntl
import logging
import secrets
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from guesthouse.db import Database, Transaction
from guesthouse.db.engine import DatabaseUnavailable
from guesthouse.errors import Conflict
from guesthouse.kit.clock import Clock
from guesthouse.people import system_scope
from guesthouse.runs.attempts import AttemptStore
from guesthouse.runs.desk import Desk
from guesthouse.runs.durable import Durable
from guesthouse.runs.executor import Executor, Tools
from guesthouse.runs.failpoints import Failpoints
from guesthouse.runs.flows import FlowRegistry
from guesthouse.runs.hold import Hold, Interruption
from guesthouse.runs.leases import LeaseStore
from guesthouse.runs.model import LogLine, Run, StaleAttempt, Stream
from guesthouse.runs.store import RunStore

T = TypeVar("T")
TICK = dt.timedelta(milliseconds=100)
SWEEPS_PER_LEASE = 5
RETRY = dt.timedelta(seconds=1)
logger = logging.getLogger(__name__)


class WorkerRunning(Conflict):
    """SQLite has one worker at a time."""

    def __init__(self, lock: Path) -> None:
        super().__init__(
            "another worker runs on this state directory",
            next_step="stop the other guesthouse serve or worker, or use PostgreSQL",
            where=str(lock),
        )


@dataclass(frozen=True)
class WorkerOptions:
    """What may be set about a worker besides what it needs."""

    cancel_grace: dt.timedelta = dt.timedelta(seconds=60)
    """How long a cancelled step may clean up."""
    stop_grace: dt.timedelta = dt.timedelta(seconds=10)
    """How long running steps may go on when the worker stops, before they are cancelled."""
    lease: dt.timedelta = dt.timedelta(seconds=15)
    """How long after its last sign of life a worker counts as dead, where there are several."""
    failpoint: str = ""
    """Where to die, in tests; see `failpoints`."""


class RunWorker:
    """Executes runs until told to stop.

    1. On start it takes a lease; on SQLite, a lock file as well, so it is alone.
    2. Each tick it looks whether runs it executes are to be cancelled or were taken from it, and
       claims as many queued ones as it has room for.
    3. Every few seconds it renews its lease, lets go of the runs of workers whose lease has
       ended, and hands runs that nobody holds to DBOS, which starts them somewhere.
    4. On stop it claims nothing more, ends at the next step boundary, cancels what runs longer
       than the grace, and leaves unfinished runs to the next worker.
    """

    def __init__(  # noqa: PLR0913 - what a worker is wired with, all of it keyword-only or plain
        self,
        database: Database,
        clock: Clock,
        flows: FlowRegistry,
        *,
        state: Path,
        name: str,
        concurrency: int = 4,
        options: WorkerOptions | None = None,
    ) -> None:
        """Wire a worker.

        Args:
            database: Where runs are.
            clock: Gives the time.
            flows: The kinds of runs it can execute.
            state: Directory for DBOS's SQLite file and the lock file.
            name: Shown to people; each start adds its own ending.
            concurrency: How many runs it executes at a time.
            options: The rest; None is what is usual.
        """
        options = options or WorkerOptions()
        self.name = f"{name[:40]}-{secrets.token_hex(4)}"
        self._database = database
        self._clock = clock
        self._state = state
        self._concurrency = concurrency
        self._room = asyncio.Semaphore(concurrency)
        self._options = options
        self._pause = options.lease.total_seconds() / SWEEPS_PER_LEASE
        self._failpoints = Failpoints(options.failpoint)
        self._desk = Desk(database)
        self._tools = Tools(self._desk, clock, flows, self._failpoints, options.cancel_grace)
        self._attempts = AttemptStore()
        self._leases = LeaseStore()
        self._runs = RunStore()
        self._scope = system_scope()
        self._durable = Durable(database.url, state, self.name)
        self._door = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_stopping = False
        self.started = asyncio.Event()
        """Set once it works; `run` raises before that where it cannot."""
        self._swept: float | None = None
        self._holds: dict[str, Hold] = {}
        self._claimed: set[str] = set()
        self._inside: Counter[str] = Counter()
        self._is_empty = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until the event is set and everything is put down.

        Raises:
            WorkerRunning: On SQLite, another worker has the state directory.
            DatabaseUnavailable: The database did not answer at the start.
        """
        with self._alone():
            self._loop = asyncio.get_running_loop()
            await self._desk.write(self._arrive)
            await self._desk.call(lambda: self._durable.launch(self._execute_in_thread))
            logger.info("worker.started", extra={"worker": self.name})
            self.started.set()
            tending = asyncio.create_task(self._for_ever(self._tend))
            claiming = asyncio.create_task(self._for_ever(self._dispatch))
            try:
                await stop.wait()
            finally:
                claiming.cancel()
                await asyncio.shield(self._leave(tending))

    async def _for_ever(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except Exception:
                # One of the few broad excepts: a worker outlives whatever a tick runs into.
                logger.exception("worker.tick_failed", extra={"worker": self.name})
                await asyncio.sleep(RETRY.total_seconds())
            await asyncio.sleep(TICK.total_seconds())

    async def _tend(self) -> None:
        """Keep the lease, look after the dead, and watch the runs that are executed here."""
        now = self._clock.monotonic()
        if self._swept is None or now - self._swept >= self._pause:
            await self._sweep()
            self._swept = now
        await self._watch()

    async def _sweep(self) -> None:
        """Renew the lease and see that every running run is with a living worker."""

        def look(transaction: Transaction) -> tuple[list[str], frozenset[str]]:
            self._leases.renew(self._scope, transaction, self.name, lease=self._options.lease)
            freed = self._leases.release_dead(self._scope, transaction)
            if freed:
                logger.info("worker.runs_released", extra={"count": freed})
            unheld = self._leases.unheld(self._scope, transaction)
            return unheld, self._leases.alive(self._scope, transaction)

        unheld, alive = await self._desk.write(look)
        if self._is_stopping:
            return
        # Claimed, yet DBOS does not know it: its database did not answer when it was told.
        for run_id in (*unheld, *(self._claimed - self._inside.keys())):
            await self._ensure(run_id, alive)

    async def _ensure(self, run_id: str, alive: Collection[str]) -> None:
        await self._desk.call(lambda: self._durable.ensure(run_id, alive))

    async def _watch(self) -> None:
        """Tell running steps that their run is cancelled or no longer ours."""
        holds = dict(self._holds)
        if not holds:
            return
        standing = await self._desk.read(
            lambda transaction: self._leases.held(self._scope, transaction, list(holds))
        )
        for run_id, hold in holds.items():
            held = standing.get(run_id)
            if held is None or held.attempt != hold.attempt.number or held.state.is_terminal:
                hold.interrupt(Interruption.FENCED)
            elif held.cancel_requested:
                hold.interrupt(Interruption.CANCEL)

    async def _dispatch(self) -> None:
        """Claim queued runs and start their workflows."""
        room = self._concurrency - len(self._claimed | self._inside.keys())
        if room <= 0:
            return
        waiting = await self._desk.read(
            lambda transaction: self._attempts.candidates(self._scope, transaction, room)
        )
        for run in waiting:
            if await self._desk.write(partial(self._claim, run)):
                self._claimed.add(run.id)
                self._failpoints.reach("run", "claimed", run.kind)
                await self._ensure(run.id, {self.name})

    def _claim(self, run: Run, transaction: Transaction) -> bool:
        return self._attempts.claim(
            self._scope, transaction, run, worker=self.name, at=self._clock.now()
        )

    def _execute_in_thread(self, run_id: str) -> bool:
        """Execute a run on the worker's loop, from a thread of DBOS's; return whether it ended."""
        with self._door:
            if self._is_stopping or self._loop is None:
                return False
            self._inside[run_id] += 1
        return asyncio.run_coroutine_threadsafe(self._execute(run_id), self._loop).result()

    async def _execute(self, run_id: str) -> bool:
        try:
            while not self._is_stopping:
                try:
                    async with self._room:
                        if not self._is_stopping and await self._attempt(run_id):
                            return True
                except StaleAttempt:
                    logger.warning("run.fenced", extra={"run": run_id, "worker": self.name})
                except Exception:
                    # The worker's loop is where nothing may escape: the run goes on when the
                    # database is back, or ends as plan.decide says.
                    logger.exception("run.interrupted", extra={"run": run_id})
                if not self._is_stopping:
                    await asyncio.sleep(RETRY.total_seconds())
            return False
        finally:
            self._claimed.discard(run_id)
            self._go_out(run_id)

    def _go_out(self, run_id: str) -> None:
        with self._door:  # threads of DBOS come in at any time
            self._inside -= Counter([run_id])
        if not self._inside:
            self._is_empty.set()

    async def _attempt(self, run_id: str) -> bool:
        """Take up a run and execute it; True once it has ended, by whomever."""
        run, hold = await self._desk.write(lambda transaction: self._take(transaction, run_id))
        if run is None or run.state.is_terminal:
            return True
        if hold is None:
            return False
        self._failpoints.reach("run", "begun", run.kind)
        self._holds[run_id] = hold
        try:
            return await Executor(self._tools, hold, lambda: self._is_stopping).execute()
        finally:
            del self._holds[run_id]

    def _take(self, transaction: Transaction, run_id: str) -> tuple[Run | None, Hold | None]:
        run = self._runs.get(self._scope, transaction, run_id)
        if run is None or run.state.is_terminal or run_id in self._holds:
            return run, None
        try:
            attempt = self._attempts.begin(self._scope, transaction, run_id, worker=self.name)
        except StaleAttempt:
            return run, None
        if attempt.number > 1:
            text = f"taken up again by worker {self.name}, attempt {attempt.number}"
            line = LogLine(0, self._clock.now(), Stream.NOTE, "", text)
            self._attempts.append_lines(transaction, attempt, [line])
        return run, Hold(attempt, self._clock)

    async def _leave(self, tending: asyncio.Task[None]) -> None:
        """Put everything down: finish steps, cancel what takes too long, let go of the rest."""
        with self._door:
            self._is_stopping = True
        self._is_empty.clear()
        await self._until_empty(self._options.stop_grace)
        for hold in self._holds.values():
            hold.interrupt(Interruption.STOP)
        await self._until_empty(self._options.cancel_grace + RETRY)
        tending.cancel()
        await self._desk.call(self._durable.close)
        with contextlib.suppress(DatabaseUnavailable):
            await self._desk.write(
                lambda transaction: self._leases.end(self._scope, transaction, self.name)
            )
        self._desk.close()
        logger.info("worker.stopped", extra={"worker": self.name})

    async def _until_empty(self, limit: dt.timedelta) -> None:
        if self._inside:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_empty.wait(), limit.total_seconds())

    def _arrive(self, transaction: Transaction) -> None:
        self._leases.renew(self._scope, transaction, self.name, lease=self._options.lease)
        if transaction.dialect == "sqlite":
            # The lock file says that no other worker lives.
            self._leases.end_others(self._scope, transaction, self.name)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock file; the kernel lets go of it even when the process is killed."""
        self._state.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._database.is_sqlite:
            yield
            return
        path = self._state / "worker.lock"
        with path.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise WorkerRunning(path) from exc
            yield
