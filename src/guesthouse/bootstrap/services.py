"""Everything the entry points call, wired once for a process."""

from dataclasses import dataclass

from guesthouse.adapters.ansible import SocketReachability
from guesthouse.adapters.git import GitSources
from guesthouse.adapters.secrets import FileKeyCipher
from guesthouse.bootstrap.bridges import EstateEnvironments, EstateInstances, ProductSources
from guesthouse.bootstrap.metrics import metrics_accounts
from guesthouse.bootstrap.oidc import external_sign_in
from guesthouse.bootstrap.parts import (
    certificate_authority,
    certificates,
    control_plane,
    playbooks,
)
from guesthouse.bootstrap.people import OfPeople, People, first_invitation, people
from guesthouse.config import Settings
from guesthouse.db import Database, upgrade
from guesthouse.environments.prepare import Preparation
from guesthouse.environments.secrets import EnvironmentSecrets
from guesthouse.environments.service import EnvironmentService
from guesthouse.environments.stack import StackPlays
from guesthouse.environments.tasks import EnvironmentTasks, TaskParts
from guesthouse.estate.offboard import OffboardService
from guesthouse.estate.partners import PartnerService
from guesthouse.estate.service import Domains, EstatePorts, EstateService
from guesthouse.gateway.certificates import CertificateAuthority
from guesthouse.gateway.service import AuthorisationService, Entrance
from guesthouse.instances import InstancePorts, InstanceService
from guesthouse.instances.tasks import InstanceTasks
from guesthouse.kit.clock import Clock, SystemClock
from guesthouse.people import system_scope
from guesthouse.people.oidc import ExternalSignIn
from guesthouse.people.tokens import ensure_operator_token
from guesthouse.runs import FlowRegistry, RunService


@dataclass(frozen=True)
class Services(OfPeople):
    """What the API, the command line and the worker are given."""

    settings: Settings
    clock: Clock
    database: Database
    people: People
    external: ExternalSignIn | None
    """The way in by the company's OpenID provider; None where there is none."""
    authority: CertificateAuthority
    flows: FlowRegistry
    runs: RunService
    instances: InstanceService
    environments: EnvironmentService
    secrets: EnvironmentSecrets
    estate: EstateService
    partners: PartnerService
    offboarding: OffboardService
    authorisation: AuthorisationService
    entrance: Entrance

    @property
    def ca(self) -> str:
        """Our CA's certificate, PEM."""
        return self.authority.ca_pem

    def first_invitation(self) -> str | None:
        """Return the link the first operator comes in by; None where there is an operator."""
        return first_invitation(self.settings, self.people)


def build(settings: Settings, clock: Clock | None = None) -> Services:
    """Open the database, bring it up to date and wire everything.

    Raises:
        DatabaseUnavailable: The database does not answer.
    """
    clock = clock or SystemClock()
    database = Database(settings.database_url)
    upgrade(database)
    everybody = people(settings, database, clock)
    tokens = everybody.tokens
    ensure_operator_token(tokens, database, system_scope(), settings.token_file)
    authority = certificate_authority(settings, clock)
    flows = FlowRegistry()
    runs = RunService(database, clock, flows)
    ports = InstancePorts(
        automation=playbooks(settings),
        reachability=SocketReachability(),
        certificates=certificates(settings, authority),
        metrics=metrics_accounts(settings),
    )
    instances = InstanceService(database, clock, runs, ports, control_plane(settings))
    environments = EnvironmentService(database, clock, runs, network_pool=settings.network_pool)
    secrets = EnvironmentSecrets(database, clock, FileKeyCipher(settings.state / "secrets.key"))
    sources = ProductSources(GitSources())
    estate_ports = EstatePorts(
        resolver=sources,
        environments=EstateEnvironments(environments),
        instances=EstateInstances(instances),
        members=everybody.accounts,
    )
    estate = EstateService(
        database, clock, estate_ports, Domains(settings.domain, settings.apps_domain)
    )
    parts = TaskParts(
        database=database,
        clock=clock,
        instances=instances,
        preparation=Preparation(
            database=database,
            instances=instances,
            fetcher=sources,
            secrets=secrets,
            work=settings.state / "work" / "environments",
        ),
        plays=StackPlays(ports.automation, instances),
        tokens=tokens,
        ca=authority.ca_pem,
        playbooks=ports.automation.digest(),
        gone=estate.clear,
    )
    for flow in (*InstanceTasks(instances).flows(), *EnvironmentTasks(parts).flows()):
        flows.register(flow)
    return Services(
        settings=settings,
        clock=clock,
        database=database,
        people=everybody,
        external=external_sign_in(settings, everybody.parts, everybody.signin),
        authority=authority,
        flows=flows,
        runs=runs,
        instances=instances,
        environments=environments,
        secrets=secrets,
        estate=estate,
        partners=PartnerService(database, clock),
        offboarding=OffboardService(database, clock, everybody.accounts, environments, runs),
        authorisation=AuthorisationService(database, tokens, everybody.gateway_door),
        entrance=Entrance(database, everybody.gateway_door),
    )
