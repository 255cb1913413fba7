"""Tokens of people: they narrow what their owner may now."""

import datetime as dt

import pytest
import sqlalchemy as sa

from guesthouse.bootstrap.people import People
from guesthouse.db import Database
from guesthouse.db.tables import tokens
from guesthouse.people.errors import NotEnrolled, NotPermitted
from guesthouse.people.model import Account, Action, ActorKind, MembershipOrigin, Role
from guesthouse.people.permissions import Verdict, decide
from guesthouse.people.scope import Scope, operator_scope
from guesthouse.people.tokens import SEEN_EVERY, TokenGrant
from tests.fakes.clock import FakeClock
from tests.fakes.people import come_in, signed_in

OPERATOR = operator_scope("operator")
READ = frozenset({Action.RUN_READ, Action.ENVIRONMENT_DEPLOY})


@pytest.fixture
async def account(everybody: People) -> Account:
    return await come_in(everybody, "member", "acme", Role.DEVELOPER)


@pytest.fixture
def member(everybody: People, account: Account) -> Scope:
    return signed_in(everybody, account)


def create(
    everybody: People,
    scope: Scope,
    scopes: frozenset[Action] | None = READ,
    *,
    partners: frozenset[str] | None = None,
    account: str | None = None,
    lifetime: dt.timedelta | None = None,
) -> str:
    grant = TokenGrant(
        "ci",
        "whoever",
        partners=partners,
        scopes=scopes,
        account=account,
        lifetime=lifetime,
    )
    with everybody.parts.database.transaction() as transaction:
        return everybody.tokens.create(transaction, scope, grant).reveal()


def _may(everybody: People, token: str, action: Action, partner: str = "acme") -> bool:
    scope = everybody.tokens.authenticate(token)
    return scope is not None and decide(scope, action, partner) is Verdict.ALLOWED


def test_a_token_is_its_makers_whatever_it_says(everybody: People, member: Scope) -> None:
    scope = everybody.tokens.authenticate(create(everybody, member))
    assert scope is not None
    assert (scope.actor, scope.kind, scope.account) == (
        "member",
        ActorKind.MEMBER,
        member.account,
    )
    assert (scope.scopes, scope.session) == (READ, None)


def test_a_token_without_scopes_may_all_but_own_the_account(
    everybody: People, member: Scope
) -> None:
    scope = everybody.tokens.authenticate(create(everybody, member, None))
    assert scope is not None
    assert decide(scope, Action.CONSOLE_RESTART, "acme") is Verdict.ALLOWED
    assert decide(scope, Action.ACCOUNT_OWN, None) is Verdict.DENIED


@pytest.mark.parametrize(
    "scopes",
    [frozenset({Action.SECRETS_WRITE}), frozenset({Action.ACCOUNT_OWN})],
    ids=["not-the-makers", "no-tokens-at-all"],
)
def test_nobody_gives_more_than_they_have(
    everybody: People, member: Scope, scopes: frozenset[Action]
) -> None:
    with pytest.raises(NotPermitted):
        create(everybody, member, scopes)


async def test_nobody_makes_tokens_for_others(everybody: People, member: Scope) -> None:
    other = await come_in(everybody, "other", "other", Role.MANAGER)
    with pytest.raises(NotPermitted):
        create(everybody, member, account=other.id)
    with pytest.raises(NotPermitted):
        create(everybody, member, partners=frozenset({"other"}))


def test_a_token_makes_no_tokens_and_ends_only_itself(everybody: People, member: Scope) -> None:
    first, second = create(everybody, member), create(everybody, member)
    scope, other = (everybody.tokens.authenticate(token) for token in (first, second))
    assert scope is not None
    assert other is not None
    with pytest.raises(NotPermitted):
        create(everybody, scope)
    with pytest.raises(NotPermitted):
        everybody.tokens.list(scope)
    with everybody.parts.database.transaction() as transaction:
        assert not everybody.tokens.revoke(transaction, scope, str(other.token))
        assert everybody.tokens.revoke(transaction, scope, str(scope.token))
    assert everybody.tokens.authenticate(first) is None
    assert everybody.tokens.authenticate(second) is not None


async def test_who_has_yet_to_enrol_makes_no_tokens(everybody: People) -> None:
    anna = await come_in(everybody, "anna", kind=ActorKind.OPERATOR)
    with pytest.raises(NotEnrolled):
        create(everybody, signed_in(everybody, anna), None)


