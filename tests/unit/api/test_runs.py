import json

import httpx

from guesthouse.runs import Run, RunState
from guesthouse.runs.model import Ending
from tests.fakes.running import HandWorker
from tests.fakes.services import OPERATOR, FakeServices
from tests.unit.api.events import events_of

LOG = "/api/v1/runs/{}/log"


def _deploy(services: FakeServices, name: str = "acme") -> Run:
    return services.environments.deploy(OPERATOR, name)


def test_lists_go_on_where_the_page_before_ended(
    services: FakeServices, operator: httpx.Client
) -> None:
    ids = [_deploy(services).id for _ in range(3)]
    first = operator.get("/api/v1/runs", params={"limit": 2}).json()
    rest = operator.get("/api/v1/runs", params={"cursor": first["next_cursor"]}).json()
    assert sorted(run["id"] for run in first["items"] + rest["items"]) == sorted(ids)
    assert rest["next_cursor"] is None


def test_a_run_shows_its_steps_and_where_their_time_went(
    services: FakeServices, worker: HandWorker, operator: httpx.Client
) -> None:
    run = _deploy(services)
    worker.succeed(run)
    shown = operator.get(f"/api/v1/runs/{run.id}").json()
    assert shown["state"] == "succeeded"
    assert [(step["name"], step["timings"]) for step in shown["steps"]] == [
        ("fetch", {"build": 1.5}),
        ("deploy", {"build": 1.5}),
    ]


def test_the_log_comes_as_json_lines_from_any_line_on(
    services: FakeServices, worker: HandWorker, operator: httpx.Client
) -> None:
    run = _deploy(services)
    worker.succeed(run)
    answer = operator.get(LOG.format(run.id), params={"after": 1, "limit": 2})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert [(line["sequence"], line["text"]) for line in lines] == [
        (2, "fetch two"),
        (3, "deploy one"),
    ]


def test_following_shows_steps_around_their_lines_and_ends_with_the_run(
    services: FakeServices, worker: HandWorker, operator: httpx.Client
) -> None:
    run = _deploy(services)
    worker.succeed(run)
    answer = operator.get(LOG.format(run.id), params={"follow": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [event.short for event in events_of(answer.text)] == [
        "step fetch running",
        "line 1 fetch one",
        "line 2 fetch two",
        "step fetch succeeded",
        "step deploy running",
        "line 3 deploy one",
        "line 4 deploy two",
        "step deploy succeeded",
        "end succeeded",
    ]


def test_a_reader_that_reconnects_neither_loses_nor_doubles_a_line(
    services: FakeServices, worker: HandWorker, operator: httpx.Client
) -> None:
    run = _deploy(services)
    worker.succeed(run)
    whole = events_of(operator.get(LOG.format(run.id), params={"follow": True}).text)
    for seen in range(5):
        answer = operator.get(
            LOG.format(run.id), params={"follow": True}, headers={"Last-Event-ID": str(seen)}
        )
        lines = [event.id for event in events_of(answer.text) if event.name == "line"]
        assert lines == [event.id for event in whole if event.name == "line"][seen:]


def test_a_long_log_is_followed_to_its_last_line(
    services: FakeServices, worker: HandWorker, operator: httpx.Client
) -> None:
    run = _deploy(services)
    attempt = worker.start(run)
    worker.begin_step(attempt, 0)
    worker.write(attempt, "fetch", *(f"line {number}" for number in range(1500)))
    worker.end_step(attempt, 0, {})
    worker.begin_step(attempt, 1)
    worker.write(attempt, "deploy", "the last")
    worker.end(attempt, Ending(RunState.FAILED, "it did not work"))
    events = events_of(operator.get(LOG.format(run.id), params={"follow": True}).text)
    assert [event.id for event in events if event.name == "line"] == [*range(1, 1502)]
    assert [event.short for event in events if event.name == "step"] == [
        "step fetch running",
        "step fetch succeeded",
        "step deploy running",
        "step deploy failed",
    ]
    assert events[-4].short == "step deploy running"


def test_cancelling_ends_a_queued_run_once(services: FakeServices, operator: httpx.Client) -> None:
    run = _deploy(services)
    assert operator.post(f"/api/v1/runs/{run.id}/cancel").json()["state"] == "cancelled"
    again = operator.post(f"/api/v1/runs/{run.id}/cancel")
    assert again.status_code == 409
    assert again.json()["next_step"] == f"guesthouse run show {run.id}"
