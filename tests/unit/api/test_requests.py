"""Bodies, descriptions, gateways' questions, streams of those who lose their token."""

import datetime as dt
import json
from collections.abc import Callable

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from typing_extensions import override

from guesthouse.api import create_app
from guesthouse.api.app import MAX_BODY_BYTES
from guesthouse.db import Database
from guesthouse.db.tables import tokens
from guesthouse.environments.store import ArtifactStore
from tests.fakes.asgi import client_of
from tests.fakes.clock import START, FakeClock
from tests.fakes.running import HandWorker
from tests.fakes.services import (
    CA,
    COMMIT,
    ESTATE,
    LOCK,
    MEMBER,
    OPERATOR,
    FakeServices,
    fake_services,
)
from tests.unit.api.events import events_of

AUTHORISE = "/api/internal/authorise"
PLAN = "/api/v1/estate/plan"
APPLY = "/api/v1/estate/apply"
DOCUMENTS = {
    **ESTATE,
    "environments/second.yaml": (
        "{name: second, partner: acme, product: beacon, instance: local, phase: development}\n"
    ),
}


def test_a_plan_names_changes_and_a_fingerprint_that_apply_takes(operator: httpx.Client) -> None:
    body = {"documents": DOCUMENTS, "environment": "second"}
    plan = operator.post(PLAN, json=body).json()
    assert [(change["kind"], change["name"]) for change in plan["changes"]] == [("+", "second")]
    applied = operator.post(APPLY, json={**body, "expected": plan["fingerprint"]})
    assert applied.status_code == 202
    assert [run["environment"] for run in applied.json()["runs"]] == ["second"]


def test_apply_refuses_anything_but_what_was_shown(
    services: FakeServices, operator: httpx.Client
) -> None:
    body = {"documents": DOCUMENTS, "environment": "second", "expected": "another"}
    assert operator.post(APPLY, json=body).status_code == 409
    assert services.runs.list(OPERATOR).items == ()


