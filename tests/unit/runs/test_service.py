import datetime as dt
from dataclasses import replace

import pytest
import sqlalchemy as sa

from guesthouse import audit
from guesthouse.db import Database, Transaction
from guesthouse.db.tables import environments, partners, products, run_log_chunks
from guesthouse.people import member_scope, operator_scope, system_scope
from guesthouse.runs import (
    Flow,
    FlowRegistry,
    Json,
    Run,
    RunContext,
    RunEnded,
    RunNotFound,
    RunService,
    RunState,
    StepDefinition,
    StepState,
)
from guesthouse.runs.attempts import Attempt, AttemptStore
from guesthouse.runs.model import Ending, FlowUnknown, LogLine, StaleAttempt, Stream
from tests.fakes.clock import START, FakeClock

ANNA = operator_scope("anna")
BEN = member_scope("ben", frozenset({"acme"}))
EVE = member_scope("eve", frozenset({"other"}))
SYSTEM = system_scope()
ATTEMPTS = AttemptStore()


async def _nothing(_context: RunContext) -> Json:
    return {}


FLOW = Flow(
    "deploy",
    [
        StepDefinition("fetch", _nothing, idempotent=True),
        StepDefinition("up", _nothing, idempotent=False),
    ],
)


@pytest.fixture
def service(database: Database, clock: FakeClock) -> RunService:
    common = {"desired": {}, "created_at": START, "updated_at": START}
    with database.transaction() as transaction:
        transaction.insert(partners, name="acme", **common)
        transaction.insert(products, name="shop", **common)
        for name in ("one", "two"):
            transaction.insert(
                environments,
                name=name,
                partner="acme",
                product="shop",
                phase="absent",
                state="absent",
                **common,
            )
    return RunService(database, clock, FlowRegistry([FLOW]))


@pytest.fixture
def enqueue(database: Database, service: RunService, clock: FakeClock) -> "Enqueue":
    return Enqueue(database, service, clock)


class Enqueue:
    def __init__(self, database: Database, service: RunService, clock: FakeClock) -> None:
        self.database, self.service, self.clock = database, service, clock

    def __call__(self, environment: str | None = "one", kind: str = "deploy") -> Run:
        self.clock.advance(dt.timedelta(seconds=1))
        with self.database.transaction() as transaction:
            return self.service.enqueue(
                transaction, ANNA, kind=kind, environment=environment, payload={"a": 1}
            )

    def started(self, environment: str | None = "one") -> tuple[Run, Attempt]:
        run = self(environment)
        with self.database.transaction() as transaction:
            assert ATTEMPTS.claim(SYSTEM, transaction, run, worker="w", at=START)
            return run, ATTEMPTS.begin(SYSTEM, transaction, run.id, worker="w")


def _finish(database: Database, attempt: Attempt, state: RunState) -> bool:
    with database.transaction() as transaction:
        return ATTEMPTS.finish(SYSTEM, transaction, attempt, ending=Ending(state), at=START)


def _append(database: Database, attempt: Attempt, *texts: str) -> None:
    lines = [LogLine(0, START, Stream.OUTPUT, "up", text) for text in texts]
    with database.transaction() as transaction:
        ATTEMPTS.append_lines(transaction, attempt, lines)


def test_a_new_run_is_queued_with_its_steps(service: RunService, enqueue: Enqueue) -> None:
    run = service.get(ANNA, enqueue().id)
    assert (run.state, run.partner, run.payload) == (RunState.QUEUED, "acme", {"a": 1})
    assert [(step.name, step.state, step.idempotent) for step in run.steps] == [
        ("fetch", StepState.PENDING, True),
        ("up", StepState.PENDING, False),
    ]


def test_an_unknown_kind_is_refused(enqueue: Enqueue) -> None:
    with pytest.raises(FlowUnknown):
        enqueue(kind="dance")


def test_a_run_and_its_audit_row_are_dropped_together(
    database: Database, service: RunService
) -> None:
    def fail() -> None:
        with database.transaction() as transaction:
            service.enqueue(transaction, ANNA, kind="deploy", environment="one", payload={})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.reading() as transaction:
        assert audit.entries(transaction, ANNA) == ()
    assert service.list(ANNA).items == ()


def test_members_see_their_partners_runs(service: RunService, enqueue: Enqueue) -> None:
    run = enqueue()
    assert service.get(BEN, run.id).id == run.id
    assert [found.id for found in service.list(BEN).items] == [run.id]


def test_outsiders_see_no_run(service: RunService, enqueue: Enqueue) -> None:
    run = enqueue()
    assert service.list(EVE).items == ()
    for use in (service.get, service.cancel, service.log):
        with pytest.raises(RunNotFound):
            use(EVE, run.id)
    assert service.get(ANNA, run.id).state is RunState.QUEUED


def test_lists_come_newest_first_in_pages(service: RunService, enqueue: Enqueue) -> None:
    ids = [enqueue().id for _ in range(3)]
    page = service.list(ANNA, limit=2)
    rest = service.list(ANNA, limit=2, cursor=page.next_cursor)
    assert [run.id for run in (*page.items, *rest.items)] == ids[::-1]
    assert rest.next_cursor is None


def test_only_the_oldest_queued_run_of_an_idle_environment_may_start(
    database: Database, enqueue: Enqueue
) -> None:
    enqueue.started("one")
    enqueue("one")
    older = enqueue("two")
    enqueue("two")
    free = [enqueue(None), enqueue(None)]
    with database.reading() as transaction:
        found = ATTEMPTS.candidates(SYSTEM, transaction, 10)
    assert {run.id for run in found} == {older.id, *(run.id for run in free)}


