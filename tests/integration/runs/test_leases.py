"""Several workers on one database: who is alive, who holds what, and who is fenced off."""

import asyncio
import datetime as dt

import pytest

from guesthouse.db import Database, Transaction
from guesthouse.people import system_scope
from guesthouse.runs import Flow, Json, RunContext, RunState, StepDefinition
from guesthouse.runs.attempts import AttemptStore
from guesthouse.runs.leases import LeaseStore
from tests.integration.runs.conftest import ANNA, House, eventually

SYSTEM = system_scope()
LEASES, ATTEMPTS = LeaseStore(), AttemptStore()
LONG, OVER = dt.timedelta(minutes=1), dt.timedelta(seconds=-1)


async def _nothing(_context: RunContext) -> Json:
    return {}


NOTHING = Flow("nothing", [StepDefinition("only", _nothing, idempotent=True)])


def _renew(transaction: Transaction, name: str, lease: dt.timedelta) -> None:
    LEASES.renew(SYSTEM, transaction, name, lease=lease)


def _claim(house: House, worker: str) -> str:
    run = house.enqueue("nothing")
    with house.database.transaction() as transaction:
        assert ATTEMPTS.claim(SYSTEM, transaction, run, worker=worker, at=house.clock.now())
    return run.id


def test_a_worker_lives_as_long_as_its_lease(database: Database) -> None:
    with database.transaction() as transaction:
        _renew(transaction, "alive", LONG)
        _renew(transaction, "dead", OVER)
        assert LEASES.alive(SYSTEM, transaction) == {"alive"}
        _renew(transaction, "dead", LONG)
        assert LEASES.alive(SYSTEM, transaction) == {"alive", "dead"}


def test_only_the_runs_of_the_dead_are_let_go(house: House) -> None:
    house.register(NOTHING)
    _claim(house, "alive")
    orphans = {_claim(house, "dead"), _claim(house, "never-seen")}
    with house.database.transaction() as transaction:
        _renew(transaction, "alive", LONG)
        _renew(transaction, "dead", OVER)
        assert LEASES.release_dead(SYSTEM, transaction) == 2
        assert set(LEASES.unheld(SYSTEM, transaction)) == orphans


def test_leaving_lets_go_of_what_one_held(house: House) -> None:
    house.register(NOTHING)
    run_id = _claim(house, "leaver")
    with house.database.transaction() as transaction:
        _renew(transaction, "leaver", LONG)
        LEASES.end(SYSTEM, transaction, "leaver")
        assert LEASES.unheld(SYSTEM, transaction) == [run_id]
        assert LEASES.alive(SYSTEM, transaction) == frozenset()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_worker_takes_over_from_a_dead_one(house: House) -> None:
    house.register(NOTHING)
    run_id = _claim(house, "dead")
    async with house.working():
        run = await house.service.wait(ANNA, run_id, limit=dt.timedelta(seconds=20))
    assert run.state is RunState.SUCCEEDED


async def test_a_worker_that_lost_its_run_stops_and_writes_nothing(house: House) -> None:
    entered, left = asyncio.Event(), asyncio.Event()

    async def held(context: RunContext) -> Json:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            context.log("late words")
            left.set()
        return {}

    house.register(Flow("held", [StepDefinition("held", held, idempotent=False)]))
    run = house.enqueue("held")
    async with house.working():
        await entered.wait()
        # Another worker takes it up, as after a pause longer than the lease.
        with house.database.transaction() as transaction:
            name = house.worker_name(transaction, run.id)
            attempt = ATTEMPTS.begin(SYSTEM, transaction, run.id, worker=name)
        assert attempt.number == 2
        await asyncio.wait_for(left.wait(), 5)
        await eventually(lambda: house.service.get(ANNA, run.id).state.is_terminal)
    assert house.service.get(ANNA, run.id).state is RunState.LOST
    assert "late words" not in house.texts(run)
