"""The audit log: found by what stands in the address, taken along, and proven."""

import html
import re

import httpx
import pytest
import sqlalchemy as sa

from guesthouse import audit
from guesthouse.db.tables import audit_entries
from guesthouse.people import ActorKind, operator_scope
from tests.unit.web.browsing import Street, error_at


@pytest.fixture
def olga(street: Street) -> httpx.Client:
    street.member("dana")
    street.member("otto", "other")
    return street.operator("olga")


def _rows(answer: httpx.Response) -> list[int]:
    return [int(row) for row in re.findall(r'<tr id="row-(\d+)">', answer.text)]


def test_the_newest_row_comes_first(olga: httpx.Client) -> None:
    rows = _rows(olga.get("/audit"))
    assert rows == sorted(rows, reverse=True)
    assert len(rows) > 5


@pytest.mark.parametrize(
    ("query", "within"),
    [
        ("actor=dana", "dana"),
        ("action=invitation.", "invitation.accept"),
        ("partner=other", "invitation/other"),
        ("object=account/otto", "account/otto"),
    ],
)
def test_a_filter_in_the_address_narrows(olga: httpx.Client, query: str, within: str) -> None:
    everything, found = _rows(olga.get("/audit")), olga.get(f"/audit?{query}")
    assert 0 < len(_rows(found)) < len(everything)
    assert within in found.text


def test_a_span_of_time_is_read_as_utc(olga: httpx.Client) -> None:
    assert _rows(olga.get("/audit?since=2026-01-02T03:00&until=2026-01-03")) != []
    assert _rows(olga.get("/audit?until=2026-01-02T03:00")) == []
    assert _rows(olga.get("/audit?since=2026-01-02T04:00%2B01:00")) != []


@pytest.mark.parametrize(
    "query", ["until=0001-01-01T00:00%2B12:00", "since=9999-12-31T23:59-12:00"]
)
@pytest.mark.parametrize("path", ["/audit", "/api/v1/audit"])
def test_the_ends_of_time_hold_no_row(olga: httpx.Client, path: str, query: str) -> None:
    answer = olga.get(f"{path}?{query}")
    assert answer.status_code == 200
    assert _rows(answer) == []


@pytest.mark.parametrize("path", ["/audit?before=", "/api/v1/audit?cursor="])
def test_a_number_no_row_can_have_is_no_number(olga: httpx.Client, path: str) -> None:
    assert olga.get(f"{path}99999999999999999999").status_code == 422


def test_a_time_that_is_none_is_said_at_its_field(olga: httpx.Client) -> None:
    answer = olga.get("/audit?since=yesterday")
    assert answer.status_code == 422
    assert error_at(answer, "since").startswith("Write it like")
    assert _rows(answer) == []


def test_pages_follow_one_another_and_keep_the_filter(street: Street, olga: httpx.Client) -> None:
    with street.services.database.transaction() as transaction:
        for number in range(60):
            audit.record(transaction, operator_scope("robot"), "test.done", f"thing/{number}")
    first = olga.get("/audit?actor=robot")
    assert len(_rows(first)) == 50
    (following,) = re.findall(r'href="(/audit\?actor=robot&amp;before=\d+)"', first.text)
    second = olga.get(html.unescape(following))
    assert len(_rows(second)) == 10
    assert not set(_rows(first)) & set(_rows(second))


def test_the_files_hold_the_same_rows(olga: httpx.Client) -> None:
    page = olga.get("/audit?actor=dana&partner=acme")
    links = re.findall(r'href="(/api/v1/audit/export\?[^"]+)"', page.text)
    assert len(links) == 2
    file = olga.get(html.unescape(links[0]))
    assert len(file.text.splitlines()) == len(_rows(page))


def test_the_chain_holds(olga: httpx.Client) -> None:
    answer = olga.get("/audit/verify")
    assert "It holds, all" in answer.text
    (mark,) = re.findall(r"\d+:[0-9a-f]{64}", answer.text)[:1]
    assert "still has the row you noted" in olga.get(f"/audit/verify?noted={mark}").text


def test_a_changed_row_is_named(street: Street, olga: httpx.Client) -> None:
    with street.services.database.transaction() as transaction:
        # The table refuses it; whoever owns the database can take that away.
        transaction.connection.exec_driver_sql("DROP TRIGGER audit_entries_no_update")
        changed = sa.update(audit_entries).where(audit_entries.c.sequence == 3)
        transaction.change(changed.values(actor="nobody"))
    assert "It does not hold from row 3 on" in olga.get("/audit/verify").text


@pytest.mark.parametrize("noted", ["nonsense", "1:00", "0:" + "a" * 64])
def test_what_is_no_mark_is_said_at_its_field(olga: httpx.Client, noted: str) -> None:
    answer = olga.get("/audit/verify", params={"noted": noted})
    assert answer.status_code == 422
    assert error_at(answer, "noted")


def test_the_command_below_says_the_same_filters(olga: httpx.Client) -> None:
    text = html.unescape(olga.get("/audit?actor=o'neill&action=run.").text)
    assert "guesthouse audit list --actor 'o'\\''neill' --action run." in text


def test_auditors_read_it_and_members_do_not(street: Street) -> None:
    auditor, dana = street.operator("andy", ActorKind.AUDITOR), street.member("dana")
    for path in ("/audit", "/audit/verify"):
        assert auditor.get(path).status_code == 200
        assert dana.get(path).status_code == 403


def test_what_somebody_called_themselves_stays_text(street: Street, olga: httpx.Client) -> None:
    street.services.devices.begin("<script>alert(1)</script>")
    code = street.services.devices.begin("<b onclick=x>bold</b>").user_code
    olga.post("/device", data={"code": code, "answer": "refuse"})
    text = olga.get("/audit?action=device.").text
    assert "<b onclick" not in text
    assert "&lt;b onclick=x&gt;" in text
