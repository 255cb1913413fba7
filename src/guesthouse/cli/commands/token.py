"""token, session: what one comes in by, and its end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from guesthouse.cli.errors import Refused
from guesthouse.cli.options import AsJson, Session, session_of
from guesthouse.cli.show import ago, table
from guesthouse.errors import Denied, Kind

app = typer.Typer(help="Tokens: what programs sign in with.")
session_app = typer.Typer(help="Sessions: browsers one is signed in with.")
USUAL_DAYS = 90
Id = Annotated[str, typer.Argument(metavar="ID")]


class InBrowser(Denied):
    """A token may not do that; a person signed in at the console may."""

    def __init__(self, no: Refused, page: str) -> None:
        super().__init__(no.sentence, next_step=f"sign in at the console: {page}")


@app.command("list")
def list_tokens(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List your tokens."""
    session = session_of(context)
    with _or_in_browser(session, "tokens"):
        found = list(session.api.items("/tokens"))
    if as_json:
        session.terminal.document(found)
        return
    now = session.terminal.clock.now()
    rows = (
        [
            item["id"],
            item["name"],
            "all" if item["scopes"] is None else " ".join(item["scopes"]),
            "all" if item["partners"] is None else " ".join(item["partners"]),
            (item["expires_at"] or "never")[:10],
            ago(item["last_used_at"], now) or "never",
        ]
        for item in found
    )
    for line in table(("token", "name", "scopes", "partners", "expires", "used"), rows):
        session.terminal.result(line)
    if not found:
        session.terminal.talk("you have no tokens; next: guesthouse token create NAME")


@app.command("create")
def create(  # noqa: PLR0913 - each is an option
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    *,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="What it may do; may be repeated.")
    ] = None,
    partner: Annotated[
        list[str] | None, typer.Option("--partner", help="Whose things; may be repeated.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=730)] = USUAL_DAYS,
    forever: Annotated[bool, typer.Option("--forever", help="It never expires.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, this once; it may do no more than you."""
    session = session_of(context)
    body = {
        "name": name,
        "scopes": scope or None,
        "partners": partner or None,
        "days": None if forever else days,
    }
    with _or_in_browser(session, "tokens"):
        made = session.api.post("/tokens", body)
    if as_json:
        session.terminal.document(made)
        return
    session.terminal.result(made["token"])
    until = (made["expires_at"] or "")[:10]
    session.terminal.talk(f"it counts {f'until {until}' if until else 'for ever'}; keep it now")


@app.command("revoke")
def revoke(context: typer.Context, token: Id, *, as_json: AsJson = False) -> None:
    """End a token, at once; as operator anybody's."""
    session = session_of(context)
    session.api.delete(f"/tokens/{token}")
    if as_json:
        session.terminal.document({"id": token, "revoked": True})
    else:
        session.terminal.result(f"{token} is revoked")


@session_app.command("list")
def list_sessions(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the browsers you are signed in with."""
    session = session_of(context)
    with _or_in_browser(session, "sessions"):
        found = list(session.api.items("/sessions"))
    if as_json:
        session.terminal.document(found)
        return
    now = session.terminal.clock.now()
    rows = (
        [item["id"], item["door"], item["address"], item["agent"][:40], ago(item["seen_at"], now)]
        for item in found
    )
    for line in table(("session", "by", "from", "browser", "seen"), rows):
        session.terminal.result(line)
    if not found:
        session.terminal.talk("you are signed in with no browser")


@session_app.command("revoke")
def revoke_session(context: typer.Context, browser: Id, *, as_json: AsJson = False) -> None:
    """Sign a browser out."""
    session = session_of(context)
    with _or_in_browser(session, "sessions"):
        session.api.delete(f"/sessions/{browser}")
    if as_json:
        session.terminal.document({"id": browser, "revoked": True})
    else:
        session.terminal.result(f"{browser} is signed out")


@contextmanager
def _or_in_browser(session: Session, page: str) -> Iterator[None]:
    """Say where it can be done, where a token may not."""
    try:
        yield
    except Refused as no:
        if no.kind is not Kind.DENIED:
            raise
        raise InBrowser(no, f"{_console(session)}/account/{page}") from no


def _console(session: Session) -> str:
    from guesthouse.instances.plan import console_url  # noqa: PLC0415 - most calls need none

    settings, url = session.settings, session.api.url
    own = console_url(settings.domain, settings.gateway_port)
    return own if url == settings.api_url else url
