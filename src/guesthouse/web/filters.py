"""Filters that live in the address of a list."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from guesthouse.runs import RunState

GROUPS: Final[Mapping[str, frozenset[RunState]]] = {
    "active": frozenset({RunState.QUEUED, RunState.RUNNING}),
    "succeeded": frozenset({RunState.SUCCEEDED}),
    "failed": frozenset({RunState.FAILED, RunState.LOST}),
    "cancelled": frozenset({RunState.CANCELLED}),
}
"""By the word that stands in the address."""
STATE_OPTIONS: Final = (
    ("", "Every state"),
    ("active", "Queued or running"),
    ("failed", "Failed or lost"),
    ("succeeded", "Succeeded"),
    ("cancelled", "Cancelled"),
)


def states_of(word: str) -> frozenset[RunState] | None:
    """Return the states a filter stands for; None, so all, for a word that is no filter."""
    return GROUPS.get(word)


def address(path: str, **parameters: str | None) -> str:
    """Return an address with those parameters that have a value."""
    kept = {name: value for name, value in parameters.items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path
