"""Where the command line reads and writes: results to stdout, talk to stderr."""

import getpass
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

import httpx

from guesthouse.cli.errors import NoTerminal
from guesthouse.cli.machine import Machine
from guesthouse.kit.clock import Clock, SystemClock
from guesthouse.kit.sensitive import Sensitive

COLOURS: Mapping[str, str] = {"green": "32", "red": "31", "yellow": "33", "dim": "2", "bold": "1"}
SGR = re.compile(r"\x1b\[[0-9;:]*m")
YES = frozenset({"y", "yes"})


def _ask(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline()


def _is_attended() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


@dataclass(frozen=True)
class Terminal:
    """The outside of one call of the command line; tests give their own."""

    out: IO[str] = field(default_factory=lambda: sys.stdout)
    err: IO[str] = field(default_factory=lambda: sys.stderr)
    ask: Callable[[str], str] = _ask
    read: IO[str] = field(default_factory=lambda: sys.stdin)
    ask_unseen: Callable[[str], str] = getpass.getpass
    """Asks without showing the answer."""
    attended: bool = field(default_factory=_is_attended)
    """Whether somebody is there to answer."""
    environment: Mapping[str, str] | None = None
    """Variables for the settings; None is the process's own."""
    transport: httpx.BaseTransport | None = None
    """How requests travel; None is the network."""
    clock: Clock = field(default_factory=SystemClock)
    machine: Machine | None = None
    """What `doctor` looks at; None is this machine."""

    def result(self, text: str) -> None:
        """Write a line of what was asked for."""
        self.out.write(plain(text) + "\n")
        self.out.flush()

    def document(self, value: Any) -> None:  # noqa: ANN401 - any JSON
        """Write what was asked for as JSON."""
        json.dump(value, self.out, indent=2, ensure_ascii=False)
        self.out.write("\n")
        self.out.flush()

    def pass_on(self, text: str) -> None:
        """Write a part of what was asked for as it came; a terminal is shown it harmless."""
        self.out.write(plain(text) if self.out.isatty() else text)
        self.out.flush()

    def talk(self, text: str, colour: str = "") -> None:
        """Write a line beside the result."""
        self.err.write(painted(plain(text), colour if self.err.isatty() else "") + "\n")
        self.err.flush()

    def log(self, text: str, *, result: bool = False) -> None:
        """Write a line others wrote; their colours stay where a terminal shows them."""
        stream = self.out if result else self.err
        stream.write(plain(text, colours=stream.isatty()) + "\n")
        stream.flush()

    def secret(self, question: str) -> Sensitive[str]:
        """Return a secret: typed unseen at a terminal, else all of the standard input.

        One line break at its end is not part of it.
        """
        text = self.ask_unseen(question) if self.read.isatty() else self.read.read()
        return Sensitive(text.removesuffix("\n").removesuffix("\r"))

    def confirm(self, question: str, *, yes: bool, command: str) -> bool:
        """Ask before something is changed.

        Args:
            question: Names what is changed.
            yes: Whether the answer was given beforehand.
            command: What to call where nobody is there to answer.

        Raises:
            NoTerminal: Nobody is there, and no answer was given beforehand.
        """
        if yes:
            return True
        if not self.attended:
            raise NoTerminal(command)
        return self.ask(f"{question} [y/N] ").strip().lower() in YES


def plain(text: str, *, colours: bool = False) -> str:
    """Return text that can do nothing to a terminal, other than colour it where that is kept."""
    parts = []
    end = 0
    for match in SGR.finditer(text):
        parts += [_visible(text[end : match.start()]), match.group() if colours else ""]
        end = match.end()
    parts.append(_visible(text[end:]))
    # A colour must not run on into the next line.
    return "".join(parts) + ("\x1b[0m" if colours and end else "")


def painted(text: str, colour: str) -> str:
    """Return the text in a colour; empty leaves it."""
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if colour else text


def _visible(text: str) -> str:
    return "".join(
        sign if sign.isprintable() or sign in "\t\n" else "\N{REPLACEMENT CHARACTER}"
        for sign in text
    )
