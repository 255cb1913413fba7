"""Filters and exports of the audit log, who may read what of it, and rows from before."""

import csv
import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from guesthouse import audit
from guesthouse.audit.service import GENESIS, _hash
from guesthouse.db import Database, upgrade
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import auditor_scope, member_scope, operator_scope, system_scope
from guesthouse.people.errors import NotPermitted
from guesthouse.people.model import Action, Role
from guesthouse.people.scope import Narrowing, Scope, anonymous_scope, narrowed
from tests.fakes.clock import START, FakeClock

OPERATOR = operator_scope("operator")
AUDITOR = auditor_scope("auditor")
VIEWER = member_scope("viewer", frozenset({"acme"}), Role.VIEWER)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def log(database: Database, clock: FakeClock) -> Database:
    """Four rows, an hour apart."""
    rows = (
        (OPERATOR, "partner.add", "partner/acme"),
        (OPERATOR, "partner.add", "partner/other"),
        (VIEWER, "member.remove", "member/acme/ben"),
        (system_scope(), "partnership_x", "account/ben"),
    )
    for scope, action, about in rows:
        with database.transaction() as transaction:
            audit.record(transaction, scope, action, about, {}, clock)
        clock.advance(HOUR)
    return database


def _found(log: Database, filters: audit.Filters, scope: Scope = OPERATOR) -> list[int]:
    with log.reading() as transaction:
        return [row.sequence for row in audit.entries(transaction, scope, filters)]


@pytest.mark.parametrize(
    ("filters", "sequences"),
    [
        pytest.param(audit.Filters(), [4, 3, 2, 1], id="all"),
        pytest.param(audit.Filters(actor="operator"), [2, 1], id="actor"),
        pytest.param(audit.Filters(action="partner."), [2, 1], id="action"),
        pytest.param(audit.Filters(action="partner_"), [], id="no-wildcard"),
        pytest.param(audit.Filters(action="%"), [], id="no-percent"),
        pytest.param(audit.Filters(object="partner/acme"), [1], id="object"),
        pytest.param(audit.Filters(partner="acme"), [3, 1], id="partner"),
        pytest.param(audit.Filters(since=START + HOUR), [4, 3, 2], id="since"),
        pytest.param(audit.Filters(until=START + HOUR), [1], id="until"),
        pytest.param(audit.Filters(actor="operator", partner="other"), [2], id="both"),
        pytest.param(
            audit.Filters(since=(START + HOUR).astimezone(dt.timezone(dt.timedelta(hours=5)))),
            [4, 3, 2],
            id="another-zone",
        ),
    ],
)
def test_filters(log: Database, filters: audit.Filters, sequences: list[int]) -> None:
    assert _found(log, filters) == sequences


@pytest.mark.parametrize(
    ("scope", "sequences"),
    [
        pytest.param(OPERATOR, [4, 3, 2, 1], id="operator"),
        pytest.param(AUDITOR, [4, 3, 2, 1], id="auditor"),
        pytest.param(VIEWER, [3, 1], id="viewer"),
        pytest.param(
            narrowed(OPERATOR, Narrowing("t", None, frozenset({"other"}))), [2], id="one-partner"
        ),
        pytest.param(
            narrowed(OPERATOR, Narrowing("t", frozenset({Action.ACTIVITY_READ}))),
            [3, 2, 1],
            id="activity-alone",
        ),
    ],
)
def test_everybody_reads_what_is_theirs(log: Database, scope: Scope, sequences: list[int]) -> None:
    assert _found(log, audit.Filters(), scope) == sequences
    assert _found(log, audit.Filters(partner="other"), scope) == [s for s in sequences if s == 2]


