"""A console with a past: partners, environments in every state, runs with real-looking logs."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from guesthouse.db import Transaction
from guesthouse.db.tables import accounts, environments, instances, memberships, partners
from guesthouse.environments.store import ArtifactStore, EnvironmentStore
from guesthouse.errors import Kind
from guesthouse.kit.clock import SystemClock
from guesthouse.people import ActorKind, Scope, member_scope, operator_scope, system_scope
from guesthouse.people.model import Role
from guesthouse.runs import LogLine, Run, RunState, StepState, Stream
from guesthouse.runs.attempts import Attempt, AttemptStore
from guesthouse.runs.model import Ending
from tests.fakes.services import GIT, FakeServices

SYSTEM = system_scope()
OWNER = operator_scope("operator")
DEVELOPER = member_scope("developer@acme.example", frozenset({"acme"}), Role.DEVELOPER)
NOW = SystemClock().now()
"""When the story is told; what happened before happened before this."""
JUNIT = b"""<testsuite name="functional" tests="4" failures="1">
<testcase classname="test_product" name="sensors are listed" time="0.41"/>
<testcase classname="test_product" name="a reading is kept" time="0.87"/>
<testcase classname="test_plugins" name="a plugin registers" time="1.2">
<failure message="503 from /v1/plugins, expected 201">Traceback</failure></testcase>
<testcase classname="test_plugins" name="a plugin is forgotten" time="0.01"><skipped/></testcase>
</testsuite>"""
GOOD_LOG: Mapping[str, tuple[str, ...]] = {
    "fetch": (
        "fetching https://git.example/beacon at main",
        "commit \x1b[33m4be1c02\x1b[0m Bring readings of the last hour on one page",
        "38 files, 1.2 MB",
    ),
    "deploy": (
        "#1 [api 1/4] FROM debian:bookworm-slim",
        "#2 [api 2/4] RUN apt-get install -y python3",
        "#3 [api 3/4] COPY service.py /srv/",
        "#4 exporting layers \x1b[32mdone\x1b[0m",
        " Container gh-acme-database-1  \x1b[32mHealthy\x1b[0m",
        " Container gh-acme-api-1  \x1b[32mHealthy\x1b[0m",
        " Container gh-acme-app-1  \x1b[32mHealthy\x1b[0m",
        "verified: 3 containers are what was asked for",
    ),
}


@dataclass
class Narrator:
    """Moves runs along at times of its own choosing."""

    services: FakeServices
    at: dt.datetime = NOW
    store: AttemptStore = field(default_factory=AttemptStore)

    def later(self, seconds: float) -> dt.datetime:
        self.at += dt.timedelta(seconds=seconds)
        return self.at

    def start(self, run: Run) -> Attempt:
        with self.services.database.transaction() as transaction:
            assert self.store.claim(SYSTEM, transaction, run, worker="hand", at=self.at)
            return self.store.begin(SYSTEM, transaction, run.id, worker="hand")

    def begin(self, attempt: Attempt, position: int) -> None:
        with self.services.database.transaction() as transaction:
            self.store.start_step(
                transaction, attempt, position, expected=StepState.PENDING, at=self.at
            )

    def write(
        self, attempt: Attempt, step: str, texts: Iterable[str], stream: Stream = Stream.OUTPUT
    ) -> None:
        lines = [LogLine(0, self.later(0.4), stream, step, text) for text in texts]
        with self.services.database.transaction() as transaction:
            self.store.append_lines(transaction, attempt, lines)

    def end_step(self, attempt: Attempt, position: int) -> None:
        with self.services.database.transaction() as transaction:
            self.store.end_step(transaction, attempt, position, result={}, at=self.at)

    def end(self, attempt: Attempt, ending: Ending) -> None:
        with self.services.database.transaction() as transaction:
            assert self.store.finish(SYSTEM, transaction, attempt, ending=ending, at=self.at)

    def succeed(self, run: Run) -> None:
        attempt = self.start(run)
        for position, step in enumerate(run.steps):
            self.begin(attempt, position)
            self.write(attempt, step.name, [f"step {step.name} begins"], Stream.NOTE)
            self.write(attempt, step.name, GOOD_LOG.get(step.name, ("done",)))
            self.later(3.7 * (position + 1))
            self.end_step(attempt, position)
        self.end(attempt, Ending(RunState.SUCCEEDED))

    def fail(self, run: Run, ending: Ending, lines: Iterable[str]) -> None:
        attempt = self.start(run)
        self.begin(attempt, 0)
        self.write(attempt, run.steps[0].name, GOOD_LOG["fetch"])
        self.later(2)
        self.end_step(attempt, 0)
        self.begin(attempt, 1)
        self.write(attempt, run.steps[1].name, lines)
        self.later(61)
        self.end(attempt, ending)


@dataclass(frozen=True)
class Story:
    """What was made, by what tests need it for."""

    succeeded: str
    failed: str
    running: str
    attempt: Attempt
    narrator: Narrator


def tell(services: FakeServices) -> Story:
    """Fill the console, as it stands at `NOW`."""
    _people(services)
    _places(services)
    narrator = Narrator(services)
    narrator.at = NOW - dt.timedelta(days=2)
    _deploy(services, narrator, DEVELOPER, "acme")
    narrator.at = NOW - dt.timedelta(hours=20)
    cancelled = services.environments.deploy(OWNER, "acme-next")
    services.runs.cancel(OWNER, cancelled.id)
    narrator.at = NOW - dt.timedelta(hours=3)
    succeeded = _deploy(services, narrator, DEVELOPER, "acme")
    narrator.at = NOW - dt.timedelta(hours=1)
    failed = services.environments.deploy(OWNER, "acme-next")
    narrator.fail(
        failed,
        Ending(
            RunState.FAILED,
            "Service api did not become healthy within 60 s; the earlier version still serves",
            f"guesthouse run log {failed.id}",
            "api-1  | listening on :8080\napi-1  | connection refused: database:5432\n"
            "api-1  | giving up after 12 attempts",
            Kind.FAILED,
        ),
        (
            " Container gh-acme-next-database-1  Healthy",
            "\x1b[31mapi-1  | connection refused: database:5432\x1b[0m",
            "\x1b[1;31mapi-1  | giving up after 12 attempts\x1b[0m",
            " Container gh-acme-next-api-1  \x1b[31mUnhealthy\x1b[0m",
        ),
    )
    with services.database.transaction() as transaction:
        ArtifactStore().put(
            SYSTEM, transaction, failed.id, "junit.xml", media_type="x", data=JUNIT, at=NOW
        )
        _stand(transaction, "acme", "ready")
        _stand(transaction, "acme-next", "failed")
        _stand(transaction, "other", "ready")
        _stand(transaction, "spare", "ready")
    narrator.at = NOW - dt.timedelta(seconds=21)
    running = services.environments.deploy(OWNER, "globex")
    attempt = narrator.start(running)
    narrator.begin(attempt, 0)
    narrator.write(attempt, running.steps[0].name, GOOD_LOG["fetch"])
    narrator.later(2)
    narrator.end_step(attempt, 0)
    narrator.begin(attempt, 1)
    narrator.write(attempt, running.steps[1].name, GOOD_LOG["deploy"][:3])
    services.environments.destroy(OWNER, "initech")
    return Story(succeeded.id, failed.id, running.id, attempt, narrator)


def _deploy(services: FakeServices, narrator: Narrator, scope: Scope, name: str) -> Run:
    run = services.environments.deploy(scope, name)
    narrator.succeed(run)
    with services.database.transaction() as transaction:
        store = EnvironmentStore()
        store.serve(
            SYSTEM, transaction, name, run=run.id, lock=_lock(name), commit="4be1c02" + "a" * 33
        )
    return run


def _lock(name: str) -> dict[str, Any]:
    routes = {
        route: {
            "url": f"https://{route}--{name}.apps.guesthouse.example/",
            "access": access,
        }
        for route, access in (("app", "platform"), ("api", "platform"), ("docs", "public"))
    }
    return {
        "lock": 1,
        "environment": name,
        "product": "beacon",
        "source": {"git": GIT, "ref": "main", "path": "", "commit": "4be1c02" + "a" * 33},
        "variables": {},
        "images": {},
        "routes": routes,
    }


def _people(services: FakeServices) -> None:
    with services.database.transaction() as transaction:
        for login, title, kind, sealed in (
            ("operator", "Odile Operator", ActorKind.OPERATOR, b"sealed"),
            ("developer@acme.example", "Dana Developer", ActorKind.MEMBER, None),
            ("outsider@other.example", "Otto Outsider", ActorKind.MEMBER, None),
        ):
            transaction.insert(
                accounts,
                id=f"acc_{login}"[:40],
                login=login,
                title=title,
                kind=kind.value,
                password_hash="$argon2id$x",  # noqa: S106 - nobody signs in by it
                totp_sealed=sealed,
                is_declared=False,
                created_at=NOW - dt.timedelta(days=30),
            )
        for login, partner, role in (
            ("developer@acme.example", "acme", Role.DEVELOPER),
            ("outsider@other.example", "other", Role.VIEWER),
        ):
            transaction.insert(
                memberships,
                account=f"acc_{login}"[:40],
                partner=partner,
                role=role.value,
                origin="invitation",
            )


def _places(services: FakeServices) -> None:
    times = {"created_at": NOW - dt.timedelta(days=9), "updated_at": NOW - dt.timedelta(days=9)}
    store = EnvironmentStore()
    with services.database.transaction() as transaction:
        facts = {"os": "Debian 12", "cpus": 4, "engine": "26.1.5"}
        transaction.change(
            sa.update(instances).values(facts=facts, updated_at=times["updated_at"])
        )
        transaction.insert(
            instances,
            name="north",
            provider="ssh",
            state="declared",
            address="203.0.113.20",
            desired={"name": "north", "provider": "ssh"},
            facts=None,
            **times,
        )
        for name, title in (("globex", "Globex Automation"), ("initech", "Initech")):
            transaction.insert(
                partners, name=name, desired={"name": name, "title": title}, **times
            )
        for index, (name, partner, phase) in enumerate(
            (
                ("acme-next", "acme", "integration"),
                ("globex", "globex", "development"),
                ("initech", "initech", "development"),
                ("spare", "initech", "development"),
            )
        ):
            desired = {
                "name": name,
                "partner": partner,
                "product": "beacon",
                "instance": "box",
                "phase": phase,
                "source": {"git": GIT, "ref": "main", "path": ""},
                "variables": {},
                "commit": "9d0e77a" + "b" * 33,
            }
            store.insert(
                SYSTEM, transaction, desired, subnet_index=20 + index, at=times["updated_at"]
            )
        for name in ("acme", "acme-next"):
            store.serve(
                SYSTEM,
                transaction,
                name,
                run="run_0",
                lock=_lock(name),
                commit="4be1c02" + "a" * 33,
            )
        transaction.change(
            sa.update(environments)
            .where(environments.c.name == "initech")
            .values(state="ready", lock=_lock("initech"))
        )


def _stand(transaction: Transaction, name: str, state: str) -> None:
    transaction.change(
        sa.update(environments)
        .where(environments.c.name == name)
        .values(state=state, updated_at=NOW - dt.timedelta(hours=1))
    )
