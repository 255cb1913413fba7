"""member, invitation: who is with a partner, and who may come in."""

from typing import Annotated, Any

import typer

from guesthouse.cli.options import AsJson, Session, Yes, session_of
from guesthouse.cli.show import table

app = typer.Typer(help="Members: the people of a partner.")
invitation_app = typer.Typer(help="Invitations: links that let somebody in, once.")
USUAL_DAYS = 7
Partner = Annotated[str, typer.Argument(metavar="PARTNER")]
Login = Annotated[str, typer.Argument(metavar="LOGIN")]
Title = Annotated[str, typer.Option("--title", help="The person's name; unless told, the login.")]
Days = Annotated[int, typer.Option("--days", min=1, max=30, help="How long it is good.")]


@app.command("list")
def list_members(context: typer.Context, partner: Partner, *, as_json: AsJson = False) -> None:
    """List a partner's members, and who is invited."""
    session = session_of(context)
    found = list(session.api.items(f"/partners/{partner}/members"))
    if as_json:
        session.terminal.document(found)
        return
    show_members(session, found)
    if not found:
        session.terminal.talk(f"{partner} has no members yet; next: guesthouse member invite")


@app.command("invite")
def invite(  # noqa: PLR0913 - each is an option
    context: typer.Context,
    partner: Partner,
    login: Login,
    *,
    role: Annotated[
        str, typer.Option("--role", help="viewer, developer or manager.")
    ] = "developer",
    title: Title = "",
    days: Days = USUAL_DAYS,
    as_json: AsJson = False,
) -> None:
    """Invite somebody to a partner and print the link, this once."""
    session = session_of(context)
    body = {"login": login, "title": title or login, "role": role, "days": days}
    _show_invited(session, session.api.post(f"/partners/{partner}/invitations", body), as_json)


@app.command("role")
def set_role(
    context: typer.Context,
    partner: Partner,
    login: Login,
    role: Annotated[str, typer.Argument(metavar="ROLE")],
    *,
    as_json: AsJson = False,
) -> None:
    """Give a member another role; it counts from their next request on."""
    session = session_of(context)
    session.api.put(f"/partners/{partner}/members/{login}", {"role": role})
    if as_json:
        session.terminal.document({"partner": partner, "login": login, "role": role})
    else:
        session.terminal.result(f"{login} is {role} of {partner}")


@app.command("remove")
def remove(
    context: typer.Context,
    partner: Partner,
    login: Login,
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """See a member out; what they hold opens nothing of the partner from then on."""
    session = session_of(context)
    session.confirm(f"See {login} out of {partner}?", yes=yes)
    ended = session.api.delete(f"/partners/{partner}/members/{login}")
    if as_json:
        session.terminal.document(ended)
        return
    counts = ", ".join(
        f"{ended[what]} {what if ended[what] != 1 else what.removesuffix('s')}"
        for what in ("sessions", "tokens", "invitations")
    )
    session.terminal.result(f"{login} is no member of {partner} any more; ended: {counts}")


@invitation_app.command("list")
def list_invitations(
    context: typer.Context,
    *,
    partner: Annotated[
        str | None, typer.Option("--partner", metavar="NAME", help="Only to this partner.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List invitations nobody has taken yet."""
    session = session_of(context)
    path = "/invitations" if partner is None else f"/partners/{partner}/invitations"
    found = list(session.api.items(path))
    if as_json:
        session.terminal.document(found)
        return
    rows = (
        [
            item["id"],
            item["login"],
            item["partner"],
            item["role"] or item["kind"],
            item["invited_by"],
            item["expires_at"][:16].replace("T", " "),
        ]
        for item in found
    )
    headings = ("invitation", "login", "partner", "as", "by", "good until (utc)")
    for line in table(headings, rows):
        session.terminal.result(line)
    if not found:
        session.terminal.talk("nobody is invited; next: guesthouse member invite PARTNER LOGIN")


@invitation_app.command("create")
def create(
    context: typer.Context,
    login: Login,
    *,
    kind: Annotated[str, typer.Option("--kind", help="operator or auditor.")] = "operator",
    title: Title = "",
    days: Days = USUAL_DAYS,
    as_json: AsJson = False,
) -> None:
    """Invite an operator or an auditor of the company and print the link, this once."""
    session = session_of(context)
    body = {"login": login, "title": title or login, "kind": kind, "days": days}
    _show_invited(session, session.api.post("/invitations", body), as_json)


@invitation_app.command("revoke")
def revoke(
    context: typer.Context,
    invitation: Annotated[str, typer.Argument(metavar="ID")],
    *,
    as_json: AsJson = False,
) -> None:
    """End an invitation nobody has taken yet."""
    session = session_of(context)
    session.api.delete(f"/invitations/{invitation}")
    if as_json:
        session.terminal.document({"id": invitation, "revoked": True})
    else:
        session.terminal.result(f"{invitation} is revoked")


def show_members(session: Session, members: list[dict[str, Any]]) -> None:
    """Write members as a table."""
    rows = (
        [
            item["login"],
            item["title"],
            item["role"],
            item["state"],
            item["origin"],
            "yes" if item["has_totp"] else "no",
        ]
        for item in members
    )
    for line in table(("login", "name", "role", "state", "by", "second factor"), rows):
        session.terminal.result(line)


def _show_invited(session: Session, made: dict[str, Any], as_json: bool) -> None:  # noqa: FBT001 - the flag of the verb
    if as_json:
        session.terminal.document(made)
        return
    session.terminal.result(made["url"])
    until = made["expires_at"][:16].replace("T", " ")
    session.terminal.talk(f"send it to {made['login']}: it is good once, until {until} UTC")
