"""Read what Compose lets people write in several ways: sizes, durations, switches, text.

Each function takes a value from YAML and returns the one canonical value, or raises ``Unreadable``
with half a sentence (``should be …``).
"""

import math
import re
import shlex
from typing import Any

from guesthouse.stacks.yamlfile import Yaml

SIZE_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
DURATION_UNITS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
TRUE = frozenset({"true", "1", "t", "y", "yes", "on"})
MOST = 1e15
FALSE = frozenset({"false", "0", "f", "n", "no", "off"})

_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?) ?([bkmgt]?)(?:i?b)?", re.IGNORECASE)
_DURATION_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(us|µs|ms|s|m|h)")


class Unreadable(ValueError):
    """A value has no reading; the text says what it should be."""

    def __init__(self, value: Any, what: str) -> None:  # noqa: ANN401 - whatever was written
        super().__init__(what)
        self.written = shorten(value)


def as_text(value: Yaml) -> str:
    """Return a scalar as Compose would print it: 1.0 as ``1``, a switch as ``true``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < MOST else repr(value)
    if isinstance(value, int | str):
        return str(value)
    raise Unreadable(value, "should be text")


def as_flag(value: Yaml) -> bool:
    """Return a switch, in any spelling Compose takes."""
    if isinstance(value, bool):
        return value
    word = as_text(value).lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise Unreadable(value, "should be true or false")


def as_integer(value: Yaml) -> int:
    """Return a whole number."""
    number = as_number(value)
    if not number.is_integer():
        raise Unreadable(value, "should be a whole number")
    return int(number)


def as_number(value: Yaml) -> float:
    """Return a number."""
    if isinstance(value, bool) or value is None:
        raise Unreadable(value, "should be a number")
    try:
        number = float(as_text(value))
    except ValueError as exc:
        raise Unreadable(value, "should be a number") from exc
    if math.isnan(number) or abs(number) > MOST:
        raise Unreadable(value, "should be a number within reason")
    return number


def as_bytes(value: Yaml) -> int:
    """Return a size in bytes."""
    found = _SIZE.fullmatch(as_text(value).strip())
    if found is None:
        raise Unreadable(value, "should be a size such as 512m")
    return int(float(found[1]) * SIZE_UNITS[found[2].lower()])


def as_seconds(value: Yaml) -> float:
    """Return a duration in seconds."""
    text = as_text(value).strip()
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise Unreadable(value, "should be a duration such as 10s or 1m30s")
    return sum(float(number) * DURATION_UNITS[unit] for number, unit in parts)


def duration_text(seconds: float) -> str:
    """Return a duration as Compose reads it."""
    return f"{seconds:.0f}s" if float(seconds).is_integer() else f"{round(seconds * 1000)}ms"


def as_list(value: Yaml) -> list[Yaml]:
    """Return a list; one scalar is a list of one, nothing is none."""
    if value is None:
        return []
    if isinstance(value, dict):
        raise Unreadable(value, "should be a list")
    return list(value) if isinstance(value, list) else [value]


def as_texts(value: Yaml) -> list[str]:
    """Return a list of texts."""
    return [as_text(item) for item in as_list(value)]


def as_mapping(value: Yaml) -> dict[str, Yaml]:
    """Return a mapping; nothing is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable(value, "should be a mapping")
    return dict(value)


def as_pairs(value: Yaml, separator: str = "=") -> dict[str, str | None]:
    """Return ``{name: value}`` of a mapping or of a list of ``NAME=value``.

    A name without a value is None: Compose would look it up in its own environment.
    """
    if isinstance(value, dict):
        return {name: None if item is None else as_text(item) for name, item in value.items()}
    pairs: dict[str, str | None] = {}
    for item in as_texts(value):
        name, found, rest = item.partition(separator)
        pairs[name] = rest if found else None
    return pairs


def as_command(value: Yaml) -> list[str] | None:
    """Return the words of a command; a string is split as a shell would, nothing is None."""
    if value is None:
        return None
    if isinstance(value, str):
        return split_words(value)
    return as_texts(value)


def split_words(text: str) -> list[str]:
    """Return the words of a shell-like line."""
    try:
        return shlex.split(text)
    except ValueError as exc:
        raise Unreadable(text, "has a quote that is not closed") from exc


def shorten(value: Any, limit: int = 120) -> str:  # noqa: ANN401 - whatever was written
    """Return what was written, short enough for a finding."""
    text = " ".join(str(value).split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
