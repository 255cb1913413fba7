"""A control plane's database as it is after years, written at once."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from guesthouse.audit.service import GENESIS
from guesthouse.db import Database, Transaction, upgrade
from guesthouse.db.tables import (
    audit_entries,
    environments,
    instances,
    partners,
    products,
    run_log_chunks,
    run_steps,
    runs,
)
from guesthouse.kit.clock import SystemClock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import ActorKind, system_scope
from guesthouse.people.scope import Scope
from guesthouse.people.tokens import TokenGrant, TokenStore
from guesthouse.runs import LogLine, Stream, logchunks

ENVIRONMENTS, RUNS, PARTNERS = 1_000, 100_000, 100
LINES = 100
"""Of each run: ten million lines in all."""
AUDIT_ROWS = 200_000
BATCH = 5_000
START = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
CHUNK = logchunks.pack(
    [
        LogLine(0, START, Stream.OUTPUT, "deploy", f"line {number} of what a build prints")
        for number in range(LINES)
    ],
    compress=True,
)


def fill(state: Path) -> dict[str, str]:
    """Write everything, and return a token of an operator and one of a partner's member."""
    database = Database(Sensitive(f"sqlite:///{state / 'guesthouse.sqlite'}"))
    upgrade(database)
    with database.transaction() as transaction:
        connection = transaction.connection
        for table, values in _things():
            connection.execute(table.insert(), values)
        for first in range(0, RUNS, BATCH):
            numbers = range(first, min(first + BATCH, RUNS))
            connection.execute(runs.insert(), [_run(number) for number in numbers])
            connection.execute(run_steps.insert(), [_step(number) for number in numbers])
            connection.execute(run_log_chunks.insert(), [_chunk(number) for number in numbers])
        for first in range(0, AUDIT_ROWS, BATCH):
            connection.execute(
                audit_entries.insert(), [_entry(number) for number in range(first, first + BATCH)]
            )
        made = _tokens(database, transaction)
    database.close()
    return made


def _tokens(database: Database, transaction: Transaction) -> dict[str, str]:
    clock = SystemClock()
    store = TokenStore(database, clock, NoTrail())
    grants = {
        "operator": TokenGrant("bench", "operator"),
        "member": TokenGrant("bench", "member", ActorKind.MEMBER, frozenset({"p007"})),
    }
    return {
        who: store.create(transaction, system_scope(), grant).reveal()
        for who, grant in grants.items()
    }


class NoTrail:
    """Writes nothing: the chain of the rows that are made up here does not hold anyway."""

    def record(self, transaction: Transaction, scope: Scope, *about: object) -> None:
        """Do nothing."""


def _things() -> Iterator[tuple[sa.Table, list[dict[str, Any]]]]:
    times = {"created_at": START, "updated_at": START}
    source = {"git": "https://git.test/beacon", "ref": "main", "path": ""}
    desired = {"name": "beacon", "source": source}
    yield products, [{"name": "beacon", "desired": desired, **times}]
    yield (
        partners,
        [
            {"name": name, "desired": {"name": name, "title": name}, **times}
            for name in map("p{:03}".format, range(PARTNERS))
        ],
    )
    yield (
        instances,
        [
            {
                "name": f"i{number:04}",
                "provider": "ssh",
                "state": "ready",
                "address": "192.0.2.1",
                "desired": {"name": f"i{number:04}", "provider": "ssh"},
                "facts": {"os": "Debian 12"},
                **times,
            }
            for number in range(ENVIRONMENTS)
        ],
    )
    yield environments, [_environment(number, source) | times for number in range(ENVIRONMENTS)]


def _environment(number: int, source: dict[str, str]) -> dict[str, Any]:
    name, commit = f"e{number:04}", "c" * 40
    columns = {
        "name": name,
        "partner": f"p{number % PARTNERS:03}",
        "product": "beacon",
        "instance": f"i{number:04}",
        "phase": "development",
    }
    routes = {
        route: {"url": f"https://{route}--{name}.apps.test/", "access": "platform"}
        for route in ("app", "api", "docs")
    }
    lock = {
        "images": {f"service-{each}": f"sha256:{each:064}" for each in range(8)},
        "routes": routes,
        "variables": {f"VARIABLE_{each}": "x" * 20 for each in range(20)},
    }
    desired = {**columns, "source": source, "variables": {}, "commit": commit}
    return {
        **columns,
        "state": "ready",
        "desired": desired,
        "subnet_index": 1,
        "lock": lock,
        "current_commit": commit,
    }


def _id(number: int) -> str:
    return f"run_{number:026}"


def _run(number: int) -> dict[str, Any]:
    environment = number % ENVIRONMENTS
    return {
        "id": _id(number),
        "kind": "environment.deploy",
        "environment": f"e{environment:04}",
        "partner": f"p{environment % PARTNERS:03}",
        "actor": "operator",
        "state": "succeeded",
        "payload": {"desired": {"name": f"e{environment:04}", "variables": {"A": "x" * 200}}},
        "attempt": 1,
        "cancel_requested": False,
        "log_lines": LINES,
        "sentence": "",
        "next_step": "",
        "detail": "",
        "created_at": START,
        "started_at": START,
        "ended_at": START,
    }


def _step(number: int) -> dict[str, Any]:
    return {
        "run_id": _id(number),
        "position": 0,
        "name": "deploy",
        "idempotent": False,
        "state": "succeeded",
        "attempt": 1,
        "starts": 1,
        "result": {"timings": {"up": 1.0}},
    }


def _chunk(number: int) -> dict[str, Any]:
    return {
        "run_id": _id(number),
        "first": 1,
        "last": LINES,
        "compressed": True,
        "data": CHUNK,
    }


def _entry(number: int) -> dict[str, Any]:
    environment = number % ENVIRONMENTS
    return {
        "sequence": number + 1,
        "at": START.isoformat(),
        "actor": f"person-{number % 500}",
        "actor_kind": "member",
        "action": "run.read_log" if number % 2 else "environment.change",
        "object": f"run/{_id(number % RUNS)}" if number % 2 else f"environment/e{environment:04}",
        "detail": "{}",
        "partner": f"p{environment % PARTNERS:03}",
        "previous": GENESIS,
        "hash": GENESIS,
    }
