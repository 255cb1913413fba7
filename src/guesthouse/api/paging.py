"""The parameters every list takes, and pages of what comes as a whole."""

from collections.abc import Callable, Iterable
from typing import Annotated, TypeVar

from fastapi import Query

from guesthouse.kit.pagination import MAX_LIMIT, Page, bounded_limit

Item = TypeVar("Item")
Cursor = Annotated[
    str | None, Query(max_length=255, description="`next_cursor` of the page before.")
]
Limit = Annotated[int | None, Query(ge=1, le=MAX_LIMIT, description="How many items at most.")]


def page_from(
    items: Iterable[Item],
    key: Callable[[Item], str],
    *,
    cursor: str | None,
    limit: int | None,
    newest_first: bool = False,
) -> Page[Item]:
    """Return a page of items that are few enough to come at once.

    Args:
        items: All of them.
        key: What they are sorted by; no two have the same.
        cursor: Key of the last item of the page before; None starts at the first.
        limit: How many; None is the usual number.
        newest_first: Whether the highest key comes first.
    """
    found = sorted(items, key=key, reverse=newest_first)
    if cursor is not None:
        found = [each for each in found if (key(each) > cursor) is not newest_first]
        found = [each for each in found if key(each) != cursor]
    size = bounded_limit(limit)
    page = tuple(found[:size])
    return Page(page, key(page[-1]) if len(found) > size else None)
