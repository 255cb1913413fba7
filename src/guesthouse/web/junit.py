"""Reads a JUnit file a product wrote. Its text is foreign; only these few values leave here."""

import math
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

from guesthouse.errors import Invalid

MAX_BYTES: Final = 4 * 1024 * 1024
MAX_CASES: Final = 2000
MAX_TEXT: Final = 4000
OUTCOMES: Final = {"failure": "failed", "error": "failed", "skipped": "skipped"}


@dataclass(frozen=True)
class Case:
    """One test."""

    name: str
    group: str
    state: str
    """``succeeded``, ``failed`` or ``skipped``."""
    seconds: float
    message: str


@dataclass(frozen=True)
class Summary:
    """What a file reports; failed cases first."""

    cases: tuple[Case, ...]

    def number(self, state: str) -> int:
        """Return how many cases ended so."""
        return sum(case.state == state for case in self.cases)


class JunitUnreadable(Invalid):
    """The file is not what JUnit files are."""

    def __init__(self, *, is_long: bool = False) -> None:
        reason = f"it is longer than {MAX_BYTES >> 20} MiB" if is_long else "it is no plain XML"
        super().__init__(
            f"the product's test report cannot be shown: {reason}",
            next_step="download it, and see what the product's tests write",
        )


def summary_of(data: bytes) -> Summary:
    """Return what a JUnit file reports.

    Raises:
        JunitUnreadable: It is too long, declares a document type, or is no XML.
    """
    if len(data) > MAX_BYTES:
        raise JunitUnreadable(is_long=True)
    # Without a document type there are no entities, so none that grow or read files. A zero byte
    # is part of no XML but in UTF-16, where these words would be written otherwise.
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data or b"\0" in data:
        raise JunitUnreadable
    try:
        root = ET.fromstring(data)  # noqa: S314 - entities are refused above
    except (ET.ParseError, ValueError, LookupError) as exc:
        raise JunitUnreadable from exc
    cases = [_case(element) for element in root.iter("testcase")][:MAX_CASES]
    return Summary(tuple(sorted(cases, key=lambda case: case.state != "failed")))


def _case(element: ET.Element) -> Case:
    found = next((child for child in element if child.tag in OUTCOMES), None)
    message = "" if found is None else (found.get("message") or found.text or "")
    return Case(
        name=element.get("name", "unnamed"),
        group=element.get("classname", ""),
        state="succeeded" if found is None else OUTCOMES[found.tag],
        seconds=_number(element.get("time")),
        message=message.strip()[:MAX_TEXT],
    )


def _number(text: str | None) -> float:
    try:
        number = float(text or 0)
    except ValueError:
        return 0.0
    # `inf` and `nan` are numbers to Python, and no time that a page could show.
    return max(number, 0.0) if math.isfinite(number) else 0.0
