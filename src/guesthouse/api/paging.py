"""The parameters every list takes."""

from typing import Annotated

from fastapi import Query

from guesthouse.kit.pagination import MAX_LIMIT

Cursor = Annotated[
    str | None, Query(max_length=255, description="`next_cursor` of the page before.")
]
Limit = Annotated[int | None, Query(ge=1, le=MAX_LIMIT, description="How many items at most.")]
