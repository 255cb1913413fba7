"""Coming in by invitation, and those who would make more of one than it is."""

import asyncio
import datetime as dt

import pytest
import sqlalchemy as sa

from guesthouse.bootstrap.people import People
from guesthouse.db import Database
from guesthouse.db.tables import accounts, invitations, memberships, partners
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.errors import (
    AccountExists,
    InvitationForeign,
    InvitationInvalid,
    InvitationSpent,
    LoginInvalid,
    NotPermitted,
    PartnerUnknown,
    PasswordWeak,
)
from guesthouse.people.model import (
    Account,
    ActorKind,
    DeclaredMember,
    InvitationRequest,
    Invited,
    MembershipOrigin,
    Opened,
    Role,
)
from guesthouse.people.scope import Scope, auditor_scope, member_scope, operator_scope
from guesthouse.people.tokens import TokenGrant
from tests.fakes.clock import FakeClock
from tests.fakes.people import HERE, PASSWORD, come_in, signed_in

OPERATOR = operator_scope("operator")
MANAGER = member_scope("manager", frozenset({"acme"}), Role.MANAGER)
FOREIGN = member_scope("foreign", frozenset({"other"}), Role.MANAGER)
WEEK = dt.timedelta(days=7)


def _request(
    login: str = "ben", partner: str | None = "acme", role: Role | None = Role.DEVELOPER
) -> InvitationRequest:
    return InvitationRequest(login, "Ben", partner=partner, role=role)


def _invite(everybody: People, scope: Scope = MANAGER, login: str = "ben") -> str:
    return everybody.accounts.invite(scope, _request(login)).code.reveal()


def _declare(everybody: People, partner: str, *logins: str) -> None:
    members = tuple(DeclaredMember(login, login.capitalize(), Role.VIEWER) for login in logins)
    with everybody.parts.database.transaction() as transaction:
        everybody.accounts.declare(transaction, OPERATOR, partner, members)


async def test_who_is_invited_comes_in_with_a_password_of_their_own(everybody: People) -> None:
    code = _invite(everybody)
    found = everybody.accounts.invitation(code)
    assert (found.login, found.partner, found.role) == ("ben", "acme", Role.DEVELOPER)
    assert (found.invited_by, found.needs_sign_in) == ("manager", False)
    account = await everybody.accounts.accept(code, PASSWORD)
    assert (account.login, account.kind, account.roles) == (
        "ben",
        ActorKind.MEMBER,
        {"acme": Role.DEVELOPER},
    )
    assert isinstance(await everybody.signin.password("ben", PASSWORD, HERE), Opened)


async def test_an_invitation_is_good_once(everybody: People) -> None:
    code = _invite(everybody)
    await everybody.accounts.accept(code, PASSWORD)
    with pytest.raises(InvitationSpent):
        everybody.accounts.invitation(code)
    with pytest.raises(InvitationSpent):
        await everybody.accounts.accept(code, Sensitive("a password of mine"))


