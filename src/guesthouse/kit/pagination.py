"""Cursor pagination: a page holds its items and where the next one starts."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_NUMBER = 2**31 - 1
"""No row or line that is counted has a higher one; databases take no endless numbers."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list."""

    items: tuple[T, ...]
    next_cursor: str | None
    """Give this back to get the page that follows; None on the last one."""


def bounded_limit(limit: int | None) -> int:
    """Return how many items a page holds, between 1 and `MAX_LIMIT`."""
    if limit is None:
        return DEFAULT_LIMIT
    return max(1, min(limit, MAX_LIMIT))
