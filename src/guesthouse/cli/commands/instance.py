"""instance: look at machines, make them ready, destroy them."""

import typer

from guesthouse.cli.commands.estate import run_to_end
from guesthouse.cli.options import AsJson, Detach, Name, Yes, session_of
from guesthouse.cli.show import ago, details, table

app = typer.Typer(
    help="Instances: the machines environments run on.",
)


@app.command("list")
def list_instances(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List instances."""
    session = session_of(context)
    found = list(session.api.items("/instances"))
    if as_json:
        session.terminal.document(found)
        return
    now = session.terminal.clock.now()
    rows = (
        [
            item["name"],
            item["provider"],
            item["state"],
            item["address"],
            item["gateway_port"],
            ago(item["updated_at"], now),
        ]
        for item in found
    )
    headings = ("name", "provider", "state", "address", "https", "changed")
    for line in table(headings, rows):
        session.terminal.result(line)
    if not found:
        session.terminal.talk("there are no instances yet; next: guesthouse init")


@app.command("show")
def show(context: typer.Context, name: Name, *, as_json: AsJson = False) -> None:
    """Show an instance and what is known of its machine."""
    session = session_of(context)
    found = session.api.get(f"/instances/{name}")
    if as_json:
        session.terminal.document(found)
        return
    fields = ("name", "provider", "state", "address", "gateway_port", "fingerprint")
    pairs = {field: found[field] for field in fields}
    for line in details({**pairs, **found["facts"]}):
        session.terminal.result(line)


@app.command("provision")
def provision(
    context: typer.Context, name: Name, *, detach: Detach = False, as_json: AsJson = False
) -> None:
    """Make a machine ready; one that is current is left alone."""
    session = session_of(context)
    run = session.api.post(f"/instances/{name}/provision")
    run_to_end(session, run, detach=detach, as_json=as_json)


@app.command("destroy")
def destroy(
    context: typer.Context,
    name: Name,
    *,
    yes: Yes = False,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Destroy a machine no environment lives on; on an existing one, what we put there."""
    session = session_of(context)
    session.api.get(f"/instances/{name}")
    question = f"Destroy instance {name}?"
    session.confirm(question, yes=yes)
    run = session.api.delete(f"/instances/{name}")
    run_to_end(session, run, detach=detach, as_json=as_json)
