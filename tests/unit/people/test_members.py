"""The people of a partner, and how they leave."""

import pyotp
import pytest

from guesthouse import audit
from guesthouse.bootstrap.people import People
from guesthouse.people.errors import (
    AccountUnknown,
    LoginInvalid,
    MemberDeclared,
    MemberUnknown,
    NotPermitted,
    OwnAccount,
    PartnerUnknown,
)
from guesthouse.people.model import (
    Account,
    ActorKind,
    DeclaredMember,
    InvitationRequest,
    MembershipOrigin,
    MemberState,
    Opened,
    Role,
)
from guesthouse.people.scope import Scope, auditor_scope, member_scope, operator_scope
from guesthouse.people.tokens import TokenGrant
from tests.fakes.people import HERE, PASSWORD, come_in, signed_in

OPERATOR = operator_scope("operator")
ACME = frozenset({"acme"})
MANAGER = member_scope("manager", ACME, Role.MANAGER)
DEVELOPER = member_scope("developer", ACME, Role.DEVELOPER)
OUTSIDER = member_scope("outsider", frozenset({"other"}), Role.MANAGER)


@pytest.fixture
async def ben(everybody: People) -> Account:
    return await come_in(everybody, "ben", "acme", Role.DEVELOPER)


def _declare(everybody: People, *members: DeclaredMember, scope: Scope = OPERATOR) -> None:
    with everybody.parts.database.transaction() as transaction:
        everybody.accounts.declare(transaction, scope, "acme", members)


def _declared(login: str, role: Role = Role.VIEWER) -> DeclaredMember:
    return DeclaredMember(login, login.capitalize(), role)


def _roles(everybody: People) -> dict[str, Role]:
    return {each.login: each.role for each in everybody.accounts.members(OPERATOR, "acme")}


def _token(everybody: People, scope: Scope) -> str:
    with everybody.parts.database.transaction() as transaction:
        return everybody.tokens.create(transaction, scope, TokenGrant("t", "t")).reveal()


async def test_members_are_listed_with_who_is_invited(everybody: People, ben: Account) -> None:
    del ben
    request = InvitationRequest("eve", "Eve", partner="acme", role=Role.MANAGER)
    invited = everybody.accounts.invite(MANAGER, request).invitation
    found = everybody.accounts.members(DEVELOPER, "acme")
    assert [(each.login, each.role, each.state, each.invitation) for each in found] == [
        ("ben", Role.DEVELOPER, MemberState.ACTIVE, None),
        ("eve", Role.MANAGER, MemberState.INVITED, invited.id),
    ]
    assert everybody.accounts.members(OUTSIDER, "other") == ()


def test_outsiders_learn_of_no_members(everybody: People) -> None:
    for scope, partner in ((OUTSIDER, "acme"), (OPERATOR, "nobody"), (OUTSIDER, "nobody")):
        with pytest.raises(PartnerUnknown):
            everybody.accounts.members(scope, partner)
    assert everybody.accounts.members(auditor_scope("auditor"), "acme") == ()


@pytest.mark.parametrize(
    ("scope", "error"),
    [
        pytest.param(OUTSIDER, PartnerUnknown, id="outsider"),
        pytest.param(DEVELOPER, NotPermitted, id="developer"),
        pytest.param(auditor_scope("auditor"), NotPermitted, id="auditor"),
    ],
)
def test_only_managers_and_operators_change_members(
    everybody: People, ben: Account, scope: Scope, error: type[Exception]
) -> None:
    with pytest.raises(error):
        everybody.accounts.set_role(scope, "acme", ben.login, Role.MANAGER)
    with pytest.raises(error):
        everybody.accounts.remove(scope, "acme", ben.login)
    assert _roles(everybody) == {"ben": Role.DEVELOPER}


