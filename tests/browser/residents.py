"""People who come in by the pages, and what they own; stops of the tour that are about them."""

import datetime as dt
from dataclasses import dataclass

import pyotp

from guesthouse.db.tables import accounts, memberships
from guesthouse.people import ActorKind, Scope, operator_scope
from guesthouse.people.model import Action, Door, InvitationRequest, Origin, Role
from guesthouse.people.store import AccountStore
from guesthouse.people.tokens import TokenGrant
from tests import visitor
from tests.fakes.services import FakeServices

MANAGER = "manager@acme.example"
DEVELOPER = "developer@acme.example"
PHONE = Origin("198.51.100.4", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) Safari/604.1")
DESK = Origin("203.0.113.7", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0")
OWNER = operator_scope("operator")


@dataclass(frozen=True)
class Residents:
    """What tests need to come in as somebody."""

    services: FakeServices
    authenticator: pyotp.TOTP
    """The manager's."""

    def code(self) -> str:
        """Return the code the manager's authenticator shows next, so one not taken yet."""
        return self.authenticator.at(self.services.clock.now() + dt.timedelta(seconds=30))

    def invite(self, login: str, role: Role = Role.DEVELOPER) -> str:
        """Return the path of a new invitation."""
        request = InvitationRequest(login, "Nina New", partner="acme", role=role)
        invited = self.services.accounts.invite(OWNER, request)
        return f"/invitation/{invited.code.reveal()}"

    def program(self, *scopes: Action) -> str:
        """Return the code of a program that waits."""
        code = self.services.devices.begin(
            "guesthouse on laptop", frozenset(scopes) or None, origin=DESK
        )
        return code.user_code


def settle(services: FakeServices) -> Residents:
    """Give acme a manager with a password and an authenticator, and its developer some tokens."""
    now = services.clock.now()
    with services.database.transaction() as transaction:
        transaction.insert(
            accounts,
            id="acc_manager",
            login=MANAGER,
            title="Mara Manager",
            kind=ActorKind.MEMBER.value,
            password_hash=f"hashed:{visitor.PASSWORD}",
            is_declared=False,
            created_at=now - dt.timedelta(days=40),
        )
        transaction.insert(
            memberships,
            account="acc_manager",
            partner="acme",
            role=Role.MANAGER.value,
            origin="invitation",
        )
    manager, developer = signed_in(services, MANAGER, DESK), signed_in(services, DEVELOPER, PHONE)
    begun = services.accounts.begin_totp(manager)
    authenticator = pyotp.TOTP(begun.secret.reveal())
    # The code of before: the one of now is still to be taken by whoever signs in.
    services.accounts.confirm_totp(
        manager, authenticator.at(services.clock.now() - dt.timedelta(seconds=30))
    )
    with services.database.transaction() as transaction:
        for grant in (
            TokenGrant(
                "plugin tests",
                DEVELOPER,
                scopes=frozenset({Action.ROUTE_USE, Action.ENVIRONMENT_READ}),
                lifetime=dt.timedelta(days=30),
            ),
            TokenGrant("laptop", DEVELOPER, lifetime=dt.timedelta(days=90)),
        ):
            services.tokens.create(transaction, developer, grant)
    residents = Residents(services, authenticator)
    residents.invite("nina@acme.example", Role.VIEWER)
    return residents


def signed_in(services: FakeServices, login: str, origin: Origin) -> Scope:
    """Return the scope of a session that somebody just opened somewhere."""
    with services.database.transaction() as transaction:
        account = AccountStore().by_login(transaction, login)
        assert account is not None
        opened = services.sessions.open(transaction, account, door=Door.PASSWORD, origin=origin)
    scope = services.sessions.authenticate(opened.secret.reveal())
    assert scope is not None
    return scope
