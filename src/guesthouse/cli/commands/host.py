"""host: prepares this machine for the control plane, and undoes that. Needs no server.

What runs playbooks is imported where it is needed: it takes a while to load.
"""
# ruff: noqa: PLC0415 - see above

import asyncio

import typer

from guesthouse.cli.options import AsJson, Yes, session_of

app = typer.Typer(help="The control plane's own machine: engine, gateway, InfluxDB.")


@app.command("prepare")
def prepare(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Install and start what the control plane needs on this machine."""
    from guesthouse.bootstrap.host import prepare_host

    session = session_of(context)
    facts = asyncio.run(prepare_host(session.settings, on_line=session.terminal.log))
    if as_json:
        session.terminal.document(dict(facts))
        return
    for name in ("engine", "compose", "buildx", "nginx", "os"):
        session.terminal.result(f"{name}  {facts.get(name)}")


@app.command("release")
def release(context: typer.Context, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """Stop and remove what `prepare` brought; packages stay."""
    from guesthouse.bootstrap.host import release_host

    session = session_of(context)
    session.confirm(f"Remove the services kept in {session.settings.state}?", yes=yes)
    facts = asyncio.run(release_host(session.settings, on_line=session.terminal.log))
    if as_json:
        session.terminal.document(dict(facts))
        return
    for thing in facts.get("removed", ()):
        session.terminal.result(str(thing))
