"""demo: one partner's environment on this machine, from nothing; and its removal.

What runs playbooks is imported where it is needed: it takes a while to load.
"""
# ruff: noqa: PLC0415 - see above

import asyncio
import datetime as dt
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from guesthouse.cli.commands.estate import apply_estate, run_to_end
from guesthouse.cli.options import AsJson, Session, session_of
from guesthouse.errors import GuesthouseError
from guesthouse.kit.clock import SystemClock

if TYPE_CHECKING:
    from guesthouse.bootstrap.demo import Demo


class Place(Enum):
    """Where the sample environment runs; the values are providers'."""

    LOCAL = "local"
    CONTAINER = "container"


WhichProvider = Annotated[
    Place, typer.Option("--provider", help="local: this machine; container: one of its own.")
]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(demo)


def demo(
    context: typer.Context,
    *,
    provider: WhichProvider = Place.LOCAL,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it changes on this machine.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the demonstration away.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a sample product up for a sample partner, test it, and print where it answers."""
    from guesthouse.bootstrap.demo import Demo
    from guesthouse.instances.model import Provider

    # A sign-in may be another control plane's, or one that an earlier demonstration took along.
    session = replace(session_of(context), as_machine=True)
    context.call_on_close(session.close)
    show = Demo(session.settings, Provider(provider.value), SystemClock())
    if remove:
        _remove(session, show, as_json=as_json)
        return
    if dry_run and as_json:
        session.terminal.document({"changes": list(show.changes())})
        return
    say = session.terminal.talk if as_json else session.terminal.result
    say("This changes on this machine:")
    for line in show.changes():
        say(f"  - {line}")
    if not dry_run:
        _bring_up(session, show, as_json=as_json)


def _bring_up(session: Session, show: "Demo", *, as_json: bool) -> None:
    clock = SystemClock()
    started = clock.monotonic()
    asyncio.run(show.prepare(session.terminal.log))
    asyncio.run(show.start(session.terminal.log))
    apply_estate(session, show.estate, yes=True, as_json=as_json)
    took = dt.timedelta(seconds=round(clock.monotonic() - started))
    say = session.terminal.talk if as_json else session.terminal.result
    for line in show.farewell(sample_member_link(session)):
        say(line)
    session.terminal.talk(f"this took {took}")


def sample_member_link(session: Session) -> str | None:
    """Invite the sample partner's member anew; return None where they have come in already."""
    from guesthouse.bootstrap.demo import MEMBER, MEMBER_ROLE, MEMBER_TITLE, PARTNER

    api = session.api
    try:
        for member in api.items(f"/partners/{PARTNER}/members"):
            if member["login"] == MEMBER and member["invitation"] is None:
                return None
            if member["login"] == MEMBER:
                # Its code was shown once and can't be shown again.
                api.delete(f"/invitations/{member['invitation']}")
        body = {"login": MEMBER, "title": MEMBER_TITLE, "role": MEMBER_ROLE}
        made = api.post(f"/partners/{PARTNER}/invitations", body)
    except GuesthouseError as exc:
        # The demonstration is up all the same.
        session.terminal.talk(f"nobody of {PARTNER} is invited: {exc.sentence}")
        return None
    return str(made["url"])


def _remove(session: Session, show: "Demo", *, as_json: bool) -> None:
    """Destroy what the control plane has made, then the control plane."""
    asyncio.run(show.start(session.terminal.log))
    for kind, path in (("environments", "/environments"), ("instances", "/instances")):
        for thing in session.api.items(path):
            try:
                run = session.api.delete(f"/{kind}/{thing['name']}")
            except GuesthouseError as exc:
                session.terminal.talk(f"{kind}/{thing['name']}: {exc.sentence}")
                continue
            run_to_end(session, run, detach=False, as_json=False)
    asyncio.run(show.remove(session.terminal.log))
    if as_json:
        session.terminal.document({"kept_packages": list(show.packages())})
        return
    session.terminal.result("gone; these packages stay, remove what you do not need:")
    for line in show.packages():
        session.terminal.result(f"  - {line}")