@pytest.mark.parametrize(
    "scope",
    [
        anonymous_scope(),
        member_scope("nobody", frozenset()),
        narrowed(VIEWER, Narrowing("t", frozenset({Action.RUN_READ}))),
        narrowed(OPERATOR, Narrowing("t", frozenset({Action.RUN_READ}))),
    ],
    ids=["anonymous", "of-no-partner", "token", "token-of-an-operator"],
)
def test_others_read_nothing(log: Database, clock: FakeClock, scope: Scope) -> None:
    with pytest.raises(NotPermitted):
        _found(log, audit.Filters(), scope)
    with pytest.raises(NotPermitted):
        audit.export(log, clock, scope, audit.Form.CSV)
    assert len(_found(log, audit.Filters())) == 4


def test_json_lines_hold_every_row_oldest_first(log: Database, clock: FakeClock) -> None:
    lines = audit.export(
        log, clock, AUDITOR, audit.Form.JSON_LINES, audit.Filters(actor="operator")
    )
    found: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert [row["sequence"] for row in found] == [1, 2]
    assert found[0]["object"] == "partner/acme"
    assert found[0]["partner"] == "acme"


def test_that_it_was_exported_is_recorded(log: Database, clock: FakeClock) -> None:
    audit.export(log, clock, VIEWER, audit.Form.CSV, audit.Filters(partner="acme"))
    with log.reading() as transaction:
        (row, *_) = audit.entries(transaction, OPERATOR)
    assert (row.actor, row.action) == ("viewer", "audit.export")
    assert row.detail == {"form": "csv", "filters": {"partner": "acme"}}


def test_an_export_takes_more_rows_than_one_batch(database: Database, clock: FakeClock) -> None:
    with database.transaction() as transaction:
        for number in range(1500):
            audit.record(transaction, OPERATOR, "x", f"y/{number}", {}, clock)
    lines = list(audit.export(database, clock, OPERATOR, audit.Form.JSON_LINES))
    assert len({json.loads(line)["sequence"] for line in lines}) == len(lines) == 1501


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(database: Database, clock: FakeClock, start: str) -> None:
    about = f"{start}cmd|'/C calc'!A0"
    with database.transaction() as transaction:
        audit.record(transaction, OPERATOR, "x", about, {"a": '="b", "c"\n'}, clock)
    text = "".join(audit.export(database, clock, OPERATOR, audit.Form.CSV))
    header, row, _ = csv.reader(io.StringIO(text, newline=""))
    cells = dict(zip(header, row, strict=True))
    assert cells["object"] == f"'{about}"
    assert json.loads(cells["detail"]) == {"a": '="b", "c"\n'}
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


def test_rows_from_before_partners_were_kept_hold_still(tmp_path: Path, clock: FakeClock) -> None:
    database = Database(Sensitive(f"sqlite:///{tmp_path / 'old.sqlite'}"))
    upgrade(database, "0006")
    previous = GENESIS
    with database.transaction() as transaction:
        for sequence in (1, 2):
            row = {
                "sequence": sequence,
                "at": START.isoformat(),
                "actor": "operator",
                "actor_kind": "operator",
                "action": "partner.add",
                "object": "partner/acme",
                "detail": "{}",
            }
            kept = {**row, "previous": previous, "hash": _hash(previous, row)}
            names = ", ".join(kept)
            marks = ", ".join(f":{name}" for name in kept)
            insert = f"INSERT INTO audit_entries ({names}) VALUES ({marks})"  # noqa: S608 - ours
            transaction.connection.execute(sa.text(insert), kept)
            previous = str(kept["hash"])
    upgrade(database)
    with database.transaction() as transaction:
        audit.record(transaction, OPERATOR, "partner.add", "partner/acme", {}, clock)
        assert audit.verify(transaction) is None
        found = audit.entries(transaction, OPERATOR)
    assert [row.partner for row in found] == ["acme", None, None]
    with pytest.raises(sa.exc.IntegrityError), database.transaction() as transaction:
        transaction.connection.execute(sa.text("UPDATE audit_entries SET partner = 'acme'"))
    database.close()