async def test_of_two_who_take_it_at_once_one_comes_in(everybody: People) -> None:
    code = _invite(everybody)
    results = await asyncio.gather(
        *(everybody.accounts.accept(code, PASSWORD) for _ in range(2)), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["Account", "InvitationSpent"]


@pytest.mark.parametrize("jump", [WEEK, -dt.timedelta(minutes=6)], ids=["old", "clock-back"])
async def test_an_invitation_expires(
    everybody: People, clock: FakeClock, jump: dt.timedelta
) -> None:
    code = _invite(everybody)
    clock.advance(jump)
    with pytest.raises(InvitationSpent):
        everybody.accounts.invitation(code)
    with pytest.raises(InvitationSpent):
        await everybody.accounts.accept(code, PASSWORD)
    assert everybody.accounts.invitations(MANAGER, "acme") == ()


async def test_a_weak_password_spends_nothing(everybody: People) -> None:
    code = _invite(everybody)
    with pytest.raises(PasswordWeak):
        await everybody.accounts.accept(code, Sensitive("short"))
    assert (await everybody.accounts.accept(code, PASSWORD)).login == "ben"


def test_a_revoked_invitation_is_spent(everybody: People) -> None:
    code = _invite(everybody)
    (listed,) = everybody.accounts.invitations(MANAGER, "acme")
    for outsider, error in ((FOREIGN, InvitationSpent), (_viewer(), NotPermitted)):
        with pytest.raises(error):
            everybody.accounts.revoke_invitation(outsider, listed.id)
    everybody.accounts.revoke_invitation(MANAGER, listed.id)
    with pytest.raises(InvitationSpent):
        everybody.accounts.invitation(code)
    with pytest.raises(InvitationSpent):
        everybody.accounts.revoke_invitation(MANAGER, listed.id)


def _viewer() -> Scope:
    return member_scope("viewer", frozenset({"acme"}), Role.VIEWER)


def test_a_code_is_kept_only_as_a_digest(everybody: People, database: Database) -> None:
    code = _invite(everybody)
    with database.reading() as transaction:
        assert code not in str(transaction.rows(sa.select(invitations)))


@pytest.mark.parametrize("code", ["", "x", "é" * 100, "\udcff"])
def test_other_codes_are_spent(everybody: People, code: str) -> None:
    with pytest.raises(InvitationSpent):
        everybody.accounts.invitation(code)


def test_managers_invite_to_their_own_partner_alone(everybody: People) -> None:
    for scope, error in (
        (FOREIGN, PartnerUnknown),
        (member_scope("dev", frozenset({"acme"}), Role.DEVELOPER), NotPermitted),
        (auditor_scope("auditor"), NotPermitted),
    ):
        with pytest.raises(error):
            everybody.accounts.invite(scope, _request())
    with pytest.raises(PartnerUnknown):
        everybody.accounts.invite(OPERATOR, _request(partner="nobody"))


@pytest.mark.parametrize("kind", [ActorKind.OPERATOR, ActorKind.AUDITOR])
def test_only_operators_invite_operators_and_auditors(everybody: People, kind: ActorKind) -> None:
    request = InvitationRequest("anna", "Anna", kind)
    for scope in (MANAGER, auditor_scope("auditor")):
        with pytest.raises(NotPermitted):
            everybody.accounts.invite(scope, request)
    assert everybody.accounts.invite(OPERATOR, request).invitation.kind is kind
    assert everybody.accounts.invitations(MANAGER) == ()


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(InvitationRequest("ben", "Ben"), id="member-of-nobody"),
        pytest.param(_request(role=None), id="member-without-a-role"),
        pytest.param(InvitationRequest("a1", "A", ActorKind.OPERATOR, "acme"), id="of-a-partner"),
        pytest.param(
            InvitationRequest("a1", "A", ActorKind.OPERATOR, None, Role.VIEWER), id="with-a-role"
        ),
        pytest.param(InvitationRequest("a1", "A", ActorKind.SYSTEM), id="the-system"),
        pytest.param(
            InvitationRequest("a1", "A", ActorKind.AUDITOR, lifetime=dt.timedelta()), id="no-time"
        ),
    ],
)
def test_kind_partner_and_role_go_together(everybody: People, request_: InvitationRequest) -> None:
    with pytest.raises(InvitationInvalid):
        everybody.accounts.invite(OPERATOR, request_)


@pytest.mark.parametrize("login", ["system", "anonymous", "operator", "x", "a b"])
def test_nobody_is_invited_under_a_name_of_ours(everybody: People, login: str) -> None:
    with pytest.raises(LoginInvalid):
        everybody.accounts.invite(OPERATOR, _request(login))


def test_an_invitation_lives_for_thirty_days_at_most(everybody: People, clock: FakeClock) -> None:
    request = InvitationRequest("anna", "Anna", ActorKind.AUDITOR, lifetime=dt.timedelta(days=400))
    invited = everybody.accounts.invite(OPERATOR, request)
    assert invited.invitation.expires_at == clock.now() + dt.timedelta(days=30)


class TestLoginsThatAreTaken:
    """An invitation never takes an account over."""

    @pytest.fixture
    async def ben(self, everybody: People) -> Account:
        return await come_in(everybody, "ben", "acme", Role.DEVELOPER)

    def _foreign(self, everybody: People, role: Role = Role.VIEWER) -> Invited:
        return everybody.accounts.invite(FOREIGN, _request("ben", "other", role))

    async def test_who_invites_is_not_told(self, everybody: People, ben: Account) -> None:
        del ben
        taken = self._foreign(everybody).invitation
        free = everybody.accounts.invite(FOREIGN, _request("eve", "other")).invitation
        assert taken.needs_sign_in is free.needs_sign_in is False

    async def test_it_sets_no_password(self, everybody: People, ben: Account) -> None:
        del ben
        code = self._foreign(everybody).code.reveal()
        assert everybody.accounts.invitation(code).needs_sign_in
        with pytest.raises(AccountExists):
            await everybody.accounts.accept(code, Sensitive("a password of mine"))
        opened = await everybody.signin.password("ben", PASSWORD, HERE)
        assert isinstance(opened, Opened)
        assert opened.account.roles == {"acme": Role.DEVELOPER}

    async def test_its_owner_joins(self, everybody: People, ben: Account) -> None:
        code = self._foreign(everybody).code.reveal()
        joined = everybody.accounts.join(signed_in(everybody, ben), code)
        assert joined.roles == {"acme": Role.DEVELOPER, "other": Role.VIEWER}
        with pytest.raises(InvitationSpent):
            everybody.accounts.join(signed_in(everybody, ben), code)

    async def test_nobody_else_joins(self, everybody: People, ben: Account) -> None:
        del ben
        eve = signed_in(everybody, await come_in(everybody, "eve", "other", Role.MANAGER))
        code = self._foreign(everybody).code.reveal()
        with pytest.raises(InvitationForeign):
            everybody.accounts.join(eve, code)
        with pytest.raises(NotPermitted):
            everybody.accounts.join(OPERATOR, code)
        assert everybody.accounts.invitation(code).login == "ben"

    async def test_of_two_invitations_the_second_is_joined(self, everybody: People) -> None:
        first, second = _invite(everybody), self._foreign(everybody).code.reveal()
        await everybody.accounts.accept(first, PASSWORD)
        with pytest.raises(AccountExists):
            await everybody.accounts.accept(second, PASSWORD)

    async def test_a_member_made_operator_enrols_first(
        self, everybody: People, ben: Account
    ) -> None:
        request = InvitationRequest("ben", "Ben", ActorKind.OPERATOR)
        code = everybody.accounts.invite(OPERATOR, request).code.reveal()
        joined = everybody.accounts.join(signed_in(everybody, ben), code)
        assert (joined.kind, joined.must_enrol) == (ActorKind.OPERATOR, True)


