"""Options that many commands share, and the way a command reaches what it works with."""

import shlex
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import typer

from guesthouse import config
from guesthouse.cli.client import Api
from guesthouse.cli.connecting import connect
from guesthouse.cli.terminal import Terminal
from guesthouse.config import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
Detach = Annotated[bool, typer.Option("--detach", help="Don't wait for the run.")]
Name = Annotated[str, typer.Argument(metavar="NAME")]
RunId = Annotated[str, typer.Argument(metavar="RUN")]


@dataclass(frozen=True)
class Session:
    """One call of the command line."""

    terminal: Terminal
    arguments: tuple[str, ...] = ()
    as_machine: bool = False
    """Whether to leave sign-ins aside: for what is this machine's own business."""

    @property
    def with_yes(self) -> str:
        """The same call with the question answered beforehand."""
        return f"guesthouse {shlex.join(self.arguments)} --yes"

    def close(self) -> None:
        """Hang up, where the server was called at all."""
        if "api" in vars(self):
            self.api.close()

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something is changed.

        Raises:
            NoTerminal: Nobody is there, and no answer was given beforehand.
            Exit: The answer is no.
        """
        if not self.terminal.confirm(question, yes=yes, command=self.with_yes):
            self.terminal.talk("nothing was changed")
            raise typer.Exit(1)

    @cached_property
    def settings(self) -> Settings:
        """What the operator decided."""
        return config.load(self.terminal.environment)

    @cached_property
    def api(self) -> Api:
        """The server, signed in."""
        return connect(self.settings, self.terminal, as_machine=self.as_machine)


def session_of(context: typer.Context) -> Session:
    """Return the call a command belongs to."""
    session = context.find_object(Session)
    if session is None:
        message = "a command runs only inside main()"
        raise RuntimeError(message)
    return session
