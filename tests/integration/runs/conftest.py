import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from guesthouse.db import Database, Transaction, upgrade
from guesthouse.db.tables import runs
from guesthouse.kit.clock import SystemClock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import operator_scope
from guesthouse.runs import Flow, FlowRegistry, Json, Run, RunService
from guesthouse.runs.durable import Durable
from guesthouse.runs.worker import RunWorker, WorkerOptions
from tests.integration.postgresql import Cluster, cluster
from tests.integration.runs.crashing import KINDS, Crashing

ANNA = operator_scope("anna")
MIGRATED = "migrated"
POLL_SECONDS = 0.02
LIMIT = dt.timedelta(seconds=30)
QUICK = WorkerOptions(
    cancel_grace=dt.timedelta(seconds=2), stop_grace=dt.timedelta(milliseconds=300)
)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    with cluster() as started:
        # Copied for each test: DBOS's migrations alone take a second.
        started.make(MIGRATED)
        opened = Database(started.url(MIGRATED))
        upgrade(opened)
        durable = Durable(opened.url, Path("/"), "template")
        durable.launch(bool)
        durable.close()
        opened.close()
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sensitive[str]]:
    if request.param == "sqlite":
        yield Sensitive(f"sqlite:///{tmp_path / 'guesthouse.sqlite'}")
        return
    with request.getfixturevalue("postgresql").fresh(template=MIGRATED) as fresh:
        yield fresh


@pytest.fixture
def database(url: Sensitive[str]) -> Iterator[Database]:
    opened = Database(url)
    upgrade(opened)
    yield opened
    opened.close()


class House:
    """A control plane as far as runs go: enqueue, look, start workers."""

    def __init__(self, database: Database, state: Path) -> None:
        self.database, self.state = database, state
        self.flows = FlowRegistry()
        self.clock = SystemClock()
        self.service = RunService(database, self.clock, self.flows)

    def enqueue(
        self, kind: str, *, environment: str | None = None, payload: Json | None = None
    ) -> Run:
        with self.database.transaction() as transaction:
            return self.service.enqueue(
                transaction, ANNA, kind=kind, environment=environment, payload=payload or {}
            )

    def register(self, *flows: Flow) -> None:
        for flow in flows:
            self.flows.register(flow)

    def worker(self, *, concurrency: int = 4, options: WorkerOptions = QUICK) -> RunWorker:
        return RunWorker(
            self.database,
            self.clock,
            self.flows,
            state=self.state,
            name="test",
            concurrency=concurrency,
            options=options,
        )

    @contextlib.asynccontextmanager
    async def working(self, worker: RunWorker | None = None) -> AsyncIterator[None]:
        stop = asyncio.Event()
        task = asyncio.create_task((worker or self.worker()).run(stop))
        try:
            yield
        finally:
            stop.set()
            await task

    async def ended(self, run: Run) -> Run:
        found = await self.service.wait(ANNA, run.id, limit=LIMIT)
        assert found.state.is_terminal, found
        return found

    def worker_name(self, transaction: Transaction, run_id: str) -> str:
        """Return who holds a run; no caller is told that."""
        statement = sa.select(runs.c.worker).where(runs.c.id == run_id)
        return str(transaction.scalar(statement))

    def texts(self, run: Run) -> list[str]:
        lines = self.service.log(ANNA, run.id)
        assert [line.sequence for line in lines] == list(range(1, len(lines) + 1))
        return [line.text for line in lines]


async def eventually(check: Callable[[], bool], *, seconds: float = 10) -> None:
    """Wait until the check holds; fail when it does not within the time."""
    for _ in range(int(seconds / POLL_SECONDS)):
        if check():
            return
        await asyncio.sleep(POLL_SECONDS)
    assert check()


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return House(database, tmp_path / "state")


@pytest.fixture
def crashing(url: Sensitive[str], database: Database, tmp_path: Path) -> Crashing:
    del database  # migrated
    state = tmp_path / "state"
    state.mkdir()
    (state / "calls").touch()
    return Crashing(url.reveal(), state)


@pytest.fixture
def crash_house(house: House, crashing: Crashing) -> House:
    house.register(*(crashing.flows().get(f"crash{kind}") for kind in range(KINDS)))
    return house
