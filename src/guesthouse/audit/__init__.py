"""Who did what, append-only and hash-chained."""

from guesthouse.audit.export import Form, export
from guesthouse.audit.service import (
    EVERY,
    AuditTrail,
    BadEntry,
    Entry,
    Filters,
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
    "EVERY",
    "AuditTrail",
    "BadEntry",
    "Entry",
    "Filters",
    "Form",
    "Mark",
    "MarkInvalid",
    "entries",
    "export",
    "is_recorded",
    "mark_of",
    "newest",
    "record",
    "verify",
]
