"""No audit row, no change: with the audit log out of order, nothing that is recorded happens."""

import sqlalchemy as sa

from guesthouse.db import Database
from guesthouse.edge.access import Access
from guesthouse.edge.origin import SAFE_METHODS
from guesthouse.edge.routes import admissions
from tests.unit.edge.asking import ask
from tests.unit.edge.world import World

USED = {"tokens": "last_used_at", "sessions": "seen_at"}
"""What says that somebody was here is no change."""
COUNTED = {"throttles", "idempotency_keys"}
"""Tries are counted whatever becomes of them."""


def _rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.reading() as transaction:
        inspector = sa.inspect(transaction.connection)
        found = {}
        for name in sorted(set(inspector.get_table_names()) - COUNTED - {"lost"}):
            columns = [
                c["name"] for c in inspector.get_columns(name) if c["name"] != USED.get(name)
            ]
            table = sa.table(name, *map(sa.column, columns))
            rows = transaction.connection.execute(sa.select(table)).fetchall()
            found[name] = sorted((tuple(row) for row in rows), key=repr)
    return found


def test_what_cannot_be_recorded_is_not_done(world: World) -> None:
    database, changed, refused = world.services.database, {}, 0
    for (path, method), admission in admissions(world.app).items():
        if method in SAFE_METHODS or admission.access is not Access.SIGNED_IN:
            continue
        world.as_it_was()
        with database.transaction() as transaction:
            transaction.connection.exec_driver_sql("alter table audit_entries rename to lost")
        before = _rows(database)
        status = ask(world, method, path, world.headers["operator"]).status
        after = _rows(database)
        if after != before:
            changed[method, path] = [name for name in after if after[name] != before[name]]
        refused += status == 500
    assert changed == {}
    assert refused > 20


def test_the_same_is_done_where_it_can_be_recorded(world: World) -> None:
    before = _rows(world.services.database)
    answer = ask(world, "POST", "/api/v1/partners", world.headers["operator"])
    assert answer.status == 201
    assert _rows(world.services.database) != before
