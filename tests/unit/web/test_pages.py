"""Every page renders for those it is for, and for nobody else."""

import httpx
import pytest

from guesthouse.runs import Run
from tests.fakes.running import HandWorker
from tests.fakes.services import OPERATOR, FakeServices

PAGES = [
    "/",
    "/environments/acme",
    "/environments/acme/runs",
    "/environments/acme/start",
    "/environments/acme/activity",
    "/runs",
    "/runs?state=failed&environment=acme",
]
OPERATORS_PAGES = ["/instances", "/styleguide"]


@pytest.fixture
def run(services: FakeServices, worker: HandWorker) -> Run:
    queued = services.environments.deploy(OPERATOR, "acme")
    worker.succeed(queued)
    return queued


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("path", [*PAGES, *OPERATORS_PAGES])
def test_operator_gets_every_page(operator: httpx.Client, path: str) -> None:
    answer = operator.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
