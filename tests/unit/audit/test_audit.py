import datetime as dt

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from guesthouse import audit
from guesthouse.db import Database
from guesthouse.errors import Denied
from guesthouse.people import member_scope, operator_scope, system_scope
from tests.fakes.clock import FakeClock

ANNA = operator_scope("anna")


def _record(database: Database, clock: FakeClock, count: int = 3) -> None:
    with database.transaction() as transaction:
        for number in range(count):
            name = f"environment/e{number}"
            audit.record(transaction, ANNA, "environment.create", name, {"n": number}, clock)


def _verify(database: Database) -> audit.BadEntry | None:
    with database.reading() as transaction:
        return audit.verify(transaction)


def _tamper(database: Database, statement: str) -> None:
    """Change rows as someone with the database's own rights could."""
    with database.transaction() as transaction:
        for verb in ("update", "delete"):
            transaction.connection.exec_driver_sql(f"DROP TRIGGER audit_entries_no_{verb}")
        transaction.connection.exec_driver_sql(statement)


def test_an_untouched_chain_holds(database: Database, clock: FakeClock) -> None:
    assert _verify(database) is None
    _record(database, clock)
    _record(database, clock)
    assert _verify(database) is None


@pytest.mark.parametrize(
    ("statement", "sequence"),
    [
        pytest.param("UPDATE audit_entries SET actor = 'eve' WHERE sequence = 2", 2, id="edit"),
        pytest.param("DELETE FROM audit_entries WHERE sequence = 1", 1, id="cut-first"),
        pytest.param("DELETE FROM audit_entries WHERE sequence = 2", 2, id="cut-middle"),
        pytest.param(
            "UPDATE audit_entries SET previous = hash WHERE sequence = 3", 3, id="relink"
        ),
        pytest.param(
            "INSERT INTO audit_entries SELECT 0, at, actor, actor_kind, action, object, detail,"
            " previous, hash, partner FROM audit_entries WHERE sequence = 1",
            1,
            id="put-before-the-first",
        ),
        pytest.param(
            "INSERT INTO audit_entries SELECT 9, at, actor, actor_kind, action, object, detail,"
            " previous, hash, partner FROM audit_entries WHERE sequence = 3",
            4,
            id="put-after-the-last",
        ),
    ],
)
def test_verify_names_the_first_bad_row(
    database: Database, clock: FakeClock, statement: str, sequence: int
) -> None:
    _record(database, clock)
    _tamper(database, statement)
    bad = _verify(database)
    assert bad is not None
    assert bad.sequence == sequence


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entries SET actor = 'eve'", "DELETE FROM audit_entries"]
)
def test_the_database_refuses_changes(
    database: Database, clock: FakeClock, statement: str
) -> None:
    _record(database, clock)
    with pytest.raises(IntegrityError), database.transaction() as transaction:
        transaction.connection.execute(sa.text(statement))


def _newest(database: Database) -> audit.Mark:
    with database.reading() as transaction:
        found = audit.newest(transaction)
    assert found is not None
    return found


def _against(database: Database, noted: audit.Mark) -> audit.BadEntry | None:
    with database.reading() as transaction:
        return audit.verify(transaction, noted)


def test_a_chain_that_went_on_holds_against_what_was_noted(
    database: Database, clock: FakeClock
) -> None:
    _record(database, clock)
    noted = audit.mark_of(str(_newest(database)))
    _record(database, clock)
    assert _against(database, noted) is None


def test_a_cut_off_end_shows_by_what_was_noted(database: Database, clock: FakeClock) -> None:
    _record(database, clock)
    noted = _newest(database)
    _tamper(database, "DELETE FROM audit_entries WHERE sequence > 1")
    assert _verify(database) is None
    bad = _against(database, noted)
    assert bad is not None
    assert bad.sequence == 2


def test_a_chain_written_anew_shows_by_what_was_noted(
    database: Database, clock: FakeClock
) -> None:
    _record(database, clock)
    noted = _newest(database)
    _tamper(database, "DELETE FROM audit_entries")
    _record(database, clock, count=1)
    clock.advance(dt.timedelta(seconds=1))
    _record(database, clock)
    assert _verify(database) is None
    bad = _against(database, noted)
    assert bad is not None
    assert bad.sequence == noted.sequence


@pytest.mark.parametrize(
    "text", ["", "3", "3:", "0:" + "a" * 64, "3:" + "a" * 63, "x:" + "a" * 64]
)
def test_what_is_no_mark_is_said(text: str) -> None:
    with pytest.raises(audit.MarkInvalid):
        audit.mark_of(text)


def test_without_a_row_there_is_nothing_to_note(database: Database) -> None:
    with database.reading() as transaction:
        assert audit.newest(transaction) is None


def test_a_dropped_transaction_leaves_no_row(database: Database, clock: FakeClock) -> None:
    def fail() -> None:
        with database.transaction() as transaction:
            audit.record(transaction, ANNA, "environment.create", "environment/x", {}, clock)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.reading() as transaction:
        assert audit.entries(transaction, system_scope()) == ()


def test_entries_come_newest_first_in_pages(database: Database, clock: FakeClock) -> None:
    _record(database, clock)
    with database.reading() as transaction:
        page = audit.entries(transaction, ANNA, limit=2)
        rest = audit.entries(transaction, ANNA, before=page[-1].sequence)
    assert [entry.sequence for entry in (*page, *rest)] == [3, 2, 1]
    assert page[0].detail == {"n": 2}


def test_members_of_no_partner_read_no_audit(database: Database) -> None:
    with pytest.raises(Denied), database.reading() as transaction:
        audit.entries(transaction, member_scope("ben", frozenset()))


def test_members_read_the_rows_of_their_partner(database: Database, clock: FakeClock) -> None:
    _record(database, clock)
    with database.transaction() as transaction:
        for name in ("member/acme/ben", "member/other/eve", "partner/acme", "invitation/inv_1"):
            audit.record(transaction, ANNA, "x", name, {}, clock)
    with database.reading() as transaction:
        found = audit.entries(transaction, member_scope("ben", frozenset({"acme"})))
    assert [entry.object for entry in found] == ["partner/acme", "member/acme/ben"]
    assert _verify(database) is None


@pytest.mark.parametrize(
    ("statement", "sequence"),
    [
        ("UPDATE audit_entries SET partner = NULL WHERE sequence = 1", 1),
        ("UPDATE audit_entries SET partner = 'acme' WHERE sequence = 2", 2),
    ],
    ids=["taken", "given"],
)
def test_verify_notices_that_the_partner_of_a_row_was_changed(
    database: Database, clock: FakeClock, statement: str, sequence: int
) -> None:
    with database.transaction() as transaction:
        audit.record(transaction, ANNA, "x", "member/other/eve", {}, clock)
        audit.record(transaction, ANNA, "x", "account/eve", {}, clock)
    _tamper(database, statement)
    bad = _verify(database)
    assert bad is not None
    assert bad.sequence == sequence
