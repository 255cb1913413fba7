"""Who did what, append-only and hash-chained."""

from guesthouse.audit.service import (
    BadEntry,
    Entry,
    Mark,
    MarkInvalid,
    entries,
    is_recorded,
    mark_of,
    newest,
    record,
    verify,
)

__all__ = [
    "BadEntry",
    "Entry",
    "Mark",
    "MarkInvalid",
    "entries",
    "is_recorded",
    "mark_of",
    "newest",
    "record",
    "verify",
]
