"""doctor: what this machine lacks.

What they need of the server is imported where it is needed: it takes a second to load, which
nobody who lists runs should wait for.
"""
# ruff: noqa: PLC0415 - see above

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from guesthouse.cli.options import AsJson, session_of
from guesthouse.cli.show import table
from guesthouse.errors import Failed

if TYPE_CHECKING:
    from guesthouse.cli.doctor.findings import Finding


class MachineUnfit(Failed):
    """Something will fail on this machine."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"this needs mending first: {', '.join(names)}",
            next_step="do what the last column says, then: guesthouse doctor",
        )


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor")(doctor)


def doctor(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Tell what is missing on this machine and how to mend it; changes nothing."""
    from guesthouse.cli.doctor.examination import examine
    from guesthouse.cli.doctor.findings import Verdict
    from guesthouse.cli.machine import RealMachine

    session = session_of(context)
    found = list(
        examine(
            session.terminal.machine or RealMachine(),
            session.settings,
            connect=lambda: session.api,
            now=session.terminal.clock.now(),
        )
    )
    if as_json:
        session.terminal.document([_document(finding) for finding in found])
    else:
        rows = ([item.verdict.value, item.name, item.what, item.mend or " "] for item in found)
        for line in table(("", "what", "found", "to do"), rows):
            session.terminal.result(line)
    wrong = [item.name for item in found if item.verdict is Verdict.BAD]
    if wrong:
        raise MachineUnfit(wrong)


def _document(finding: "Finding") -> Mapping[str, str]:
    return {
        "name": finding.name,
        "verdict": finding.verdict.value,
        "what": finding.what,
        "mend": finding.mend,
    }
