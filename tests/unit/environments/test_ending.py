"""An environment whose end was asked for stays on its way out, whatever still happens to it."""

from pathlib import Path

import pytest

from guesthouse.db import Database
from guesthouse.environments.model import EnvironmentState
from guesthouse.runs import RunState
from tests.fakes.clock import FakeClock
from tests.unit.environments.test_tasks import OWNER, Bench


@pytest.fixture
def bench(database: Database, clock: FakeClock, tmp_path: Path) -> Bench:
    return Bench(database, clock, tmp_path)


@pytest.mark.parametrize(
    "state", [RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.LOST]
)
def test_a_deployment_that_ends_later_does_not_bring_it_back(
    bench: Bench, state: RunState
) -> None:
    context = bench.put()
    bench.service.destroy(OWNER, "acme")
    bench.end(context, state)
    assert bench.service.get(OWNER, "acme").state is EnvironmentState.ENDING


def test_a_destruction_that_fails_may_be_tried_again(bench: Bench) -> None:
    bench.put()
    run = bench.service.destroy(OWNER, "acme")
    bench.end(bench.context(run), RunState.FAILED)
    assert bench.service.get(OWNER, "acme").state is EnvironmentState.FAILED
    assert bench.service.destroy(OWNER, "acme").id != run.id