def test_a_token_loses_what_its_owner_loses(everybody: People, member: Scope) -> None:
    token = create(everybody, member)
    assert _may(everybody, token, Action.ENVIRONMENT_DEPLOY)
    everybody.accounts.set_role(OPERATOR, "acme", "member", Role.VIEWER)
    assert not _may(everybody, token, Action.ENVIRONMENT_DEPLOY)
    assert _may(everybody, token, Action.RUN_READ)
    everybody.accounts.set_role(OPERATOR, "acme", "member", Role.MANAGER)
    assert not _may(everybody, token, Action.SECRETS_WRITE)


def test_a_token_of_a_removed_member_dies(everybody: People, member: Scope) -> None:
    token = create(everybody, member)
    assert everybody.accounts.remove(OPERATOR, "acme", "member").tokens == 1
    assert everybody.tokens.authenticate(token) is None


async def test_a_token_of_one_partner_dies_with_that_membership_alone(
    everybody: People, account: Account
) -> None:
    with everybody.parts.database.transaction() as transaction:
        everybody.parts.accounts.join(
            transaction,
            account.id,
            "other",
            role=Role.VIEWER,
            origin=MembershipOrigin.INVITATION,
        )
    member = signed_in(everybody, account)
    narrow = create(everybody, member, partners=frozenset({"acme"}))
    wide = create(everybody, member)
    assert not _may(everybody, narrow, Action.RUN_READ, "other")
    everybody.accounts.remove(OPERATOR, "acme", "member")
    assert everybody.tokens.authenticate(narrow) is None
    assert _may(everybody, wide, Action.RUN_READ, "other")
    assert not _may(everybody, wide, Action.RUN_READ, "acme")


def test_a_token_of_a_disabled_account_dies(everybody: People, member: Scope) -> None:
    token = create(everybody, member)
    everybody.accounts.disable(OPERATOR, "member")
    assert everybody.tokens.authenticate(token) is None
    everybody.accounts.enable(OPERATOR, "member")
    assert everybody.tokens.authenticate(token) is None


def test_people_list_their_own_tokens_that_are_good_still(
    everybody: People, clock: FakeClock, member: Scope
) -> None:
    create(everybody, member, lifetime=dt.timedelta(hours=1))
    lasting = create(everybody, member)
    assert [token.scopes for token in everybody.tokens.list(member)] == [READ, READ]
    clock.advance(dt.timedelta(hours=1))
    listed = everybody.tokens.list(member)
    assert [(token.name, token.expires_at) for token in listed] == [("ci", None)]
    assert lasting not in str(listed)


async def test_only_operators_end_tokens_of_others(everybody: People, member: Scope) -> None:
    token = create(everybody, member)
    name = everybody.tokens.list(member)[0].id
    manager = signed_in(everybody, await come_in(everybody, "manager", "acme", Role.MANAGER))
    with everybody.parts.database.transaction() as transaction:
        assert not everybody.tokens.revoke(transaction, manager, name)
        assert everybody.tokens.revoke(transaction, OPERATOR, name)
    assert everybody.tokens.authenticate(token) is None


def test_last_use_is_written_at_most_once_a_minute(
    everybody: People, database: Database, clock: FakeClock, member: Scope
) -> None:
    token = create(everybody, member)

    def last_used() -> dt.datetime | None:
        everybody.tokens.authenticate(token)
        with database.reading() as transaction:
            found: dt.datetime | None = transaction.scalar(sa.select(tokens.c.last_used_at))
        return found

    first = last_used()
    assert first == clock.now()
    clock.advance(SEEN_EVERY - dt.timedelta(seconds=1))
    assert last_used() == first
    clock.advance(dt.timedelta(seconds=1))
    assert last_used() == clock.now()


def test_a_scope_this_version_does_not_know_gives_nothing(
    everybody: People, database: Database, member: Scope
) -> None:
    token = create(everybody, member)
    with database.transaction() as transaction:
        transaction.change(sa.update(tokens).values(scopes=["run:read", "all:powerful"]))
    scope = everybody.tokens.authenticate(token)
    assert scope is not None
    assert scope.scopes == frozenset({Action.RUN_READ})


def test_the_machines_own_token_can_be_narrowed(everybody: People) -> None:
    whole = create(everybody, OPERATOR, None)
    narrow = create(everybody, OPERATOR, frozenset({Action.ESTATE_READ}))
    assert everybody.tokens.authenticate(whole) == operator_scope("whoever")
    scope = everybody.tokens.authenticate(narrow)
    assert scope is not None
    assert decide(scope, Action.ESTATE_READ, None) is Verdict.ALLOWED
    assert decide(scope, Action.ESTATE_APPLY, None) is Verdict.DENIED
    with pytest.raises(NotPermitted):
        create(everybody, scope, None)
