"""The command line's entry point: finds the verb, and words whatever goes wrong in one line."""

import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from guesthouse.cli.commands import (
    account,
    audit,
    demo,
    env,
    estate,
    host,
    instance,
    local,
    machine,
    member,
    partner,
    product,
    run,
    token,
)
from guesthouse.cli.errors import WrongUsage
from guesthouse.cli.following import Interrupted
from guesthouse.cli.options import Session
from guesthouse.cli.terminal import Terminal
from guesthouse.errors import GuesthouseError

INTERRUPTED = 130
USAGE = 2

app = typer.Typer(
    name="guesthouse",
    help="A running copy of your product for every partner.",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(value: bool) -> None:  # noqa: FBT001 - Typer calls it
    if value:
        typer.echo(f"guesthouse {version('guesthouse')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """A running copy of your product for every partner."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


local.register(app)
machine.register(app)
estate.register(app)
demo.register(app)
account.register(app)
app.add_typer(env.app, name="env")
app.add_typer(run.app, name="run")
app.add_typer(instance.app, name="instance")
app.add_typer(product.app, name="product")
app.add_typer(product.ca_app, name="ca")
app.add_typer(token.app, name="token")
app.add_typer(token.session_app, name="session")
app.add_typer(partner.app, name="partner")
app.add_typer(member.app, name="member")
app.add_typer(member.invitation_app, name="invitation")
app.add_typer(audit.app, name="audit")
app.add_typer(host.app, name="host")
app.command("check")(product.check)


def main(arguments: Sequence[str] | None = None, terminal: Terminal | None = None) -> int:
    """Carry out one command.

    Args:
        arguments: What follows the program's name; None is the process's own.
        terminal: Where it reads and writes; None is the process's own.

    Returns:
        The exit code: 0, or by the kind of error.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    terminal = terminal or Terminal()
    session = Session(terminal, tuple(given))
    try:
        code = app(given, standalone_mode=False, obj=session, prog_name="guesthouse")
    except Interrupted as exc:
        _report(terminal, exc, as_json="--json" in given)
        return INTERRUPTED
    except GuesthouseError as exc:
        _report(terminal, exc, as_json="--json" in given)
        return exc.kind.exit_code
    except typer.TyperException as exc:
        return _report_usage(terminal, exc, given)
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    finally:
        session.close()
    return code if isinstance(code, int) else 0


def _report(terminal: Terminal, error: GuesthouseError, *, as_json: bool) -> None:
    """Write what went wrong: one line, single breaches below it, and what to try next."""
    if as_json:
        terminal.talk(json.dumps(_document(error), ensure_ascii=False))
        return
    for line in error.detail.splitlines():
        terminal.log(f"  │ {line}")
    terminal.talk(f"error: {_line(error.sentence)}", "red")
    for text in map(str, error.problems):
        if not error.sentence.endswith(text):  # the only breach is often in the sentence itself
            terminal.talk(f"  {_line(text)}")
    if error.next_step:
        terminal.talk(f"next: {_line(error.next_step)}")


def _document(error: GuesthouseError) -> dict[str, object]:
    return {
        "error": error.sentence,
        "kind": error.kind.word,
        "next_step": error.next_step,
        "where": error.where,
        "detail": error.detail,
        "problems": [vars(problem) for problem in error.problems],
    }


def _report_usage(terminal: Terminal, error: typer.TyperException, given: Sequence[str]) -> int:
    """Write that the arguments make no command."""
    context = getattr(error, "ctx", None)
    command = "guesthouse" if context is None else context.command_path
    wrong = WrongUsage(_line(error.format_message()), next_step=f"{command} --help")
    _report(terminal, wrong, as_json="--json" in given)
    return USAGE


def _line(text: str) -> str:
    return " ".join(text.split())
