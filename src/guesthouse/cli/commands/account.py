"""login, logout, whoami: who the command line acts as."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from guesthouse.cli.client import Api
from guesthouse.cli.connecting import Target, address_of, open_api, target_of
from guesthouse.cli.credentials import KeptSignIn, normal_address, read_credentials
from guesthouse.cli.errors import ServerAway, SignedOut
from guesthouse.cli.options import AsJson, Session, session_of
from guesthouse.cli.show import details
from guesthouse.cli.signin import device_token
from guesthouse.errors import Denied, GuesthouseError, Invalid
from guesthouse.kit.sensitive import Sensitive

NOBODY = Sensitive("")
AtUrl = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="The control plane's address.")
]


class NotSignedIn(Denied):
    """There is no sign-in to end."""

    def __init__(self, url: str) -> None:
        super().__init__(f"you are not signed in at {url}", next_step="guesthouse whoami")


class CaUnreadable(Invalid):
    """The file holds no certificate."""

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(
            f"{file} holds no certificate: {why}", next_step="guesthouse ca show prints it"
        )


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("login")(login)
    app.command("logout")(logout)
    app.command("whoami")(whoami)


def login(
    context: typer.Context,
    *,
    url: AtUrl = None,
    ca: Annotated[
        Path | None, typer.Option("--ca", metavar="FILE", help="A CA to trust there.")
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="Narrow the sign-in; may be repeated.")
    ] = None,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Take a token from standard input instead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Sign in by a code that is confirmed in a browser; the token is kept for that address."""
    session = session_of(context)
    settings, terminal = session.settings, session.terminal
    kept = read_credentials(settings.credentials)
    address = normal_address(url or address_of(settings, kept))
    before = kept.of(address)
    trusted = _pem(ca) if ca is not None else "" if before is None else before.ca
    target = Target(address, NOBODY, "nobody", trusted)
    if token_stdin:
        token = terminal.secret("token: ")
    else:
        with closing(open_api(settings, terminal, target)) as api:
            token = device_token(api, terminal, tuple(scope or ()))
    me = _who(session, replace(target, token=Sensitive(token.reveal().strip())))
    kept.keep(address, KeptSignIn(me["login"], Sensitive(token.reveal().strip()), trusted))
    if before is not None and before.token.reveal() != token.reveal().strip():
        _end(session, replace(target, token=before.token))
    if as_json:
        terminal.document({"url": address, "file": str(settings.credentials), **me})
        return
    terminal.result(f"signed in as {me['login']} at {address}")
    if address_of(settings, read_credentials(settings.credentials)) != address:
        terminal.talk(f"this machine has a control plane of its own: set GUESTHOUSE_URL={address}")


def logout(
    context: typer.Context,
    *,
    url: AtUrl = None,
    local: Annotated[
        bool, typer.Option("--local", help="Only forget it here; the token goes on counting.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """End the token that login was given, and forget it."""
    session = session_of(context)
    kept = read_credentials(session.settings.credentials)
    address = normal_address(url or address_of(session.settings, kept))
    found = kept.of(address)
    if found is None:
        raise NotSignedIn(address)
    ended = False
    if not local:
        target = Target(address, found.token, "guesthouse login", found.ca, is_kept=True)
        ended = _end(session, target)
    kept.forget(address)
    if as_json:
        session.terminal.document({"url": address, "login": found.login, "revoked": ended})
        return
    session.terminal.result(f"signed out at {address}")


def whoami(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show who the command line acts as, by what, and what that may do."""
    session = session_of(context)
    target = target_of(session.settings, read_credentials(session.settings.credentials))
    me = session.api.get("/whoami")
    if as_json:
        session.terminal.document({"url": target.url, "signed_in_by": target.source, **me})
        return
    roles = ", ".join(f"{partner}: {role}" for partner, role in sorted(me["roles"].items()))
    pairs = {
        "login": me["login"],
        "title": me["title"],
        "kind": me["kind"],
        "roles": roles,
        "scopes": ", ".join(me["scopes"] or ()),
        "signed in by": target.source,
        "at": target.url,
    }
    for line in details(pairs):
        session.terminal.result(line)


def _who(session: Session, target: Target) -> dict[str, Any]:
    """Return whose a token is; one that is nobody's is refused before it is kept."""
    with closing(open_api(session.settings, session.terminal, target)) as api:
        found: dict[str, Any] = api.get("/whoami")
    return found


def _end(session: Session, target: Target) -> bool:
    """End a token; return whether it counted still.

    Raises:
        ServerAway: Nobody can be told, so it goes on counting.
    """
    kept = replace(target, is_kept=True)
    try:
        with closing(open_api(session.settings, session.terminal, kept)) as api:
            return _ended(api)
    except ServerAway as exc:
        raise ServerAway(
            target.url, f"{exc.detail}\nthe token goes on counting; guesthouse logout --local"
        ) from exc


def _ended(api: Api) -> bool:
    try:
        token = api.get("/whoami")["token"]
        if token is not None:
            api.delete(f"/tokens/{token}")
    except SignedOut:
        return False
    except ServerAway:
        raise
    except GuesthouseError:
        # Somebody else ended it in this very moment.
        return False
    return token is not None


def _pem(file: Path) -> str:
    import ssl  # noqa: PLC0415 - most calls need none

    try:
        text = file.read_text(encoding="ascii")
        ssl.create_default_context(cadata=text)
    except (OSError, ValueError) as exc:
        raise CaUnreadable(file, str(exc)) from exc
    return text
