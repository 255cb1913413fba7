import dataclasses
import datetime as dt
import logging

import httpx
import pytest
from fastapi import FastAPI
from typing_extensions import override

from guesthouse.api import create_app
from guesthouse.db import Database
from guesthouse.environments.service import EnvironmentService
from guesthouse.errors import (
    Conflict,
    Denied,
    Failed,
    GuesthouseError,
    Invalid,
    NotFound,
    Problem,
    Unavailable,
)
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import Scope
from guesthouse.people.errors import TooManyAttempts
from guesthouse.runs import Json
from tests.fakes.asgi import client_of
from tests.fakes.services import OPERATOR, FakeServices

PROBLEM = "application/problem+json"
FIELDS = {"type", "title", "status", "detail", "next_step", "where", "facts", "problems"}


class Raising(EnvironmentService):
    error: Exception = GuesthouseError("unset")

    @override
    def lock(self, scope: Scope, name: str) -> Json:
        del scope, name
        raise self.error


def _raising(services: FakeServices, error: Exception) -> httpx.Client:
    environments = Raising(services.database, services.clock, services.runs)
    environments.error = error
    raising = dataclasses.replace(services, environments=environments)
    return client_of(create_app(raising), services.token(OPERATOR))


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        pytest.param(NotFound("gone"), 404, "not-found", id="not-found"),
        pytest.param(Denied("no"), 403, "denied", id="denied"),
        pytest.param(Conflict("busy"), 409, "conflict", id="conflict"),
        pytest.param(Invalid("bad"), 422, "invalid", id="invalid"),
        pytest.param(Unavailable("away"), 503, "unavailable", id="unavailable"),
        pytest.param(Failed("tried"), 500, "failed", id="failed"),
    ],
)
def test_each_kind_has_its_status(
    services: FakeServices, error: GuesthouseError, status: int, kind: str
) -> None:
    answer = _raising(services, error).get("/api/v1/environments/acme/lock")
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    body = answer.json()
    assert body.keys() == FIELDS
    assert (body["status"], body["type"]) == (status, f"urn:guesthouse:problem:{kind}")
    assert body["detail"] == error.sentence
    assert ("retry-after" in answer.headers) == (status == 503)


@pytest.mark.parametrize(("seconds", "told"), [(0.2, "1"), (30, "30"), (30.1, "31")])
def test_who_tries_too_often_is_told_when_to_come_back(
    services: FakeServices, seconds: float, told: str
) -> None:
    error = TooManyAttempts(dt.timedelta(seconds=seconds))
    answer = _raising(services, error).get("/api/v1/environments/acme/lock")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, told)
    assert answer.json()["type"] == "urn:guesthouse:problem:too-many-attempts"


def test_a_problem_carries_all_an_error_knows(services: FakeServices) -> None:
    error = Invalid(
        "two things are wrong",
        next_step="guesthouse plan",
        where="environments/acme.yaml",
        problems=[Problem("environments/acme.yaml: ref", "should be a string", "main")],
        detail="last lines",
    )
    body = _raising(services, error).get("/api/v1/environments/acme/lock").json()
    assert (body["next_step"], body["where"], body["facts"]) == (
        "guesthouse plan",
        "environments/acme.yaml",
        "last lines",
    )
    assert body["problems"] == [
        {"where": "environments/acme.yaml: ref", "what": "should be a string", "instead": "main"}
    ]


def test_an_error_nobody_foresaw_is_named_in_the_log_and_told_without_its_facts(
    services: FakeServices, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = _raising(services, RuntimeError("secret fact")).get(
            "/api/v1/environments/acme/lock"
        )
    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert "secret fact" not in answer.text
    request = answer.headers["x-request-id"]
    assert request in answer.json()["next_step"]
    assert [vars(record)["request"] for record in caplog.records] == [request]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/api/v1/nothing", 404, id="no-such-address"),
        pytest.param("GET", "/", 404, id="no-page"),
        pytest.param("GET", "/docs", 404, id="no-documentation"),
        pytest.param("GET", "/openapi.json", 404, id="no-open-description"),
        pytest.param("PUT", "/api/v1/runs", 405, id="no-such-method"),
        pytest.param("GET", "/api/v1/runs?limit=none", 422, id="not-a-number"),
        pytest.param("GET", "/api/v1/runs?limit=100000", 422, id="too-many"),
    ],
)
def test_wrong_requests_are_problems(
    operator: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = operator.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert answer.json().keys() == FIELDS


def test_a_wrong_method_names_the_right_ones(operator: httpx.Client) -> None:
    assert "GET" in operator.put("/api/v1/runs").headers["allow"]


def test_a_breach_names_its_place_but_not_the_value(operator: httpx.Client) -> None:
    body = operator.get("/api/v1/runs", params={"limit": "hunter2"}).json()
    assert [problem["where"] for problem in body["problems"]] == ["query/limit"]
    assert "hunter2" not in str(body["problems"])


def test_every_answer_forbids_caches_and_guessing(
    anonymous: httpx.Client, operator: httpx.Client
) -> None:
    for answer in (
        anonymous.get("/api/v1/health"),
        anonymous.get("/api/v1/runs"),
        operator.get("/api/v1/runs"),
        operator.get("/nothing"),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["x-request-id"].startswith("req_")


def test_an_answer_without_content_says_nothing_of_content(operator: httpx.Client) -> None:
    made = operator.post("/api/v1/tokens", json={"name": "short"})
    ended = operator.delete(f"/api/v1/tokens/{made.json()['id']}")
    assert (ended.status_code, ended.headers["cache-control"]) == (204, "no-store")
    assert ended.headers["x-request-id"].startswith("req_")
    assert not {"x-content-type-options", "content-security-policy"} & set(ended.headers)


def test_health_tells_when_the_database_is_away(services: FakeServices) -> None:
    away = Database(Sensitive("postgresql://nobody@127.0.0.1:1/nothing"))
    app: FastAPI = create_app(dataclasses.replace(services, database=away))
    answer = client_of(app).get("/api/v1/health")
    away.close()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["type"].endswith(":unavailable")
