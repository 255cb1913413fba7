"""Lists, details and durations as a person reads them."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
GAP = "  "


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of a table, each column as wide as it must be; no rows, no lines."""
    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        return
    every = [[heading.upper() for heading in headings], *cells]
    widths = [max(len(row[index]) for row in every) for index in range(len(headings))]
    for row in every:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield GAP.join(padded).rstrip()


def details(pairs: Mapping[str, object]) -> Iterator[str]:
    """Yield a line for each pair that has a value."""
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        if value not in {None, ""}:
            yield f"{name.ljust(width)}{GAP}{_cell(value)}"


def duration(seconds: float | None) -> str:
    """Return a duration: ``850 ms``, ``12.3 s``, ``4 min 05 s``; empty for None."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), MINUTE)
    return f"{minutes} min {rest:02d} s"


def ago(time: str | None, now: dt.datetime) -> str:
    """Return how long ago a time of the API was."""
    if time is None:
        return ""
    seconds = max(0.0, (now - dt.datetime.fromisoformat(time)).total_seconds())
    for unit, size in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def short(commit: str | None) -> str:
    """Return the part of a commit that people read."""
    return (commit or "")[:12]


def _cell(value: Any) -> str:  # noqa: ANN401 - whatever the API says
    return "-" if value in {None, ""} else " ".join(str(value).split())
