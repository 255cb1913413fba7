"""The services entry points call, real ones on SQLite; only the world outside is made up."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import override

from guesthouse import config
from guesthouse.adapters.secrets import FileKeyCipher
from guesthouse.bootstrap.people import OfPeople, People
from guesthouse.config import Settings
from guesthouse.db import Database, Transaction
from guesthouse.db.tables import instances, partners, products
from guesthouse.environments.secrets import EnvironmentSecrets
from guesthouse.environments.service import DEPLOY, DESTROY, EnvironmentService
from guesthouse.environments.store import EnvironmentStore
from guesthouse.errors import NotFound
from guesthouse.estate.model import EnvironmentSpec
from guesthouse.estate.offboard import OffboardService
from guesthouse.estate.partners import PartnerService
from guesthouse.estate.ports import CommitResolver, EnvironmentActions, InstanceActions
from guesthouse.estate.service import Domains, EstatePorts, EstateService
from guesthouse.gateway.service import AuthorisationService, Entrance
from guesthouse.instances.plan import ControlPlane
from guesthouse.instances.service import (
    DESTROY as INSTANCE_DESTROY,
)
from guesthouse.instances.service import (
    PROVISION,
    InstancePorts,
    InstanceService,
)
from guesthouse.kit.clock import Clock
from guesthouse.people import ActorKind, Scope, member_scope, operator_scope, system_scope
from guesthouse.people.oidc import ExternalSignIn
from guesthouse.people.tokens import TokenGrant
from guesthouse.runs import Flow, FlowRegistry, Json, Run, RunContext, RunService, StepDefinition
from tests.fakes.clock import START
from tests.fakes.instances import (
    FakeAutomation,
    FakeCertificates,
    FakeMetrics,
    FakeReachability,
)
from tests.fakes.people import fake_people

CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
OPERATOR = operator_scope("operator")
MEMBER = member_scope("member", frozenset({"acme"}))
OUTSIDER = member_scope("outsider", frozenset({"other"}))
SYSTEM = system_scope()
COMMIT = "c" * 40
GIT = "https://git.test/beacon"
LOCK: Mapping[str, Any] = {
    "lock": 1,
    "environment": "acme",
    "product": "beacon",
    "source": {"git": GIT, "ref": "main", "path": "", "commit": COMMIT},
    "variables": {},
    "images": {"api": "sha256:aa"},
    "routes": {"app": {"url": "https://app--acme.apps.localhost:8443/", "access": "platform"}},
}
ESTATE: Mapping[str, str] = {
    "estate.yaml": "{name: demo, domain: localhost, apps_domain: apps.localhost}\n",
    "products/beacon.yaml": f"{{name: beacon, source: {{git: '{GIT}', ref: main}}}}\n",
    "partners/acme.yaml": "{name: acme, title: Acme Ltd}\n",
    "partners/other.yaml": "{name: other, title: Other Ltd}\n",
    "instances/local.yaml": "{name: local, provider: local}\n",
    "environments/acme.yaml": (
        "{name: acme, partner: acme, product: beacon, instance: local, phase: development}\n"
    ),
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


@dataclass
class FakeResolver(CommitResolver):
    commits: dict[str, str]

    @override
    async def resolve(self, url: str, ref: str, /) -> str:
        if ref not in self.commits:
            sentence = f"{url} has no branch, tag or commit {ref}"
            raise NotFound(sentence, next_step="check the name")
        return self.commits[ref]


@dataclass
class Actions(EnvironmentActions, InstanceActions):
    service: EnvironmentService
    runs: RunService

    @override
    def put(
        self, transaction: Transaction, scope: Scope, spec: EnvironmentSpec, commit: str
    ) -> Run:
        return self.service.put(transaction, scope, {**spec.to_json(), "commit": commit})

    @override
    def destroy(self, transaction: Transaction, scope: Scope, name: str) -> Run:
        return self.service.destroy_in(transaction, scope, name)

    @override
    def remove(self, transaction: Transaction, scope: Scope, name: str) -> Run:
        return self.runs.enqueue(
            transaction,
            scope,
            kind=INSTANCE_DESTROY,
            environment=None,
            payload={"instance": name},
        )


@dataclass(frozen=True)
class FakeServices(OfPeople):
    runs: RunService
    environments: EnvironmentService
    secrets: EnvironmentSecrets
    instances: InstanceService
    estate: EstateService
    partners: PartnerService
    offboarding: OffboardService
    authorisation: AuthorisationService
    entrance: Entrance
    people: People
    database: Database
    clock: Clock
    settings: Settings
    ca: str = CA
    external: ExternalSignIn | None = None

    def token(self, scope: Scope, *, lifetime: dt.timedelta | None = None) -> str:
        grant = TokenGrant(
            name=scope.actor,
            actor=scope.actor,
            kind=ActorKind.TESTS if scope.is_for_routes_only else scope.kind,
            partners=scope.partners,
            environment=scope.environment,
            lifetime=lifetime,
        )
        with self.database.transaction() as transaction:
            return self.tokens.create(transaction, SYSTEM, grant).reveal()


def fake_services(database: Database, clock: Clock, state: Path) -> FakeServices:
    """Return services that know environments acme, which serves on local, and other on box."""
    settings = config.load({"GUESTHOUSE_STATE": str(state), "GUESTHOUSE_GATEWAY_PORT": "8443"})
    kinds = (DEPLOY, DESTROY, PROVISION, INSTANCE_DESTROY)
    runs = RunService(database, clock, FlowRegistry(map(flow, kinds)))
    everybody = fake_people(database, clock, state)
    tokens, door = everybody.tokens, everybody.gateway_door
    environments = EnvironmentService(database, clock, runs)
    actions = Actions(environments, runs)
    services = FakeServices(
        runs=runs,
        environments=environments,
        secrets=EnvironmentSecrets(database, clock, FileKeyCipher(state / "secrets.key")),
        instances=_instances(database, clock, runs, settings),
        estate=EstateService(
            database,
            clock,
            EstatePorts(
                FakeResolver({"main": COMMIT, "v2": "d" * 40}),
                actions,
                actions,
                everybody.accounts,
            ),
            Domains(settings.domain, settings.apps_domain),
        ),
        partners=PartnerService(database, clock),
        offboarding=OffboardService(database, clock, everybody.accounts, environments, runs),
        authorisation=AuthorisationService(database, tokens, door),
        entrance=Entrance(database, door),
        people=everybody,
        database=database,
        clock=clock,
        settings=settings,
    )
    _insert(services)
    return services


def _instances(
    database: Database, clock: Clock, runs: RunService, settings: Settings
) -> InstanceService:
    ports = InstancePorts(FakeAutomation(), FakeReachability(), FakeCertificates(), FakeMetrics())
    control = ControlPlane(
        state=settings.state,
        api_port=settings.api_port,
        domain=settings.domain,
        apps_domain=settings.apps_domain,
        gateway_port=settings.gateway_port,
    )
    return InstanceService(database, clock, runs, ports, control)


def _insert(services: FakeServices) -> None:
    times = {"created_at": START, "updated_at": START}
    source = {"git": GIT, "ref": "main", "path": ""}
    store = EnvironmentStore()
    with services.database.transaction() as transaction:
        product = {"name": "beacon", "source": source}
        transaction.insert(products, name="beacon", desired=product, **times)
        for name, provider in (("local", "local"), ("box", "container"), ("spare", "ssh")):
            transaction.insert(
                instances,
                name=name,
                provider=provider,
                state="ready",
                address="127.0.0.1",
                desired={"name": name, "provider": provider},
                facts={"os": "Debian 12"},
                **times,
            )
        for index, (name, instance) in enumerate((("acme", "local"), ("other", "box"))):
            title = {"name": name, "title": f"{name.capitalize()} Ltd"}
            transaction.insert(partners, name=name, desired=title, **times)
            desired = {
                "name": name,
                "partner": name,
                "product": "beacon",
                "instance": instance,
                "phase": "development",
                "source": source,
                "variables": {},
                "commit": COMMIT,
            }
            store.insert(SYSTEM, transaction, desired, subnet_index=index + 1, at=START)
        store.serve(SYSTEM, transaction, "acme", run="run_0", lock=LOCK, commit=COMMIT)
