"""Collects what a compile finds, so that a person sees everything at once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from guesthouse.errors import Problem
from guesthouse.stacks.interpolate import MARK
from guesthouse.stacks.model import Finding, Notice
from guesthouse.stacks.readings import Unreadable, shorten

T = TypeVar("T")


@dataclass
class Ledger:
    """Findings, notices and problems of one stack."""

    file: str
    """The stack's Compose files, as a person knows them."""
    findings: list[Finding] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, code: str, path: str, written: object, why: str, instead: str) -> None:
        """Note a breach of the policy."""
        self.findings.append(Finding(code, path, shown(written), why, instead, self.file))

    def note(self, code: str, path: str, written: object, instead: str) -> None:
        """Note something harmless that was rewritten."""
        self.notices.append(Notice(code, path, shown(written), instead, self.file))

    def problem(self, path: str, what: str, instead: str = "") -> None:
        """Note something that cannot be read or names what is not there."""
        self.problems.append(Problem(f"{self.file}: {path}", what, instead))

    def read(self, reader: Callable[[Any], T], value: object, path: str, default: T) -> T:
        """Return what a reader makes of a value, or note the problem and go on with a default."""
        try:
            return reader(value)
        except Unreadable as exc:
            self.problem(path, str(exc), f"written: {shown(exc.written)}")
            return default


def shown(value: object) -> str:
    """Return what was written, short, with secrets as ``${NAME}``."""
    return shorten(named(str(value)))


def named(text: str) -> str:
    """Return a text with each secret's mark as ``${NAME}``."""
    return MARK.sub(lambda found: f"${{{found[1]}}}", text)


def told(problem: Problem) -> Problem:
    """Return a problem fit for a person: without marks."""
    return Problem(named(problem.where), named(problem.what), named(problem.instead))
