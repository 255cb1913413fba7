"""Fill ``${NAME}`` in, with declared variables and secrets and nothing else.

A secret is not filled in: a mark takes its place, which the renderer turns into a reference the
instance fills in, so that no secret is ever part of the canonical file.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from guesthouse.errors import Problem
from guesthouse.kit.sensitive import Sensitive
from guesthouse.stacks.wording import closest
from guesthouse.stacks.yamlfile import Yaml

OPEN, CLOSE = "\ue000", "\ue001"
MARK = re.compile(f"{OPEN}([A-Za-z0-9_]+){CLOSE}")
MAX_NESTING = 8
MAX_TEXT = 64 * 2**10
MAX_FILLED = 2**20
"""Characters of all filled in texts of a file: a long value used often is a bomb."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")


class _Bad(Exception):
    """A template cannot be read, or demands a value nobody gave."""


@dataclass(frozen=True)
class Values:
    """What may be filled in."""

    variables: Mapping[str, str]
    secrets: Mapping[str, Sensitive[str]] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether the name is declared."""
        return name in self.variables or name in self.secrets

    def is_empty(self, name: str) -> bool:
        """Whether its value is the empty text."""
        if name in self.secrets:
            return self.secrets[name].reveal() == ""
        return self.variables.get(name, "") == ""

    def text(self, name: str) -> str:
        """Return a variable's value or a secret's mark; an unknown name is empty."""
        if name in self.secrets:
            return f"{OPEN}{name}{CLOSE}"
        return self.variables.get(name, "")


@dataclass
class Interpolation:
    """Fills one file in and remembers what went wrong and what was not declared."""

    values: Values
    problems: list[Problem] = field(default_factory=list)
    undeclared: dict[str, str] = field(default_factory=dict)
    """Name → the first place it was left empty."""
    filled: int = 0
    """Characters filled in so far."""

    def fill(self, value: Yaml, where: str) -> Yaml:
        """Return a value with every text in it filled in; keys are left alone."""
        if isinstance(value, dict):
            return {key: self.fill(item, f"{where}.{key}") for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item, f"{where}[{index}]") for index, item in enumerate(value)]
        if isinstance(value, str) and "$" in value:
            return self._text(value, where)
        return value

    def _text(self, text: str, where: str) -> str:
        template = _Template(self.values, lambda name: self.undeclared.setdefault(name, where))
        try:
            filled = template.fill(text)
        except _Bad as exc:
            self.problems.append(Problem(where, str(exc)))
            return text
        self.filled += len(filled)
        if len(filled) <= MAX_TEXT and self.filled <= MAX_FILLED:
            return filled
        if len(filled) > MAX_TEXT or self.filled - len(filled) <= MAX_FILLED:
            self.problems.append(Problem(where, "is too long once its variables are filled in"))
        return ""


@dataclass(frozen=True)
class _Template:
    values: Values
    on_undeclared: Callable[[str], object]

    def fill(self, text: str, depth: int = 0) -> str:
        if depth > MAX_NESTING:
            sentence = f"nests more than {MAX_NESTING} substitutions"
            raise _Bad(sentence)
        done: list[str] = []
        position = 0
        while (dollar := text.find("$", position)) >= 0:
            done.append(text[position:dollar])
            part, position = self._substitution(text, dollar + 1, depth)
            done.append(part)
        return "".join([*done, text[position:]])

    def _substitution(self, text: str, start: int, depth: int) -> tuple[str, int]:
        """Return what stands for the substitution after a dollar, and where the text goes on."""
        if text.startswith("$", start):
            return "$", start + 1
        if text.startswith("{", start):
            end = _closing(text, start)
            return self._braced(text[start + 1 : end], depth), end + 1
        found = _NAME.match(text, start)
        if found is None:
            sentence = f"has a $ that starts no name in {text!r}; write $$ for a plain one"
            raise _Bad(sentence)
        return self._plain(found[0]), found.end()

    def _braced(self, inside: str, depth: int) -> str:
        found = _NAME.match(inside)
        if found is None:
            sentence = f"${{{inside}}} names no variable"
            raise _Bad(sentence)
        name, rest = found[0], inside[found.end() :]
        if not rest:
            return self._plain(name)
        operator = _OPERATOR.match(rest)
        if operator is None:
            sentence = f"${{{inside}}} is no form of substitution"
            raise _Bad(sentence)
        return self._operated(name, operator[0], rest[operator.end() :], depth)

    def _operated(self, name: str, operator: str, argument: str, depth: int) -> str:
        is_missing = not self.values.has(name)
        if operator.startswith(":"):
            is_missing = is_missing or self.values.is_empty(name)
        match operator[-1]:
            case "-":
                return self.fill(argument, depth + 1) if is_missing else self.values.text(name)
            case "+":
                return "" if is_missing else self.fill(argument, depth + 1)
            case _:
                if is_missing:
                    raise _Bad(self._demanded(name, argument))
                return self.values.text(name)

    def _demanded(self, name: str, argument: str) -> str:
        known = closest(name, [*self.values.variables, *self.values.secrets])
        hint = known or "declare it in the manifest's variables or secrets"
        return f"needs a value for {name}: {argument or 'it is required'} ({hint})"

    def _plain(self, name: str) -> str:
        if not self.values.has(name):
            self.on_undeclared(name)
        return self.values.text(name)


def _closing(text: str, start: int) -> int:
    """Return the place of the brace that closes the one at ``start``."""
    depth = 0
    for place in range(start, len(text)):
        if text[place] == "{" and (place == start or text[place - 1] == "$"):
            depth += 1
        elif text[place] == "}":
            depth -= 1
            if depth == 0:
                return place
    sentence = f"has a ${{ that is not closed in {text!r}"
    raise _Bad(sentence)


def reveal_marks(text: str, secrets: Mapping[str, Sensitive[str]]) -> str:
    """Return a text with each mark replaced by the secret itself."""
    return MARK.sub(lambda found: secrets[found[1]].reveal(), text)


def marked_names(text: str) -> tuple[str, ...]:
    """Return the names of the secrets a text holds marks of."""
    return tuple(MARK.findall(text))
