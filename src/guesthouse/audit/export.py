"""The audit log as a file: JSON lines, or CSV for spreadsheets."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict, astuple, fields
from enum import Enum

from guesthouse.audit.service import EVERY, Entry, Filters, following, record
from guesthouse.db import Database
from guesthouse.kit.clock import Clock
from guesthouse.people import Scope

BATCH = 1000
FORMULA = frozenset("=+-@\t\r")
"""What a spreadsheet would take for the start of a formula."""


class Form(Enum):
    """What the file looks like; the value is its media type."""

    JSON_LINES = "application/x-ndjson"
    CSV = "text/csv; charset=utf-8"


def export(
    database: Database, clock: Clock, scope: Scope, form: Form, filters: Filters = EVERY
) -> Iterator[str]:
    """Return the lines of a file, oldest row first; that it was taken is recorded.

    Args:
        database: Read in batches while the lines are taken, so that no file is too big.
        clock: Gives the time of the row that records it.
        scope: Operators and auditors get all rows, members those of their partners.
        form: What the file looks like.
        filters: Which rows.

    Raises:
        NotPermitted: The caller may read no row at all.
    """
    with database.transaction() as transaction:
        following(transaction, scope, filters, after=0, limit=1)
        detail = {"form": form.name.lower(), "filters": _told(filters)}
        record(transaction, scope, "audit.export", "audit", detail, clock)
    match form:
        case Form.JSON_LINES:
            return _json_lines(database, scope, filters)
        case Form.CSV:
            return _csv(database, scope, filters)


def _json_lines(database: Database, scope: Scope, filters: Filters) -> Iterator[str]:
    for entry in _entries(database, scope, filters):
        yield json.dumps(asdict(entry), ensure_ascii=False, separators=(",", ":")) + "\n"


def _csv(database: Database, scope: Scope, filters: Filters) -> Iterator[str]:
    yield _row([field.name for field in fields(Entry)])
    for entry in _entries(database, scope, filters):
        yield _row([_cell(value) for value in astuple(entry)])


def _entries(database: Database, scope: Scope, filters: Filters) -> Iterator[Entry]:
    after = 0
    while True:
        with database.reading() as transaction:
            batch = following(transaction, scope, filters, after=after, limit=BATCH)
        yield from batch
        if len(batch) < BATCH:
            return
        after = batch[-1].sequence


def _row(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cell(value: object) -> str:
    """Return a cell that stays text: an actor called ``=cmd()`` runs nothing."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in FORMULA else text


def _told(filters: Filters) -> dict[str, str]:
    return {name: str(value) for name, value in asdict(filters).items() if value is not None}
