"""What the API needs to be given; `bootstrap.Services` has it all."""

from collections.abc import Mapping
from typing import Any, Protocol

from guesthouse.config import Settings
from guesthouse.db import Database
from guesthouse.environments.model import Environment
from guesthouse.gateway.model import Decision
from guesthouse.instances.model import Instance
from guesthouse.kit.clock import Clock
from guesthouse.kit.pagination import Page
from guesthouse.people import Scope
from guesthouse.people.tokens import TokenStore
from guesthouse.runs import Run, RunService

Json = Mapping[str, Any]


class EnvironmentService(Protocol):
    """The use cases of environments; each raises NotFound where the caller sees none."""

    def list(
        self, scope: Scope, *, cursor: str | None = None, limit: int | None = None
    ) -> Page[Environment]:
        """Return environments by name."""
        ...

    def get(self, scope: Scope, name: str) -> Environment:
        """Return one."""
        ...

    def lock(self, scope: Scope, name: str) -> Json:
        """Return digests, commits and versions of what runs."""
        ...

    def deploy(self, scope: Scope, name: str) -> Run:
        """Enqueue a deployment."""
        ...

    def destroy(self, scope: Scope, name: str) -> Run:
        """Enqueue the end of the environment."""
        ...


class InstanceService(Protocol):
    """The use cases of instances; each raises NotFound where the caller sees none."""

    def list(
        self, scope: Scope, *, cursor: str | None = None, limit: int | None = None
    ) -> Page[Instance]:
        """Return instances by name."""
        ...

    def get(self, scope: Scope, name: str) -> Instance:
        """Return one."""
        ...

    def provision(self, scope: Scope, name: str) -> Run:
        """Enqueue a run that makes it ready."""
        ...

    def destroy(self, scope: Scope, name: str) -> Run:
        """Enqueue a run that destroys it."""
        ...


class AuthorisationService(Protocol):
    """Whether a token opens a route."""

    def authorise(self, token: str, environment: str, route: str) -> Decision:
        """Decide; an empty token is no token."""
        ...


class Services(Protocol):
    """Everything the routes call."""

    @property
    def runs(self) -> RunService:
        """Runs."""
        ...

    @property
    def environments(self) -> EnvironmentService:
        """Environments."""
        ...

    @property
    def instances(self) -> InstanceService:
        """Instances."""
        ...

    @property
    def authorisation(self) -> AuthorisationService:
        """Who passes a gateway."""
        ...

    @property
    def tokens(self) -> TokenStore:
        """Bearer tokens."""
        ...

    @property
    def database(self) -> Database:
        """The control plane's database."""
        ...

    @property
    def clock(self) -> Clock:
        """Gives the time."""
        ...

    @property
    def settings(self) -> Settings:
        """What the operator decided."""
        ...

    @property
    def ca(self) -> str:
        """Our CA's certificate, PEM."""
        ...
