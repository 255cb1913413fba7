"""Who did what, append-only and hash-chained."""

from guesthouse.audit.service import BadEntry, Entry, entries, record, verify

__all__ = ["BadEntry", "Entry", "entries", "record", "verify"]