def test_a_manager_changes_a_role_and_it_is_recorded(everybody: People, ben: Account) -> None:
    everybody.accounts.set_role(MANAGER, "acme", ben.login, Role.VIEWER)
    assert _roles(everybody) == {"ben": Role.VIEWER}
    with everybody.parts.database.reading() as transaction:
        (row, *_) = audit.entries(transaction, DEVELOPER)
        assert audit.entries(transaction, OUTSIDER) == ()
    assert (row.actor, row.object, row.partner) == ("manager", "member/acme/ben", "acme")
    assert row.detail == {"before": "developer", "after": "viewer"}


def test_who_is_no_member_is_told_so(everybody: People) -> None:
    with pytest.raises(MemberUnknown):
        everybody.accounts.remove(MANAGER, "acme", "nobody")
    with pytest.raises(MemberUnknown):
        everybody.accounts.set_role(MANAGER, "acme", "nobody", Role.VIEWER)


async def test_who_is_removed_is_out_at_once(everybody: People, ben: Account) -> None:
    opened = everybody.signin.after_invitation(ben, HERE)
    token = _token(everybody, signed_in(everybody, ben))
    ended = everybody.accounts.remove(MANAGER, "acme", "ben")
    assert (ended.logins, ended.sessions, ended.tokens) == (("ben",), 2, 1)
    assert everybody.sessions.authenticate(opened.secret.reveal()) is None
    assert everybody.tokens.authenticate(token) is None
    again = await everybody.signin.password("ben", PASSWORD, HERE)
    assert isinstance(again, Opened)
    scope = everybody.sessions.authenticate(again.secret.reveal())
    assert scope is not None
    assert scope.partners == frozenset()


async def test_a_removed_manager_leaves_no_invitation_behind(everybody: People) -> None:
    eve = signed_in(everybody, await come_in(everybody, "eve", "acme", Role.MANAGER))
    request = InvitationRequest("eve-too", "Eve", partner="acme", role=Role.MANAGER)
    everybody.accounts.invite(eve, request)
    assert everybody.accounts.remove(MANAGER, "acme", "eve").invitations == 1
    assert everybody.accounts.members(MANAGER, "acme") == ()


async def test_who_is_a_member_elsewhere_stays_signed_in(everybody: People, ben: Account) -> None:
    session = signed_in(everybody, ben)
    request = InvitationRequest("ben", "Ben", partner="other", role=Role.VIEWER)
    code = everybody.accounts.invite(OUTSIDER, request).code.reveal()
    everybody.accounts.join(session, code)
    assert everybody.accounts.remove(MANAGER, "acme", "ben").sessions == 0
    scope = everybody.sessions.authenticate_id(str(session.session))
    assert scope is not None
    assert scope.partners == frozenset({"other"})


async def test_everybody_of_a_partner_is_seen_out(everybody: People, ben: Account) -> None:
    sessions = [
        signed_in(everybody, account)
        for account in (ben, await come_in(everybody, "ann", "acme", Role.MANAGER))
    ]
    _token(everybody, sessions[0])
    stays = signed_in(everybody, await come_in(everybody, "other", "other", Role.MANAGER))
    request = InvitationRequest("eve", "Eve", partner="acme", role=Role.VIEWER)
    everybody.accounts.invite(MANAGER, request)
    for scope in (MANAGER, auditor_scope("auditor")):
        with pytest.raises(NotPermitted):
            everybody.accounts.expel(scope, "acme")
    ended = everybody.accounts.expel(OPERATOR, "acme")
    assert (ended.logins, ended.sessions, ended.tokens, ended.invitations) == (
        ("ann", "ben"),
        2,
        1,
        1,
    )
    assert everybody.accounts.members(OPERATOR, "acme") == ()
    assert everybody.sessions.authenticate_id(str(stays.session)) is not None
    with pytest.raises(PartnerUnknown):
        everybody.accounts.expel(OPERATOR, "nobody")


