"""Many readers, one look: what the readers of a run share."""

import asyncio

import pytest
from typing_extensions import override

from guesthouse.db.engine import DatabaseUnavailable
from guesthouse.edge.tail import KEPT_LINES, Tail, Tails
from guesthouse.people import Scope
from guesthouse.runs import Run, RunService
from tests.fakes.running import HandWorker
from tests.fakes.services import OPERATOR, FakeServices


class Away(RunService):
    """Loses its database after the first look."""

    looks = 0

    @override
    def get(self, scope: Scope, run_id: str) -> Run:
        self.looks += 1
        if self.looks > 1:
            detail = "gone"
            raise DatabaseUnavailable(detail)
        return super().get(scope, run_id)


@pytest.fixture
def run(services: FakeServices) -> Run:
    return services.environments.deploy(OPERATOR, "acme")


async def test_readers_of_a_run_share_its_tail(services: FakeServices, run: Run) -> None:
    tails = Tails(services.runs, services.clock)
    async with tails.of(run.id) as first, tails.of(run.id) as second:
        assert first is second
        assert first.readers == 2
    async with tails.of(run.id) as later:
        assert later is not first


async def test_every_reader_is_told_of_a_line(
    services: FakeServices, worker: HandWorker, run: Run
) -> None:
    tails = Tails(services.runs, services.clock)
    attempt = worker.start(run)
    async with tails.of(run.id) as tail:
        waiting = [asyncio.create_task(_first_line(tail)) for _ in range(3)]
        await asyncio.sleep(0)
        worker.write(attempt, "fetch", "hello")
        assert await asyncio.gather(*waiting) == ["hello"] * 3


async def test_readers_learn_that_the_database_is_away(services: FakeServices, run: Run) -> None:
    away = Away(services.database, services.clock, services.runs._flows)  # noqa: SLF001 - as bootstrap wires it
    async with Tails(away, services.clock).of(run.id) as tail:
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                await asyncio.wait_for(tail.wait(), 10)


async def test_only_the_newest_lines_are_kept(
    services: FakeServices, worker: HandWorker, run: Run
) -> None:
    attempt = worker.start(run)
    async with Tails(services.runs, services.clock).of(run.id) as tail:
        worker.write(attempt, "fetch", *("x" for _ in range(KEPT_LINES + 10)))
        while not tail.lines(KEPT_LINES + 9):
            await tail.wait()
        assert tail.start == 10
        assert len(tail.lines(0)) == KEPT_LINES


async def _first_line(tail: Tail) -> str:
    while not tail.lines(0):
        await tail.wait()
    return tail.lines(0)[0].text
