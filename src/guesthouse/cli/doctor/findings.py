"""What a check says. Pure."""

import re
from dataclasses import dataclass
from enum import Enum

NUMBERS = re.compile(r"\d+(?:\.\d+)+")


class Verdict(Enum):
    """How serious a finding is."""

    OK = "ok"
    WARN = "warn"
    """It works for now, or mends itself when it is first needed."""
    BAD = "bad"
    """Something will fail."""


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    name: str
    verdict: Verdict
    what: str
    mend: str = ""
    """What to do; empty where nothing is."""


def ok(name: str, what: str) -> Finding:
    """Return that a thing is as it should be."""
    return Finding(name, Verdict.OK, what)


def warn(name: str, what: str, mend: str) -> Finding:
    """Return that a thing may matter."""
    return Finding(name, Verdict.WARN, what, mend)


def bad(name: str, what: str, mend: str) -> Finding:
    """Return that a thing is broken."""
    return Finding(name, Verdict.BAD, what, mend)


def version_of(text: str) -> tuple[int, ...]:
    """Return the first version number in what a program printed; empty where there is none."""
    found = NUMBERS.search(text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def dotted(version: tuple[int, ...]) -> str:
    """Return a version as people write it."""
    return ".".join(map(str, version)) or "of an unknown version"


def at_least(name: str, version: tuple[int, ...], least: tuple[int, ...], mend: str) -> Finding:
    """Return whether a version is new enough."""
    if version >= least:
        return ok(name, dotted(version))
    return bad(name, f"{dotted(version)}; needs {dotted(least)} or newer", mend)
