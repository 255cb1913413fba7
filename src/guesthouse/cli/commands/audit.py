"""audit: who did what, and whether that record is whole."""

import itertools
from typing import Annotated

import typer

from guesthouse.cli.options import AsJson, session_of
from guesthouse.cli.show import table
from guesthouse.errors import Failed

app = typer.Typer(help="The audit log: who did what.")
DEFAULT_SHOWN = 20


class ChainBroken(Failed):
    """A row of the audit log was changed or removed."""

    def __init__(self, sequence: int, reason: str) -> None:
        super().__init__(
            f"the audit log does not hold at row {sequence}: {reason}",
            next_step="compare the rows from there on with a backup",
        )


@app.command("list")
def list_entries(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = DEFAULT_SHOWN,
    as_json: AsJson = False,
) -> None:
    """List what was done, newest first."""
    session = session_of(context)
    every = session.api.items("/audit", limit=min(limit, 200))
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