def test_every_problem_of_an_estate_is_told_with_its_file(operator: httpx.Client) -> None:
    broken = {
        **ESTATE,
        "environments/acme.yaml": "{name: acme, partner: nobody, product: nothing}\n",
    }
    answer = operator.post(PLAN, json={"documents": broken})
    assert answer.status_code == 422
    assert len(answer.json()["problems"]) > 1
    assert {problem["where"].split(":")[0] for problem in answer.json()["problems"]} == {
        "environments/acme.yaml"
    }


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"{", id="no-json"),
        pytest.param(b"[]", id="no-object"),
        pytest.param(b'{"documents": {}, "extra": 1}', id="unknown-key"),
        pytest.param(b'{"documents": {"a": 1}}', id="wrong-type"),
    ],
)
def test_a_body_of_another_form_is_refused(operator: httpx.Client, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert operator.post(PLAN, content=content, headers=headers).status_code == 422


def test_strangers_bodies_are_not_even_read(anonymous: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    assert anonymous.post(PLAN, content=b"{", headers=headers).status_code == 401


def test_a_body_beyond_the_limit_is_refused(operator: httpx.Client) -> None:
    big = {"documents": {"estate.yaml": "#" * MAX_BODY_BYTES}}
    answer = operator.post(PLAN, json=big)
    assert (answer.status_code, answer.headers["content-type"]) == (
        413,
        "application/problem+json",
    )
    keyed = operator.post(PLAN, json=big, headers={"Idempotency-Key": "big"})
    assert keyed.status_code == 413


def test_a_deployment_takes_a_lock(services: FakeServices, operator: httpx.Client) -> None:
    run = operator.post("/api/v1/environments/acme/deploy", json={"locked": LOCK}).json()
    assert services.runs.get(OPERATOR, run["id"]).payload["locked"] == LOCK


def test_a_lock_of_another_form_is_refused(operator: httpx.Client) -> None:
    answer = operator.post("/api/v1/environments/acme/deploy", json={"locked": {"lock": 0}})
    assert answer.status_code == 422


def test_junit_is_handed_out_as_a_file(services: FakeServices, member: httpx.Client) -> None:
    run = services.environments.deploy(OPERATOR, "acme")
    with services.database.transaction() as transaction:
        ArtifactStore().put(
            OPERATOR,
            transaction,
            run.id,
            "junit.xml",
            media_type="application/xml",
            data=b"<testsuite/>",
            at=START,
        )
    answer = member.get(f"/api/v1/runs/{run.id}/junit")
    assert answer.content == b"<testsuite/>"
    assert answer.headers["content-disposition"].startswith("attachment")


def test_members_see_their_partner_and_what_runs_for_it(
    member: httpx.Client, outsider: httpx.Client, operator: httpx.Client
) -> None:
    names = [
        [item["name"] for item in client.get("/api/v1/partners").json()["items"]]
        for client in (member, outsider, operator)
    ]
    assert names == [["acme"], ["other"], ["acme", "other"]]
    (product,) = member.get("/api/v1/products").json()["items"]
    assert product["source"]["ref"] == "main"


def test_how_machines_are_reached_is_told_to_nobody_but_the_companys_people(
    member: httpx.Client, operator: httpx.Client
) -> None:
    assert member.get("/api/v1/instances/local").status_code == 403
    assert operator.get("/api/v1/instances/local").json()["facts"] == {"os": "Debian 12"}


def test_the_ca_is_a_plain_certificate(anonymous: httpx.Client) -> None:
    assert anonymous.get("/api/v1/ca").text == CA


def test_the_audit_log_is_read_in_pages(services: FakeServices, operator: httpx.Client) -> None:
    for _ in range(2):
        services.environments.deploy(OPERATOR, "acme")
    first = operator.get("/api/v1/audit", params={"limit": 3}).json()
    rest = operator.get("/api/v1/audit", params={"cursor": first["next_cursor"]}).json()
    sequences = [entry["sequence"] for entry in first["items"] + rest["items"]]
    assert sequences == [5, 4, 3, 2, 1]  # the first row is the token
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("environment", "token", "status"),
    [
        pytest.param("acme", "member", 204, id="own"),
        pytest.param("acme", "outsider", 403, id="others"),
        pytest.param("nothing", "member", 403, id="none"),
        pytest.param("acme", "anonymous", 401, id="no-token"),
    ],
)
def test_gateways_are_told_by_status_alone(
    request: pytest.FixtureRequest, environment: str, token: str, status: int
) -> None:
    client: httpx.Client = request.getfixturevalue(token)
    headers = {"X-Guesthouse-Environment": environment, "X-Guesthouse-Route": "app"}
    assert client.get(AUTHORISE, headers=headers).status_code == status


def test_the_description_tells_access_and_problems(operator: httpx.Client) -> None:
    document = operator.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    for operation in operations:
        assert operation["x-guesthouse-access"] in {"anyone", "signed-in", "itself"}
        assert "application/problem+json" in operation["responses"]["default"]["content"]
        assert "422" not in operation["responses"]
    assert "ProblemView" in document["components"]["schemas"]
    assert json.dumps(document).count("HTTPValidationError") == 0


class Acting(FakeClock):
    """Does something at a given moment of somebody's waiting."""

    at: dt.datetime | None = None
    act: Callable[[], None] | None = None

    @override
    async def sleep(self, duration: dt.timedelta) -> None:
        await super().sleep(duration)
        if self.act is not None and self.at is not None and self.now() >= self.at:
            act, self.act = self.act, None
            act()


@pytest.fixture
def acting() -> Acting:
    return Acting()


@pytest.fixture
def watched(
    database: Database, acting: Acting, tmp_path_factory: pytest.TempPathFactory
) -> FakeServices:
    return fake_services(database, acting, tmp_path_factory.mktemp("state"))


def test_a_stream_ends_soon_after_its_token_is_revoked(
    watched: FakeServices, acting: Acting
) -> None:
    run = watched.environments.deploy(OPERATOR, "acme")
    client = client_of(create_app(watched), watched.token(MEMBER))

    def revoke() -> None:
        with watched.database.transaction() as transaction:
            transaction.change(sa.update(tokens).values(revoked_at=acting.now()))

    acting.at, acting.act = acting.now() + dt.timedelta(seconds=11), revoke
    answer = client.get(f"/api/v1/runs/{run.id}/log", params={"follow": True})
    assert acting.now() - START <= dt.timedelta(seconds=16)
    assert events_of(answer.text) == []
    assert ": still here" in answer.text


def test_lines_written_while_somebody_reads_reach_them_once(
    watched: FakeServices, acting: Acting
) -> None:
    run = watched.environments.deploy(OPERATOR, "acme")
    worker = HandWorker(watched.database)
    acting.at = acting.now() + dt.timedelta(seconds=1)
    acting.act = lambda: worker.succeed(run)
    app: FastAPI = create_app(watched)
    client = client_of(app, watched.token(MEMBER))
    answer = client.get(f"/api/v1/runs/{run.id}/log", params={"follow": True})
    lines = [event.id for event in events_of(answer.text) if event.name == "line"]
    assert lines == [1, 2, 3, 4]
    assert COMMIT not in answer.text
