"""The whole error tree.

GuesthouseError
├── NotFound      404, exit 4   the thing does not exist, or not for this caller
├── Denied        403, exit 5   the caller may see it but not do that
├── Conflict      409, exit 6   it is not in a state for that, or is taken
├── Invalid       422, exit 2   what was handed in breaks a rule (several at once: `problems`)
├── Unavailable   503, exit 7   something we depend on does not answer
└── Failed        500, exit 1   it was tried, and the world said no (a build, a test, a container)

A class owns its sentence; features subclass a kind here in their own `model.py` or `errors` part
and entry points map the six kinds once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from typing_extensions import override


class Kind(Enum):
    """How an entry point answers: value is (HTTP status, exit code)."""

    NOT_FOUND = (404, 4)
    DENIED = (403, 5)
    CONFLICT = (409, 6)
    INVALID = (422, 2)
    UNAVAILABLE = (503, 7)
    FAILED = (500, 1)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.value[0]

    @property
    def exit_code(self) -> int:
        """The exit code of the CLI."""
        return self.value[1]

    @property
    def word(self) -> str:
        """What rows and JSON call it: ``not_found``."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str | None) -> "Kind | None":
        """Return the kind that a row or JSON names; None where it names none that we know."""
        return next((kind for kind in cls if kind.word == word), None)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with what was handed in."""

    where: str
    """File and path inside it: ``environments/acme.yaml: stacks/0/ref``."""
    what: str
    """One sentence."""
    instead: str = ""
    """What to write instead, where there is a good guess."""

    @override
    def __str__(self) -> str:
        hint = f" ({self.instead})" if self.instead else ""
        return f"{self.where}: {self.what}{hint}"


class GuesthouseError(Exception):
    """Anything Guesthouse says no with."""

    kind: Kind = Kind.FAILED

    def __init__(
        self,
        sentence: str,
        *,
        next_step: str = "",
        where: str = "",
        problems: Sequence[Problem] = (),
        detail: str = "",
    ) -> None:
        """Say what is wrong.

        Args:
            sentence: One sentence, for a person.
            next_step: The next command or action to try.
            where: File and path, or object, the sentence is about.
            problems: The single breaches, where there are several.
            detail: Facts behind it, such as a container's last lines.
        """
        super().__init__(sentence)
        self.sentence = sentence
        self.next_step = next_step
        self.where = where
        self.problems = tuple(problems)
        self.detail = detail


class NotFound(GuesthouseError):
    """It does not exist, or not for this caller."""

    kind = Kind.NOT_FOUND


class Denied(GuesthouseError):
    """The caller may not do that."""

    kind = Kind.DENIED


class Conflict(GuesthouseError):
    """It is taken, or not in a state for that."""

    kind = Kind.CONFLICT


class Invalid(GuesthouseError):
    """What was handed in breaks a rule."""

    kind = Kind.INVALID


class Unavailable(GuesthouseError):
    """Something we depend on does not answer."""

    kind = Kind.UNAVAILABLE


class Failed(GuesthouseError):
    """It was tried and did not work."""

    kind = Kind.FAILED