class TestDeclaredAccounts:
    """The estate makes accounts without a password; an invitation gives them their first."""

    async def test_the_first_password_comes_by_invitation(self, everybody: People) -> None:
        _declare(everybody, "acme", "ben")
        account = await everybody.accounts.accept(_invite(everybody), PASSWORD)
        assert (account.is_declared, account.roles) == (True, {"acme": Role.VIEWER})
        with everybody.parts.database.reading() as transaction:
            row = everybody.parts.accounts.membership(transaction, account.id, "acme")
        assert row is not None
        assert row["origin"] == MembershipOrigin.ESTATE.value

    async def test_a_foreign_manager_does_not_get_it(self, everybody: People) -> None:
        _declare(everybody, "acme", "ben")
        foreign = everybody.accounts.invite(FOREIGN, _request("ben", "other")).code.reveal()
        with pytest.raises(AccountExists):
            await everybody.accounts.accept(foreign, Sensitive("a password of mine"))

    async def test_nor_a_manager_of_one_of_its_partners(self, everybody: People) -> None:
        _declare(everybody, "acme", "ben")
        _declare(everybody, "other", "ben")
        with pytest.raises(AccountExists):
            await everybody.accounts.accept(_invite(everybody), PASSWORD)
        account = await everybody.accounts.accept(_invite(everybody, OPERATOR), PASSWORD)
        assert account.roles == {"acme": Role.VIEWER, "other": Role.VIEWER}

    async def test_nor_by_an_invitation_from_before_it_was_declared(
        self, everybody: People
    ) -> None:
        early = everybody.accounts.invite(FOREIGN, _request("ben", "other")).code.reveal()
        _declare(everybody, "acme", "ben")
        with pytest.raises(AccountExists):
            await everybody.accounts.accept(early, Sensitive("a password of mine"))


async def test_without_an_audit_row_nobody_is_invited_or_comes_in(
    everybody: People, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        message = "disk full"
        raise OSError(message)

    code = _invite(everybody)
    monkeypatch.setattr(type(everybody.parts.trail), "record", refuse)
    with pytest.raises(OSError, match="disk full"):
        _invite(everybody, login="eve")
    with pytest.raises(OSError, match="disk full"):
        await everybody.accounts.accept(code, PASSWORD)
    with database.reading() as transaction:
        assert transaction.rows(sa.select(accounts)) == []
        (row,) = transaction.rows(sa.select(invitations))
    assert row["used_at"] is None


async def test_nobody_comes_in_to_a_partner_that_was_just_offboarded(
    everybody: People, database: Database, clock: FakeClock
) -> None:
    dora = signed_in(everybody, await come_in(everybody, "dora", "other", Role.VIEWER))
    new, known = _invite(everybody), _invite(everybody, login="dora")
    with database.transaction() as transaction:
        of_acme = sa.update(partners).where(partners.c.name == "acme")
        transaction.change(of_acme.values(offboarded_at=clock.now()))
    with pytest.raises(InvitationSpent):
        await everybody.accounts.accept(new, PASSWORD)
    with pytest.raises(InvitationSpent):
        everybody.accounts.join(dora, known)
    with database.reading() as transaction:
        assert (
            transaction.rows(sa.select(memberships).where(memberships.c.partner == "acme")) == []
        )


async def test_a_token_of_a_member_does_not_grow_with_its_owner(everybody: People) -> None:
    account = await come_in(everybody, "dora", "acme", Role.VIEWER)
    dora, grant = signed_in(everybody, account), TokenGrant("laptop", "dora")
    with everybody.parts.database.transaction() as transaction:
        token = everybody.tokens.create(transaction, dora, grant).reveal()
    assert everybody.tokens.authenticate(token) is not None
    request = InvitationRequest("dora", "Dora", kind=ActorKind.OPERATOR)
    everybody.accounts.join(dora, everybody.accounts.invite(OPERATOR, request).code.reveal())
    assert everybody.accounts.account(dora).kind is ActorKind.OPERATOR
    assert everybody.tokens.authenticate(token) is None
