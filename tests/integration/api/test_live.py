"""What only a real server shows: lines that arrive while they are written."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator

import httpx

from guesthouse.edge.access import SESSION_COOKIE
from guesthouse.people import Role
from guesthouse.runs import Run, RunState
from guesthouse.runs.attempts import Attempt
from guesthouse.runs.model import Ending
from tests.fakes.people import HERE, come_in
from tests.fakes.running import HandWorker
from tests.fakes.services import MEMBER, OPERATOR, FakeServices

READERS = 100
LINES = 60


def _client(url: str, services: FakeServices) -> httpx.Client:
    headers = {"Authorization": f"Bearer {services.token(MEMBER)}"}
    return httpx.Client(base_url=url, headers=headers, timeout=20, trust_env=False)


def _started(services: FakeServices) -> tuple[Run, HandWorker, Attempt]:
    run = services.environments.deploy(OPERATOR, "acme")
    worker = HandWorker(services.database)
    attempt = worker.start(run)
    worker.begin_step(attempt, 0)
    return run, worker, attempt


def _texts(answer: httpx.Response) -> Iterator[str]:
    for line in answer.iter_lines():
        if line.startswith("data: "):
            data = json.loads(line.removeprefix("data: "))
            yield data.get("text") or f"({data.get('name', 'end')} {data['state']})"


def test_a_line_arrives_within_a_second_of_being_written(url: str, services: FakeServices) -> None:
    run, worker, attempt = _started(services)
    path = f"/api/v1/runs/{run.id}/log"
    with (
        _client(url, services) as client,
        client.stream("GET", path, params={"follow": True}) as answer,
    ):
        texts = _texts(answer)
        assert next(texts) == "(fetch running)"
        for number in range(3):
            written = time.monotonic()
            worker.write(attempt, "fetch", f"line {number}")
            assert next(texts) == f"line {number}"
            assert time.monotonic() - written < 1
        worker.end(attempt, Ending(RunState.FAILED, "it did not work"))
        assert list(texts) == ["(fetch failed)", "(deploy skipped)", "(end failed)"]


def test_many_readers_lose_no_line(url: str, services: FakeServices) -> None:
    run, worker, attempt = _started(services)
    path = f"/api/v1/runs/{run.id}/log"
    seen: list[list[str]] = [[] for _ in range(READERS)]
    reading = threading.Barrier(READERS + 1)

    def read(mine: list[str]) -> None:
        with (
            _client(url, services) as client,
            client.stream("GET", path, params={"follow": True}) as answer,
        ):
            reading.wait(20)
            mine += [text for text in _texts(answer) if text.startswith("line")]

    threads = [threading.Thread(target=read, args=(mine,)) for mine in seen]
    for thread in threads:
        thread.start()
    reading.wait(20)
    for number in range(LINES):
        worker.write(attempt, "fetch", f"line {number}")
    worker.end(attempt, Ending(RunState.SUCCEEDED))
    for thread in threads:
        thread.join(20)
    assert seen == [[f"line {number}" for number in range(LINES)]] * READERS


def test_a_reader_that_hangs_up_leaves_nothing_behind(url: str, services: FakeServices) -> None:
    run, worker, attempt = _started(services)
    path = f"/api/v1/runs/{run.id}/log"
    with _client(url, services) as client:
        for _ in range(3):
            with client.stream("GET", path, params={"follow": True}) as answer:
                assert next(_texts(answer)) == "(fetch running)"
        worker.end(attempt, Ending(RunState.SUCCEEDED))
        assert client.get(f"/api/v1/runs/{run.id}").json()["state"] == "succeeded"


def test_a_signed_out_browser_reads_on_for_less_than_five_seconds(
    url: str, services: FakeServices
) -> None:
    account = asyncio.run(come_in(services.people, "ben", "acme", Role.VIEWER))
    opened = services.signin.after_invitation(account, HERE)
    cookie = {"Cookie": f"{SESSION_COOKIE}={opened.secret.reveal()}"}
    run, worker, attempt = _started(services)
    path = f"{url}/api/v1/runs/{run.id}/log"
    with (
        httpx.Client(headers=cookie, timeout=20, trust_env=False) as browser,
        browser.stream("GET", path, params={"follow": True}) as answer,
    ):
        texts = _texts(answer)
        assert next(texts) == "(fetch running)"
        scope = services.sessions.authenticate(opened.secret.reveal())
        assert scope is not None
        services.sessions.revoke(scope, opened.session.id)
        ended = time.monotonic()
        assert list(texts) == []
        assert time.monotonic() - ended < 5
        assert browser.get(f"{url}/api/v1/whoami").status_code == 401
    worker.end(attempt, Ending(RunState.SUCCEEDED))
