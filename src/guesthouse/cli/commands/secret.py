"""env secret: what people give an environment to keep; a value never travels on argv."""

from typing import Annotated

import typer

from guesthouse.cli.options import AsJson, Name, session_of
from guesthouse.cli.show import table
from guesthouse.errors import Invalid

app = typer.Typer(help="Secrets of an environment.")


class NoValue(Invalid):
    """Nothing was handed in."""

    def __init__(self, environment: str, name: str) -> None:
        super().__init__(
            f"there is no value for {name}",
            next_step=f"guesthouse env secret set {environment} {name} < FILE",
        )


@app.command("set")
def set_secret(
    context: typer.Context,
    name: Name,
    secret: Annotated[str, typer.Argument(metavar="SECRET")],
    *,
    as_json: AsJson = False,
) -> None:
    """Set a secret; its value is asked for, or read from standard input."""
    session = session_of(context)
    value = session.terminal.secret(f"{secret} of {name}: ")
    if not value.reveal():
        raise NoValue(name, secret)
    address = f"/environments/{name}/secrets/{secret}"
    done = session.api.put(address, {"value": value.reveal()})
    if as_json:
        session.terminal.document(done)
        return
    session.terminal.result(f"{done['name']} is set")
    session.terminal.talk(f"next: guesthouse env deploy {name}, which hands it out")


@app.command("list")
def list_secrets(context: typer.Context, name: Name, *, as_json: AsJson = False) -> None:
    """List secrets by name, and whether each has a value; values are never shown."""
    session = session_of(context)
    found = session.api.get(f"/environments/{name}/secrets")
    if as_json:
        session.terminal.document(found)
        return
    rows = ([item["name"], "set" if item["is_set"] else "unset"] for item in found)
    for line in table(("secret", "value"), rows):
        session.terminal.result(line)
    if not found:
        session.terminal.talk(f"{name} has no secrets; a deployment makes or asks for them")
