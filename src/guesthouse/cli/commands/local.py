"""init, serve, worker: what runs on the control plane's own machine.

The server's packages are imported where they are needed: they take a second to load, which
nobody who lists runs should wait for.
"""
# ruff: noqa: PLC0415 - see above

from pathlib import Path
from typing import Annotated

import typer

from guesthouse import logs
from guesthouse.cli.options import AsJson, Session, session_of

JsonLog = Annotated[bool, typer.Option("--json", help="Log one JSON object a line.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("init")(init)
    app.command("serve")(serve)
    app.command("worker")(worker)


def init(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR")] = Path("estate"),
    *,
    as_json: AsJson = False,
) -> None:
    """Write a first estate, and make the state directory with the operator's token."""
    from guesthouse import bootstrap
    from guesthouse.cli.starter import write_estate

    session = session_of(context)
    settings = session.settings
    written = write_estate(directory, settings)
    services = bootstrap.build(settings)
    link = services.first_invitation()
    services.database.close()
    if as_json:
        session.terminal.document(
            {
                "files": [str(file) for file in written],
                "state": str(settings.state),
                "token_file": str(settings.token_file),
                "invitation": link,
            }
        )
        return
    for file in written:
        session.terminal.result(str(file))
    session.terminal.talk(f"state is in {settings.state}, the token in {settings.token_file}")
    _invite(session, link)
    session.terminal.talk(f"next: guesthouse serve, then guesthouse plan {directory}")


def serve(
    context: typer.Context,
    *,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Leave runs to `guesthouse worker`.")
    ] = False,
    json_log: JsonLog = False,
) -> None:
    """Serve the API and the pages and, unless told otherwise, carry out runs."""
    from guesthouse import bootstrap, web
    from guesthouse.api import create_app

    session = session_of(context)
    logs.set_up(logs.Format.JSON if json_log else logs.Format.TEXT)
    services = bootstrap.build(session.settings)
    _invite(session, services.first_invitation())
    session.terminal.talk(f"serving {session.settings.api_url}; Ctrl-C ends it")
    app = create_app(services)
    web.install(app)
    bootstrap.serve(services, app, with_worker=not no_worker)


def worker(context: typer.Context, *, json_log: JsonLog = False) -> None:
    """Carry out runs until told to stop; any number may work on PostgreSQL."""
    from guesthouse import bootstrap

    session = session_of(context)
    logs.set_up(logs.Format.JSON if json_log else logs.Format.TEXT)
    bootstrap.work(bootstrap.build(session.settings))


def _invite(session: Session, link: str | None) -> None:
    """Tell how the first operator comes in, until one has."""
    if link is not None:
        session.terminal.talk(f"the first operator signs in at {link} (once, within 7 days)")