class TestDeclared:
    def test_the_estate_says_who_is_a_member(self, everybody: People) -> None:
        _declare(everybody, _declared("ann", Role.MANAGER), _declared("bob"))
        assert _roles(everybody) == {"ann": Role.MANAGER, "bob": Role.VIEWER}
        _declare(everybody, _declared("ann", Role.VIEWER))
        assert _roles(everybody) == {"ann": Role.VIEWER}

    def test_applying_it_again_changes_and_records_nothing(self, everybody: People) -> None:
        for _ in range(2):
            _declare(everybody, _declared("ann"))
        with everybody.parts.database.reading() as transaction:
            found = audit.entries(transaction, OPERATOR, audit.Filters(action="member."))
        assert [row.action for row in found] == ["member.declare"]

    def test_who_was_invited_stays(self, everybody: People, ben: Account) -> None:
        _declare(everybody, _declared("ann"))
        _declare(everybody)
        assert _roles(everybody) == {ben.login: Role.DEVELOPER}

    def test_who_was_invited_and_is_declared_is_the_estates(
        self, everybody: People, ben: Account
    ) -> None:
        _declare(everybody, _declared("ben", Role.VIEWER))
        (member,) = everybody.accounts.members(OPERATOR, "acme")
        assert (member.role, member.origin) == (Role.VIEWER, MembershipOrigin.ESTATE)
        with pytest.raises(MemberDeclared):
            everybody.accounts.set_role(OPERATOR, "acme", ben.login, Role.MANAGER)

    def test_nobody_comes_in_by_being_declared(self, everybody: People) -> None:
        _declare(everybody, _declared("ann"))
        (account,) = everybody.accounts.accounts(OPERATOR)
        assert (account.is_declared, account.has_password) == (True, False)

    def test_members_do_not_declare(self, everybody: People) -> None:
        with pytest.raises(NotPermitted):
            _declare(everybody, _declared("ann"), scope=MANAGER)

    def test_a_login_that_is_none_is_said(self, everybody: People) -> None:
        with pytest.raises(LoginInvalid):
            _declare(everybody, _declared("Not A Login"))


class TestDisabling:
    async def test_operators_disable_and_members_do_not(
        self, everybody: People, ben: Account
    ) -> None:
        for scope in (MANAGER, auditor_scope("auditor")):
            with pytest.raises(NotPermitted):
                everybody.accounts.disable(scope, ben.login)
        everybody.accounts.disable(OPERATOR, ben.login)
        (member,) = everybody.accounts.members(OPERATOR, "acme")
        assert member.state is MemberState.DISABLED

    def test_there_must_be_such_an_account(self, everybody: People) -> None:
        for verb in (
            everybody.accounts.disable,
            everybody.accounts.enable,
            everybody.accounts.reset,
        ):
            with pytest.raises(AccountUnknown):
                verb(OPERATOR, "nobody")

    async def test_nobody_disables_or_resets_themselves(self, everybody: People) -> None:
        anna = await come_in(everybody, "anna", kind=ActorKind.OPERATOR)
        scope = _enrolled(everybody, anna)
        for verb in (everybody.accounts.disable, everybody.accounts.reset):
            with pytest.raises(OwnAccount):
                verb(scope, "anna")

    async def test_an_operators_invitations_end_with_them(self, everybody: People) -> None:
        scope = _enrolled(everybody, await come_in(everybody, "anna", kind=ActorKind.OPERATOR))
        request = InvitationRequest("anna-too", "Anna", ActorKind.OPERATOR)
        everybody.accounts.invite(scope, request)
        assert everybody.accounts.disable(OPERATOR, "anna").invitations == 1


def _enrolled(everybody: People, account: Account) -> Scope:
    scope = signed_in(everybody, account)
    secret = everybody.accounts.begin_totp(scope).secret.reveal()
    code = pyotp.TOTP(secret).at(everybody.parts.clock.now())
    everybody.accounts.confirm_totp(scope, code)
    found = everybody.sessions.authenticate_id(str(scope.session))
    assert found is not None
    return found
