"""Who did what, append-only and hash-chained."""

from guesthouse.audit.service import BadEntry, Entry, entries, is_recorded, record, verify

__all__ = ["BadEntry", "Entry", "entries", "is_recorded", "record", "verify"]
