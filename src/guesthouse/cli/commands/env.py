"""env: look at environments, deploy and destroy them."""

from typing import Annotated

import typer

from guesthouse.cli.commands import secret
from guesthouse.cli.commands.estate import run_to_end, show_addresses
from guesthouse.cli.options import AsJson, Detach, Name, Yes, session_of
from guesthouse.cli.show import ago, details, short, table

app = typer.Typer(help="Environments: the running copies of products.")
app.add_typer(secret.app, name="secret")


@app.command("list")
def list_environments(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List environments."""
    session = session_of(context)
    found = list(session.api.items("/environments"))
    if as_json:
        session.terminal.document(found)
        return
    now = session.terminal.clock.now()
    rows = (
        [
            item["name"],
            item["partner"],
            item["product"],
            item["instance"],
            item["phase"],
            item["state"],
            short(item["commit"]),
            ago(item["updated_at"], now),
        ]
        for item in found
    )
    headings = ("name", "partner", "product", "instance", "phase", "state", "commit", "changed")
    for line in table(headings, rows):
        session.terminal.result(line)
    if not found:
        session.terminal.talk("there are no environments yet; next: guesthouse init")


@app.command("show")
def show(context: typer.Context, name: Name, *, as_json: AsJson = False) -> None:
    """Show an environment and where it answers."""
    session = session_of(context)
    found = session.api.get(f"/environments/{name}")
    if as_json:
        session.terminal.document(found)
        return
    fields = ("name", "partner", "product", "instance", "phase", "state", "ref", "commit")
    pairs = {field: found[field] for field in fields}
    pairs["run"] = found["current_run"]
    for line in details(pairs):
        session.terminal.result(line)
    show_addresses(session.terminal, found)


@app.command("lock")
def lock(context: typer.Context, name: Name, *, as_json: AsJson = False) -> None:
    """Print digests, commits and versions of what runs; apply --locked takes it."""
    del as_json  # a lock is JSON anyway
    session = session_of(context)
    session.terminal.document(session.api.get(f"/environments/{name}/lock"))


@app.command("deploy")
def deploy(
    context: typer.Context,
    name: Name,
    *,
    detach: Detach = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", hidden=True)] = True,
    as_json: AsJson = False,
) -> None:
    """Deploy an environment anew, as it is declared."""
    del yes  # taken so that scripts may pass it everywhere; a deployment keeps what serves
    session = session_of(context)
    run = session.api.post(f"/environments/{name}/deploy")
    run_to_end(session, run, detach=detach, as_json=as_json)
    if not detach and not as_json:
        show_addresses(session.terminal, session.api.get(f"/environments/{name}"))


@app.command("destroy")
def destroy(
    context: typer.Context,
    name: Name,
    *,
    yes: Yes = False,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Destroy an environment and all its data."""
    session = session_of(context)
    session.api.get(f"/environments/{name}")
    question = f"Destroy environment {name} with all its data?"
    session.confirm(question, yes=yes)
    run = session.api.delete(f"/environments/{name}")
    run_to_end(session, run, detach=detach, as_json=as_json)
