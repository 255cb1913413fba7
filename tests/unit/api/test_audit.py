"""The audit log over HTTP: narrowed, taken away, and what is read of it."""

import csv
import io
import json

import httpx
import pytest

from tests.fakes.services import MEMBER, OPERATOR, FakeServices

V1 = "/api/v1"


@pytest.fixture
def told(services: FakeServices) -> FakeServices:
    """Services with a log to look at."""
    run = services.environments.deploy(MEMBER, "acme")
    services.runs.open_log(MEMBER, run.id, after=0)
    services.environments.deploy(OPERATOR, "other")
    return services


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"actor": "member"}, 3, id="actor"),
        pytest.param({"action": "environment."}, 2, id="beginning-of-action"),
        pytest.param({"action": "run.read_log"}, 1, id="action"),
        pytest.param({"object": "environment/other"}, 1, id="object"),
        pytest.param({"partner": "other"}, 2, id="partner"),
        pytest.param({"environment": "acme"}, 3, id="environment-and-its-runs"),
        pytest.param({"actor": "member", "action": "environment."}, 1, id="both"),
        pytest.param({"since": "2027-01-01T00:00:00Z"}, 0, id="since"),
        pytest.param({"until": "2026-01-01T00:00:00Z"}, 0, id="until"),
        pytest.param({"action": "%"}, 0, id="no-pattern"),
    ],
)
def test_rows_are_narrowed(
    told: FakeServices, operator: httpx.Client, query: dict[str, str], expected: int
) -> None:
    assert told is not None
    assert len(operator.get(f"{V1}/audit", params=query).json()["items"]) == expected


def test_a_filter_of_another_form_is_refused(operator: httpx.Client) -> None:
    assert operator.get(f"{V1}/audit", params={"since": "yesterday"}).status_code == 422


def test_an_export_holds_what_is_there_as_a_file_and_is_recorded(
    told: FakeServices, operator: httpx.Client
) -> None:
    assert told is not None
    answer = operator.get(f"{V1}/audit/export", params={"partner": "acme"})
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    disposition = answer.headers["content-disposition"]
    assert disposition == 'attachment; filename="guesthouse-audit-20260102T030405Z.jsonl"'
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert [row["action"] for row in rows] == [
        "environment.change",
        "run.queued",
        "run.read_log",
    ]
    (recorded,) = operator.get(f"{V1}/audit", params={"action": "audit.export"}).json()["items"]
    assert recorded["detail"] == {"form": "json_lines", "filters": {"partner": "acme"}}


def test_an_export_comes_as_csv_too(told: FakeServices, operator: httpx.Client) -> None:
    assert told is not None
    answer = operator.get(f"{V1}/audit/export", params={"format": "csv", "actor": "member"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].endswith('.csv"')
    head, *rows = csv.reader(io.StringIO(answer.text))
    assert (head[0], len(rows)) == ("sequence", 3)
    refused = operator.get(f"{V1}/audit/export", params={"format": "xlsx"})
    assert refused.status_code == 422


def test_the_activity_of_an_environment_comes_in_pages(
    told: FakeServices, member: httpx.Client, outsider: httpx.Client
) -> None:
    assert told is not None
    address = f"{V1}/environments/acme/activity"
    first = member.get(address, params={"limit": 2}).json()
    rest = member.get(address, params={"cursor": first["next_cursor"]}).json()
    actions = [row["action"] for row in first["items"] + rest["items"]]
    assert actions == ["run.read_log", "run.queued", "environment.change"]
    assert outsider.get(address).status_code == 404