def test_a_partner_with_much_to_do_keeps_nobody_else_waiting(
    database: Database, enqueue: Enqueue
) -> None:
    enqueue.started("one")
    enqueue("two")
    theirs = [enqueue(None) for _ in range(2)]
    with database.reading() as transaction:
        found = ATTEMPTS.candidates(SYSTEM, transaction, 2)
    assert [run.id for run in found] == [theirs[0].id, found[1].id]
    assert found[1].partner == "acme"


def test_the_database_refuses_a_second_running_run_of_an_environment(
    database: Database, enqueue: Enqueue
) -> None:
    enqueue.started("one")
    second = enqueue("one")
    with database.transaction() as transaction:
        assert not ATTEMPTS.claim(SYSTEM, transaction, second, worker="w", at=START)


def test_a_run_is_claimed_once(database: Database, enqueue: Enqueue) -> None:
    run = enqueue()
    with database.transaction() as transaction:
        assert ATTEMPTS.claim(SYSTEM, transaction, run, worker="a", at=START)
        assert not ATTEMPTS.claim(SYSTEM, transaction, run, worker="b", at=START)


def test_a_run_ends_once(database: Database, service: RunService, enqueue: Enqueue) -> None:
    run, attempt = enqueue.started()
    assert _finish(database, attempt, RunState.SUCCEEDED)
    assert not _finish(database, attempt, RunState.FAILED)
    assert service.get(ANNA, run.id).state is RunState.SUCCEEDED


def test_writes_of_an_earlier_attempt_do_not_count(database: Database, enqueue: Enqueue) -> None:
    run, stale = enqueue.started()
    with database.transaction() as transaction:
        ATTEMPTS.begin(SYSTEM, transaction, run.id, worker="w")
    assert not _finish(database, stale, RunState.FAILED)
    with pytest.raises(StaleAttempt):
        _append(database, stale, "late")
    with pytest.raises(StaleAttempt), database.transaction() as transaction:
        ATTEMPTS.start_step(transaction, stale, 0, expected=StepState.PENDING, at=START)


def test_a_step_starts_once(database: Database, enqueue: Enqueue) -> None:
    _, attempt = enqueue.started()
    with database.transaction() as transaction:
        ATTEMPTS.start_step(transaction, attempt, 0, expected=StepState.PENDING, at=START)
    with pytest.raises(StaleAttempt), database.transaction() as transaction:
        ATTEMPTS.start_step(transaction, attempt, 0, expected=StepState.PENDING, at=START)


def test_steps_end_with_their_run(
    database: Database, service: RunService, enqueue: Enqueue
) -> None:
    run, attempt = enqueue.started()
    with database.transaction() as transaction:
        ATTEMPTS.start_step(transaction, attempt, 0, expected=StepState.PENDING, at=START)
    _finish(database, attempt, RunState.FAILED)
    states = [step.state for step in service.get(ANNA, run.id).steps]
    assert states == [StepState.FAILED, StepState.SKIPPED]


def test_cancelling_a_queued_run_ends_it(service: RunService, enqueue: Enqueue) -> None:
    run = enqueue()
    assert service.cancel(ANNA, run.id).state is RunState.CANCELLED
    with pytest.raises(RunEnded):
        service.cancel(ANNA, run.id)


def test_cancelling_a_running_run_asks_it_to_end(service: RunService, enqueue: Enqueue) -> None:
    run, _ = enqueue.started()
    asked = service.cancel(BEN, run.id)
    assert (asked.state, asked.cancel_requested) == (RunState.RUNNING, True)


def test_readers_neither_lose_nor_double_a_line(
    database: Database, service: RunService, enqueue: Enqueue
) -> None:
    run, attempt = enqueue.started()
    _append(database, attempt, "a", "b", "c")
    first = service.log(ANNA, run.id, limit=2)
    _append(database, attempt, "d")
    _finish(database, attempt, RunState.SUCCEEDED)
    rest = service.log(ANNA, run.id, after=first[-1].sequence)
    assert [line.text for line in (*first, *rest)] == ["a", "b", "c", "d"]
    assert [line.sequence for line in (*first, *rest)] == [1, 2, 3, 4]


def test_the_log_is_compressed_when_the_run_ends(database: Database, enqueue: Enqueue) -> None:
    _, attempt = enqueue.started()
    for _ in range(5):
        _append(database, attempt, "the same line again")
    _finish(database, attempt, RunState.SUCCEEDED)
    with database.reading() as transaction:
        chunks = transaction.rows(sa.select(run_log_chunks))
    assert [(chunk["first"], chunk["last"], chunk["compressed"]) for chunk in chunks] == [
        (1, 5, True)
    ]


async def test_waiting_ends_with_the_limit(service: RunService, enqueue: Enqueue) -> None:
    run = await service.wait(ANNA, enqueue().id, limit=dt.timedelta(seconds=5))
    assert run.state is RunState.QUEUED


def test_a_flow_is_registered_once() -> None:
    with pytest.raises(ValueError, match="deploy"):
        FlowRegistry([FLOW, FLOW])


def test_a_feature_learns_of_the_end_in_the_same_transaction(
    database: Database, clock: FakeClock
) -> None:
    told: list[tuple[str, RunState]] = []

    def ended(transaction: Transaction, run: Run, state: RunState) -> None:
        assert transaction.scalar(sa.text("SELECT count(*) FROM runs")) == 1
        told.append((run.kind, state))

    registry = FlowRegistry([replace(FLOW, ended=ended)])
    service = RunService(database, clock, registry)
    with database.transaction() as transaction:
        run = service.enqueue(transaction, ANNA, kind="deploy", environment=None, payload={})
    service.cancel(ANNA, run.id)
    assert told == [("deploy", RunState.CANCELLED)]
