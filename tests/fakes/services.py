"""The services entry points call: runs, tokens, audit are real; the rest keeps to memory."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from guesthouse import config
from guesthouse.config import Settings
from guesthouse.db import Database
from guesthouse.db.tables import environments, instances, partners, products
from guesthouse.environments.model import (
    Desired,
    Environment,
    EnvironmentNotFound,
    EnvironmentState,
    LockMissing,
    Source,
)
from guesthouse.gateway.model import Decision
from guesthouse.instances.model import Instance, InstanceNotFound, InstanceState, Provider
from guesthouse.kit.clock import Clock
from guesthouse.kit.pagination import Page, bounded_limit
from guesthouse.people import Scope, member_scope, operator_scope, system_scope
from guesthouse.people.scope import ActorKind
from guesthouse.people.tokens import TokenGrant, TokenStore
from guesthouse.runs import Flow, FlowRegistry, Json, Run, RunContext, RunService, StepDefinition
from tests.fakes.clock import START

CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
OPERATOR = operator_scope("operator")
MEMBER = member_scope("member", frozenset({"acme"}))
OUTSIDER = member_scope("outsider", frozenset({"other"}))
COMMIT = "c" * 40
LOCK: Mapping[str, Any] = {
    "lock": 1,
    "environment": "acme",
    "source": {"commit": COMMIT},
    "images": {"api": "sha256:aa"},
    "routes": {"app": {"url": "https://app--acme.apps.localhost:8443/", "access": "platform"}},
}


async def _nothing(_context: RunContext) -> Json:
    return {}


def flow(kind: str) -> Flow:
    return Flow(
        kind,
        [
            StepDefinition("fetch", _nothing, idempotent=True),
            StepDefinition("deploy", _nothing, idempotent=False),
        ],
    )


KINDS = ("environment.deploy", "environment.destroy", "instance.provision", "instance.destroy")


def environment(name: str, partner: str, *, lock: Json | None = None) -> Environment:
    return Environment(
        name=name,
        partner=partner,
        product="beacon",
        instance="local",
        phase="development",
        state=EnvironmentState.READY if lock else EnvironmentState.PENDING,
        desired=Desired(
            name=name,
            partner=partner,
            product="beacon",
            instance="local",
            phase="development",
            source=Source("https://git.test/beacon", "main", ""),
            variables={},
            commit=COMMIT,
        ),
        subnet_index=1,
        lock=lock,
        commit=COMMIT if lock else None,
        current_run=None,
        updated_at=START,
    )


def instance(name: str) -> Instance:
    return Instance(
        name=name,
        provider=Provider.LOCAL,
        state=InstanceState.READY,
        address="127.0.0.1",
        fingerprint="f" * 64,
        desired={"gateway_port": 8443},
        facts={"os": "Debian 12"},
        updated_at=START,
    )


def _paged(found: Iterable[Any], cursor: str | None, limit: int | None) -> Page[Any]:
    size = bounded_limit(limit)
    following = sorted(
        (item for item in found if cursor is None or item.name > cursor), key=lambda i: i.name
    )
    items = tuple(following[:size])
    return Page(items, items[-1].name if len(following) > size else None)


@dataclass
class FakeEnvironments:
    runs: RunService
    database: Database
    kept: dict[str, Environment] = field(default_factory=dict)

    def list(
        self, scope: Scope, *, cursor: str | None = None, limit: int | None = None
    ) -> Page[Environment]:
        seen = (item for item in self.kept.values() if scope.sees(item.partner))
        return _paged(seen, cursor, limit)

    def get(self, scope: Scope, name: str) -> Environment:
        found = self.kept.get(name)
        if found is None or not scope.sees(found.partner):
            raise EnvironmentNotFound(name)
        return found

    def lock(self, scope: Scope, name: str) -> Json:
        found = self.get(scope, name)
        if found.lock is None:
            raise LockMissing(name)
        return found.lock

    def deploy(self, scope: Scope, name: str) -> Run:
        return self._enqueue(scope, "environment.deploy", self.get(scope, name).name)

    def destroy(self, scope: Scope, name: str) -> Run:
        return self._enqueue(scope, "environment.destroy", self.get(scope, name).name)

    def _enqueue(self, scope: Scope, kind: str, name: str) -> Run:
        with self.database.transaction() as transaction:
            return self.runs.enqueue(transaction, scope, kind=kind, environment=name, payload={})


@dataclass
class FakeInstances:
    runs: RunService
    database: Database
    kept: dict[str, Instance] = field(default_factory=dict)

    def list(
        self, scope: Scope, *, cursor: str | None = None, limit: int | None = None
    ) -> Page[Instance]:
        return _paged(self.kept.values() if scope.partners is None else (), cursor, limit)

    def get(self, scope: Scope, name: str) -> Instance:
        if scope.partners is not None or name not in self.kept:
            raise InstanceNotFound(name)
        return self.kept[name]

    def provision(self, scope: Scope, name: str) -> Run:
        return self._enqueue(scope, "instance.provision", name)

    def destroy(self, scope: Scope, name: str) -> Run:
        return self._enqueue(scope, "instance.destroy", name)

    def _enqueue(self, scope: Scope, kind: str, name: str) -> Run:
        self.get(scope, name)
        with self.database.transaction() as transaction:
            return self.runs.enqueue(transaction, scope, kind=kind, environment=None, payload={})


@dataclass
class FakeAuthorisation:
    tokens: TokenStore
    environments: FakeEnvironments

    def authorise(self, token: str, environment: str, route: str) -> Decision:
        del route
        scope = self.tokens.authenticate(token)
        if scope is None:
            return Decision.UNAUTHENTICATED
        found = self.environments.kept.get(environment)
        if found is None or not scope.sees(found.partner):
            return Decision.NOT_FOUND
        return Decision.ALLOWED


@dataclass(frozen=True)
class FakeServices:
    runs: RunService
    environments: FakeEnvironments
    instances: FakeInstances
    authorisation: FakeAuthorisation
    tokens: TokenStore
    database: Database
    clock: Clock
    settings: Settings
    ca: str = CA

    def token(self, scope: Scope, *, lifetime: dt.timedelta | None = None) -> str:
        grant = TokenGrant(
            name=scope.actor,
            actor=scope.actor,
            kind=ActorKind(scope.kind),
            partners=scope.partners,
            lifetime=lifetime,
        )
        with self.database.transaction() as transaction:
            return self.tokens.create(transaction, system_scope(), grant).reveal()


def fake_services(database: Database, clock: Clock, state: Path) -> FakeServices:
    """Return services that know environments acme and other, each its own partner's."""
    _insert_rows(database)
    runs = RunService(database, clock, FlowRegistry(map(flow, KINDS)))
    tokens = TokenStore(database, clock)
    kept = {
        "acme": environment("acme", "acme", lock=LOCK),
        "other": environment("other", "other"),
    }
    fake_environments = FakeEnvironments(runs, database, kept)
    return FakeServices(
        runs=runs,
        environments=fake_environments,
        instances=FakeInstances(runs, database, {"local": instance("local")}),
        authorisation=FakeAuthorisation(tokens, fake_environments),
        tokens=tokens,
        database=database,
        clock=clock,
        settings=config.load({"GUESTHOUSE_STATE": str(state)}),
    )


def _insert_rows(database: Database) -> None:
    times = {"created_at": START, "updated_at": START}
    with database.transaction() as transaction:
        transaction.insert(
            products, name="beacon", desired={"name": "beacon", "source": {}}, **times
        )
        transaction.insert(
            instances, name="local", provider="local", state="ready", desired={}, **times
        )
        for name in ("acme", "other"):
            transaction.insert(partners, name=name, desired={"name": name}, **times)
            transaction.insert(
                environments,
                name=name,
                partner=name,
                product="beacon",
                phase="development",
                state="ready",
                desired={},
                **times,
            )
