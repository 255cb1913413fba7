"""What the API needs to be given; `bootstrap.Services` has it all."""

from typing import Protocol

from guesthouse.config import Settings
from guesthouse.db import Database
from guesthouse.environments.secrets import EnvironmentSecrets
from guesthouse.environments.service import EnvironmentService
from guesthouse.estate.offboard import OffboardService
from guesthouse.estate.partners import PartnerService
from guesthouse.estate.service import EstateService
from guesthouse.gateway.service import AuthorisationService, Entrance
from guesthouse.instances.service import InstanceService
from guesthouse.kit.clock import Clock
from guesthouse.people.accounts import AccountService
from guesthouse.people.devices import DeviceLogins
from guesthouse.people.gateway import GatewayDoor
from guesthouse.people.oidc import ExternalSignIn
from guesthouse.people.sessions import SessionStore
from guesthouse.people.signin import SignIn
from guesthouse.people.tokens import TokenStore
from guesthouse.runs import RunService


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
    def partners(self) -> PartnerService:
        """Partners."""
        ...

    @property
    def offboarding(self) -> OffboardService:
        """Sees partners out."""
        ...

    @property
    def authorisation(self) -> AuthorisationService:
        """Who passes a gateway."""
        ...

    @property
    def entrance(self) -> Entrance:
        """How browsers come in at a gateway."""
        ...

    @property
    def tokens(self) -> TokenStore:
        """Bearer tokens."""
        ...

    @property
    def sessions(self) -> SessionStore:
        """Sessions of browsers."""
        ...

    @property
    def accounts(self) -> AccountService:
        """Accounts, invitations and members."""
        ...

    @property
    def signin(self) -> SignIn:
        """The ways in."""
        ...

    @property
    def external(self) -> ExternalSignIn | None:
        """The way in by the company's OpenID provider; None where there is none."""
        ...

    @property
    def gateway_door(self) -> GatewayDoor:
        """How a browser gets from the console into a route's host."""
        ...

    @property
    def devices(self) -> DeviceLogins:
        """Programs that wait to be signed in."""
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
