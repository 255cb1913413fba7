"""audit: who did what, and whether that record is whole."""

import itertools
from enum import Enum
from typing import Annotated

import typer

from guesthouse.cli.options import AsJson, session_of
from guesthouse.cli.show import table
from guesthouse.errors import Failed, Invalid

app = typer.Typer(help="The audit log: who did what.")
DEFAULT_SHOWN = 20


class Format(Enum):
    """What an export looks like."""

    JSON_LINES = "jsonl"
    CSV = "csv"


Actor = Annotated[str | None, typer.Option("--actor", metavar="LOGIN", help="Who did it.")]
Doing = Annotated[str | None, typer.Option("--action", help="How the action begins.")]
About = Annotated[str | None, typer.Option("--object", help="What it was done to.")]
OfPartner = Annotated[str | None, typer.Option("--partner", metavar="NAME", help="Whose thing.")]
OfEnvironment = Annotated[
    str | None, typer.Option("--env", metavar="NAME", help="An environment, its runs included.")
]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="From this time on.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before this time.")]


class ChainBroken(Failed):
    """A row of the audit log was changed or removed."""

    def __init__(self, sequence: int, reason: str) -> None:
        super().__init__(
            f"the audit log does not hold at row {sequence}: {reason}",
            next_step="compare the rows from there on with a backup",
        )


class NotJson(Invalid):
    """Two forms were asked for."""

    def __init__(self) -> None:
        super().__init__("CSV is no JSON", next_step="leave one of --json and --format csv out")


@app.command("list")
def list_entries(  # noqa: PLR0913 - each is an option
    context: typer.Context,
    *,
    actor: Actor = None,
    action: Doing = None,
    about: About = None,
    partner: OfPartner = None,
    environment: OfEnvironment = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = DEFAULT_SHOWN,
    as_json: AsJson = False,
) -> None:
    """List what was done, newest first."""
    session = session_of(context)
    asked = _asked(actor, action, about, partner, environment) | {"since": since, "until": until}
    every = session.api.items("/audit", limit=min(limit, 200), **asked)
    found = list(itertools.islice(every, limit))
    if as_json:
        session.terminal.document(found)
        return
    rows = (
        [item["sequence"], item["at"][:19], item["actor"], item["action"], item["object"]]
        for item in found
    )
    for line in table(("row", "at (utc)", "by", "action", "object"), rows):
        session.terminal.result(line)


@app.command("export")
def export(  # noqa: PLR0913 - each is an option
    context: typer.Context,
    *,
    form: Annotated[Format, typer.Option("--format", help="jsonl or csv.")] = Format.JSON_LINES,
    actor: Actor = None,
    action: Doing = None,
    about: About = None,
    partner: OfPartner = None,
    environment: OfEnvironment = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Print the audit log to keep it elsewhere, oldest row first; that is recorded, too."""
    if as_json and form is Format.CSV:
        raise NotJson
    session = session_of(context)
    asked = _asked(actor, action, about, partner, environment) | {"since": since, "until": until}
    for piece in session.api.pieces("/audit/export", format=form.value, **asked):
        session.terminal.pass_on(piece)


@app.command("verify")
def verify(
    context: typer.Context,
    *,
    noted: Annotated[
        str | None, typer.Option("--noted", help="The row noted at an earlier check.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that no row was changed or removed."""
    session = session_of(context)
    found = session.api.get("/audit/verify", noted=noted)
    if as_json:
        session.terminal.document(found)
    if not found["intact"]:
        raise ChainBroken(found["first_bad"], found["reason"])
    if not as_json:
        session.terminal.result("the audit log is as it was written")
        if found["newest"]:
            # The chain can't show that its own end was cut off.
            session.terminal.result(f"note elsewhere, for --noted: {found['newest']}")


def _asked(
    actor: str | None,
    action: str | None,
    about: str | None,
    partner: str | None,
    environment: str | None,
) -> dict[str, str | None]:
    return {
        "actor": actor,
        "action": action,
        "object": about,
        "partner": partner,
        "environment": environment,
    }
