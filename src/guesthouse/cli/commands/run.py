"""run: look at runs, read and follow their logs, cancel them."""

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from guesthouse.cli.following import Interrupted, raise_unless_succeeded
from guesthouse.cli.options import AsJson, RunId, Session, session_of
from guesthouse.cli.show import ago, details, duration, table

app = typer.Typer(help="Runs: what was and is being done.")
DEFAULT_SHOWN = 20


@app.command("list")
def list_runs(
    context: typer.Context,
    *,
    environment: Annotated[
        str | None, typer.Option("--env", "--environment", metavar="NAME")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = DEFAULT_SHOWN,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    session = session_of(context)
    every = session.api.items("/runs", environment=environment, limit=min(limit, 200))
    found = list(itertools.islice(every, limit))
    if as_json:
        session.terminal.document(found)
        return
    now = session.terminal.clock.now()
    rows = (
        [
            run["id"],
            run["kind"],
            run["environment"],
            run["state"],
            duration(run["seconds"]),
            run["actor"],
            ago(run["created_at"], now),
        ]
        for run in found
    )
    headings = ("run", "kind", "environment", "state", "took", "by", "asked")
    for line in table(headings, rows):
        session.terminal.result(line)
    if not found:
        session.terminal.talk("there are no runs yet; next: guesthouse apply")


@app.command("show")
def show(
    context: typer.Context,
    run_id: RunId,
    *,
    timing: Annotated[bool, typer.Option("--timing", help="Where the time went.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a run and its steps."""
    session = session_of(context)
    run = session.api.get(f"/runs/{run_id}")
    if as_json:
        session.terminal.document(run)
        return
    for line in itertools.chain(_about(run), [""], _steps(run, timing=timing)):
        session.terminal.result(line)


@app.command("log")
def log(
    context: typer.Context,
    run_id: RunId,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the run ends.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print a run's log; with --json one line of JSON for each line."""
    session = session_of(context)
    if follow:
        _follow(session, run_id, as_json=as_json)
        return
    for line in _lines(session, run_id):
        _print_line(session, line, as_json=as_json)


@app.command("cancel")
def cancel(context: typer.Context, run_id: RunId, *, as_json: AsJson = False) -> None:
    """End a queued run, or ask a running one to end; the version that serves is kept."""
    session = session_of(context)
    run = session.api.post(f"/runs/{run_id}/cancel")
    if as_json:
        session.terminal.document(run)
    elif run["state"] == "cancelled":
        session.terminal.result(f"{run['id']} cancelled")
    else:
        session.terminal.result(f"{run['id']} is asked to end")


@app.command("junit")
def junit(context: typer.Context, run_id: RunId, *, as_json: AsJson = False) -> None:
    """Print what the product's functional tests reported, as JUnit XML."""
    session = session_of(context)
    text = session.api.text(f"/runs/{run_id}/junit")
    if as_json:
        session.terminal.document({"junit": text})
        return
    for line in text.splitlines():
        session.terminal.result(line)


def _follow(session: Session, run_id: str, *, as_json: bool) -> None:
    try:
        for event in session.api.follow(run_id):
            if event.name == "line":
                _print_line(session, event.data, as_json=as_json)
            elif event.name == "end":
                raise_unless_succeeded([event.data], session.terminal)
    except KeyboardInterrupt as exc:
        raise Interrupted(run_id) from exc


def _lines(session: Session, run_id: str) -> Iterator[dict[str, Any]]:
    after = 0
    while True:
        page = session.api.text(f"/runs/{run_id}/log", after=after)
        lines = [json.loads(line) for line in page.splitlines()]
        yield from lines
        if not lines:
            return
        after = lines[-1]["sequence"]


def _print_line(session: Session, line: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        session.terminal.log(json.dumps(line, ensure_ascii=False), result=True)
    else:
        session.terminal.log(line["text"], result=True)


def _about(run: Mapping[str, Any]) -> Iterator[str]:
    return details(
        {
            "run": run["id"],
            "kind": run["kind"],
            "environment": run["environment"],
            "by": run["actor"],
            "state": run["state"],
            "took": duration(run["seconds"]),
            "why": run["sentence"],
            "next": run["next_step"],
        }
    )


def _steps(run: Mapping[str, Any], *, timing: bool) -> Iterator[str]:
    rows: list[tuple[object, ...]] = []
    for step in run["steps"]:
        rows.append((step["name"], step["state"], duration(step["seconds"])))
        for name, seconds in step["timings"].items() if timing else ():
            rows.append((f"  {name}", "", duration(seconds)))
    return table(("step", "state", "took"), rows)
