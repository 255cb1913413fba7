"""partner: look at partners, add one by hand, see one out."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from guesthouse.cli.commands.member import show_members
from guesthouse.cli.following import follow_all, raise_unless_succeeded
from guesthouse.cli.options import AsJson, Detach, Name, Session, Yes, session_of
from guesthouse.cli.show import details, table
from guesthouse.errors import Failed

app = typer.Typer(help="Partners: third-party organisations.")
COUNTS: Mapping[str, tuple[str, str]] = {
    "sessions": ("session", "sessions"),
    "tokens": ("token", "tokens"),
    "invitations": ("invitation", "invitations"),
    "device_logins": ("sign-in of a program", "sign-ins of programs"),
    "gateway_sessions": ("browser at a route", "browsers at routes"),
}


class NotAllEnded(Failed):
    """Something was found when all was looked for anew."""

    def __init__(self, partner: str) -> None:
        super().__init__(
            f"not all of {partner} has ended",
            next_step=f"guesthouse partner offboard {partner}, which ends what came meanwhile",
        )


@app.command("list")
def list_partners(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List partners."""
    session = session_of(context)
    found = list(session.api.items("/partners"))
    if as_json:
        session.terminal.document(found)
        return
    rows = ([item["name"], item["title"], _standing(item)] for item in found)
    for line in table(("name", "title", "standing"), rows):
        session.terminal.result(line)
    if not found:
        session.terminal.talk("there are no partners yet; next: guesthouse partner add NAME")


@app.command("show")
def show(context: typer.Context, name: Name, *, as_json: AsJson = False) -> None:
    """Show a partner and its members."""
    session = session_of(context)
    found = session.api.get(f"/partners/{name}")
    members = list(session.api.items(f"/partners/{name}/members"))
    if as_json:
        session.terminal.document({**found, "members": members})
        return
    pairs = {"name": found["name"], "title": found["title"], "standing": _standing(found)}
    for line in details(pairs):
        session.terminal.result(line)
    if members:
        session.terminal.result("")
        show_members(session, members)


@app.command("add")
def add(
    context: typer.Context,
    name: Name,
    *,
    title: Annotated[str, typer.Option("--title", help="Unless told, the name.")] = "",
    as_json: AsJson = False,
) -> None:
    """Add a partner by hand; an estate that declares it later takes it over."""
    session = session_of(context)
    made = session.api.post("/partners", {"name": name, "title": title or name})
    if as_json:
        session.terminal.document(made)
        return
    session.terminal.result(f"partner {name} is added")
    session.terminal.talk(f"next: guesthouse member invite {name} LOGIN --role manager")


@app.command("offboard")
def offboard(  # noqa: PLR0913 - each is an option
    context: typer.Context,
    name: Name,
    *,
    keep_snapshot: Annotated[
        bool, typer.Option("--keep-snapshot", help="Refused: there are no snapshots yet.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would end.")] = False,
    yes: Yes = False,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Show what ends with a partner, end all of it, and print the evidence."""
    session = session_of(context)
    plan = session.api.get(f"/partners/{name}/offboard")
    if dry_run and as_json:
        session.terminal.document(plan)
        return
    say = session.terminal.result if dry_run else session.terminal.talk
    for line in _plan(plan):
        say(line)
    if dry_run:
        return
    session.confirm(f"Offboard {name}? Its environments go with all their data.", yes=yes)
    body = {"keep_snapshot": keep_snapshot}
    done = session.api.post(f"/partners/{name}/offboard", body)
    _finish(session, plan, done, detach=detach, as_json=as_json)


@app.command("readmit")
def readmit(context: typer.Context, name: Name, *, as_json: AsJson = False) -> None:
    """Let a partner come back that was offboarded; its people are invited anew."""
    session = session_of(context)
    done = session.api.post(f"/partners/{name}/readmit")
    if as_json:
        session.terminal.document(done)
        return
    count = done["enabled"]
    accounts = "1 account" if count == 1 else f"{count} accounts"
    session.terminal.result(f"{name} may come back; {accounts} may sign in again")
    session.terminal.talk(f"nobody is its member: guesthouse member invite {name} LOGIN")


def _finish(
    session: Session,
    plan: Mapping[str, Any],
    done: dict[str, Any],
    *,
    detach: bool,
    as_json: bool,
) -> None:
    """Print the evidence at once, then follow what destroys the environments."""
    terminal = session.terminal
    for line in () if as_json else _evidence(done):
        terminal.result(line)
    runs = done["runs"] if detach else follow_all(session.api, terminal, done["runs"])
    if as_json:
        terminal.document({**done, "plan": plan, "runs": runs})
    if any(done["left"].values()):
        raise NotAllEnded(done["partner"])
    if not detach:
        raise_unless_succeeded(runs, terminal)
        for run in runs if not as_json else ():
            terminal.result(f"environment {run['environment']} is destroyed with its data")
    if done["is_declared"]:
        terminal.talk(f"next: remove partners/{done['partner']}.yaml and its environments' files")


def _plan(plan: Mapping[str, Any]) -> Iterator[str]:
    ends = plan["ends"]
    if plan["offboarded_at"]:
        yield f"{plan['partner']} was offboarded at {_time(plan['offboarded_at'])}"
    if not any(ends.values()):
        yield "nothing of it is left to end"
    else:
        yield f"This ends with {plan['partner']} ({plan['title']}):"
        yield from (f"  - {line}" for line in _ends(ends))
    for environment in plan["waiting"]:
        yield f"  environment {environment} is being destroyed"


def _ends(ends: Mapping[str, Any]) -> Iterator[str]:
    for member in ends["members"]:
        account = "keeps an account here" if member["keeps_account"] else "account is disabled"
        yield f"member {member['login']} ({member['role']}; {account})"
    for name, (one, many) in COUNTS.items():
        if ends[name]:
            yield f"{ends[name]} {one if ends[name] == 1 else many}"
    for run in ends["runs"]:
        yield f"run {run['id']} ({run['kind']}, {run['state']})"
    for environment in ends["environments"]:
        yield f"environment {environment['name']} ({environment['state']}), with its data"
        for route in environment["routes"]:
            yield f"route {route}, refused within 5 seconds"
        for route in environment["unasked_routes"]:
            yield f"route {route}, open to everybody until it is destroyed"
    yield "open streams and WebSockets of these people, within 5 seconds"


def _evidence(done: Mapping[str, Any]) -> Iterator[str]:
    for each in done["evidence"]:
        yield f"{_time(each['at'])}  {each['sentence']}"
    yield f"offboarded since {_time(done['offboarded_at'])}; nobody of it is let in"
    yield f"to prove it later: guesthouse audit verify --noted {done['noted']}"


def _time(text: str) -> str:
    return f"{text[:19].replace('T', ' ')} UTC"


def _standing(partner: Mapping[str, Any]) -> str:
    if partner["offboarded_at"]:
        return f"offboarded {partner['offboarded_at'][:10]}"
    if partner["is_leaving"]:
        return "leaving"
    return "declared" if partner["is_declared"] else "added by hand"
