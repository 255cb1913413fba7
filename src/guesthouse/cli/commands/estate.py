"""plan, apply, schema: what an estate repository is for.

What reads YAML is imported where it is needed: it takes a while to load, which nobody who lists
runs should wait for.
"""
# ruff: noqa: PLC0415 - see above

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from guesthouse.cli.following import follow, follow_all, raise_unless_succeeded
from guesthouse.cli.options import AsJson, Detach, Session, Yes, session_of
from guesthouse.cli.terminal import Terminal
from guesthouse.errors import Invalid

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="The estate repository.", show_default=True)
]
OneEnvironment = Annotated[
    str | None, typer.Option("--env", metavar="NAME", help="Only this environment.")
]
COLOURS: Mapping[str, str] = {"+": "green", "~": "yellow", "-": "red"}


class LockUnreadable(Invalid):
    """The file holds no lock."""

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(
            f"{file} holds no lock: {why}", next_step="guesthouse env lock NAME --json > FILE"
        )


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("plan")(plan)
    app.command("apply")(apply)
    app.command("schema")(schema)


def plan(
    context: typer.Context,
    directory: Directory = Path(),
    environment: OneEnvironment = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what an apply would do."""
    session = session_of(context)
    found = _plan(session, _read(directory), environment)
    if as_json:
        session.terminal.document(found)
    else:
        session.terminal.result(found["text"].rstrip("\n"))


def apply(  # noqa: PLR0913 - each is an option
    context: typer.Context,
    directory: Directory = Path(),
    environment: OneEnvironment = None,
    *,
    locked: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Reproduce this lock exactly.")
    ] = None,
    yes: Yes = False,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Make what the estate declares so, and show it happen."""
    session = session_of(context)
    lock = None if locked is None else _read_lock(locked)
    if lock is not None:
        environment = environment or str(lock["environment"])
    done = _Applying(session, environment, lock=lock, yes=yes, as_json=as_json)
    done.start(_read(directory))
    done.finish(detach=detach)


def apply_estate(session: Session, directory: Path, *, yes: bool, as_json: bool) -> None:
    """Make an estate so, and show it happen."""
    done = _Applying(session, None, lock=None, yes=yes, as_json=as_json)
    done.start(_read(directory))
    done.finish(detach=False)


def schema(
    context: typer.Context,
    *,
    write: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write one file for each kind there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print or write JSON Schema, so that editors complete estates and manifests."""
    from guesthouse.estate.schema import schemas, write_schemas
    from guesthouse.stacks.manifest import manifest_schema

    terminal = session_of(context).terminal
    found = {**schemas(), "manifest": manifest_schema()}
    if write is None:
        terminal.document(found)  # it is JSON, asked for or not
        return
    written = [str(path) for path in write_schemas(write, found)]
    if as_json:
        terminal.document(written)
        return
    for path in written:
        terminal.result(path)


class _Applying:
    """One apply: shown, confirmed, carried out, followed."""

    def __init__(
        self,
        session: Session,
        environment: str | None,
        *,
        lock: Mapping[str, Any] | None,
        yes: bool,
        as_json: bool,
    ) -> None:
        self.session = session
        self.terminal: Terminal = session.terminal
        self.environment = environment
        self.lock = lock
        self.yes = yes
        self.as_json = as_json
        self.plan: dict[str, Any] = {}
        self.runs: list[dict[str, Any]] = []

    def start(self, documents: Mapping[str, str]) -> None:
        """Show what there is to do, ask, and have it done."""
        self.plan = _plan(self.session, documents, self.environment)
        self._show_plan()
        if self.plan["changes"] or self.lock:
            self.session.confirm("Do this?", yes=self.yes)
        if self.plan["changes"]:
            body = {
                "documents": documents,
                "environment": self.environment,
                "expected": self.plan["fingerprint"],
            }
            self.runs += self.session.api.post("/estate/apply", body)["runs"]
        if self.lock:
            address = f"/environments/{self.environment}/deploy"
            self.runs.append(self.session.api.post(address, {"locked": self.lock}))

    def finish(self, *, detach: bool) -> None:
        """Follow the runs to their end and say where things answer now."""
        if not detach:
            self.runs = follow_all(self.session.api, self.terminal, self.runs)
        elif not self.as_json:
            for run in self.runs:
                self.terminal.result(f"{run['id']}  {run['environment'] or run['kind']}")
        served = [] if detach else self._served()
        if self.as_json:
            self.terminal.document({"plan": self.plan, "runs": self.runs, "environments": served})
        for environment in served if not self.as_json else ():
            show_addresses(self.terminal, environment)
        if not detach:
            raise_unless_succeeded(self.runs, self.terminal)

    def _show_plan(self) -> None:
        for line in self.plan["text"].rstrip("\n").split("\n"):
            if self.as_json:
                self.terminal.talk(line, COLOURS.get(line[:1], ""))
            else:
                self.terminal.result(line)

    def _served(self) -> list[dict[str, Any]]:
        """Return the environments that these runs brought up."""
        deployed = {
            run["environment"]: None
            for run in self.runs
            if run["state"] == "succeeded" and run["kind"] == "environment.deploy"
        }
        return [self.session.api.get(f"/environments/{name}") for name in deployed]


def show_addresses(terminal: Terminal, environment: Mapping[str, Any]) -> None:
    """Write where an environment's routes answer."""
    for address in environment["addresses"]:
        terminal.result(f"{environment['name']}  {address['route']}  {address['url']}")


def run_to_end(session: Session, run: Mapping[str, Any], *, detach: bool, as_json: bool) -> None:
    """Show a run that was just started to its end, and print it."""
    ended = dict(run) if detach else follow(session.api, session.terminal, run)
    if as_json:
        session.terminal.document(ended)
    elif detach:
        session.terminal.result(ended["id"])
    if not detach:
        raise_unless_succeeded([ended], session.terminal)


def _plan(
    session: Session, documents: Mapping[str, str], environment: str | None
) -> dict[str, Any]:
    body = {"documents": documents, "environment": environment}
    found: dict[str, Any] = session.api.post("/estate/plan", body)
    return found


def _read(directory: Path) -> dict[str, str]:
    from guesthouse.estate.load import read_directory

    return read_directory(directory)


def _read_lock(file: Path) -> dict[str, Any]:
    try:
        lock = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise LockUnreadable(file, str(exc)) from exc
    if not isinstance(lock, dict) or "environment" not in lock:
        raise LockUnreadable(file, "it names no environment")
    return lock
