"""What the API needs to be given; `bootstrap.Services` has it all."""

from typing import Protocol

from guesthouse.config import Settings
from guesthouse.db import Database
from guesthouse.environments.secrets import EnvironmentSecrets
from guesthouse.environments.service import EnvironmentService
from guesthouse.estate.service import EstateService
from guesthouse.gateway.service import AuthorisationService
from guesthouse.instances.service import InstanceService
from guesthouse.kit.clock import Clock
from guesthouse.people import Scope
from guesthouse.people.tokens import TokenStore
from guesthouse.runs import RunService


class Sessions(Protocol):
    """What tells whose a session is."""

    def authenticate(self, secret: str, /) -> Scope | None:
        """Return the scope a session gives, or None for a secret that opens none."""
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
    def secrets(self) -> EnvironmentSecrets:
        """Secrets of environments."""
        ...

    @property
    def instances(self) -> InstanceService:
        """Instances."""
        ...

    @property
    def estate(self) -> EstateService:
        """Plan and apply."""
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
    def sessions(self) -> Sessions:
        """Sessions of browsers."""
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
