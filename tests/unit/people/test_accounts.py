"""One's own account: password, second factor; and what an operator resets."""

import datetime as dt

import pyotp
import pytest
import sqlalchemy as sa

from guesthouse import audit
from guesthouse.bootstrap.people import People
from guesthouse.db import Database
from guesthouse.db.tables import accounts, recovery_codes
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.errors import (
    AccountExists,
    AccountUnknown,
    CodeWrong,
    NotPermitted,
    PasswordWeak,
    PasswordWrong,
    SignInRefused,
    TooManyAttempts,
)
from guesthouse.people.model import Account, Half, InvitationRequest, Opened, Role
from guesthouse.people.scope import Scope, auditor_scope, member_scope, operator_scope
from guesthouse.people.throttle import OF_ACCOUNT, OF_CODES
from tests.fakes.clock import FakeClock
from tests.fakes.people import HERE, PASSWORD, come_in, signed_in

OPERATOR = operator_scope("operator")
OTHER = Sensitive("other wet llamas")
STEP = dt.timedelta(seconds=30)


@pytest.fixture
async def account(everybody: People) -> Account:
    return await come_in(everybody, "member", "acme", Role.MANAGER)


@pytest.fixture
def member(everybody: People, account: Account) -> Scope:
    return signed_in(everybody, account)


def _enrol(everybody: People, scope: Scope, code: str = "") -> tuple[pyotp.TOTP, tuple[str, ...]]:
    totp = pyotp.TOTP(everybody.accounts.begin_totp(scope, code).secret.reveal())
    now = everybody.parts.clock.now()
    return totp, everybody.accounts.confirm_totp(scope, totp.at(now))


def test_people_see_their_account(everybody: People, member: Scope, account: Account) -> None:
    assert everybody.accounts.account(member) == account
    with pytest.raises(NotPermitted):
        everybody.accounts.account(OPERATOR)


def test_operators_and_auditors_see_every_account(everybody: People, account: Account) -> None:
    assert everybody.accounts.accounts(OPERATOR) == (account,)
    assert everybody.accounts.accounts(auditor_scope("auditor")) == (account,)
    with pytest.raises(NotPermitted):
        everybody.accounts.accounts(member_scope("m", frozenset({"acme"})))


async def test_a_new_password_ends_every_other_session(
    everybody: People, member: Scope, account: Account
) -> None:
    elsewhere = everybody.signin.after_invitation(account, HERE).secret.reveal()
    await everybody.accounts.change_password(member, PASSWORD, OTHER)
    assert everybody.sessions.authenticate(elsewhere) is None
    assert everybody.sessions.authenticate_id(str(member.session)) is not None
    with pytest.raises(SignInRefused):
        await everybody.signin.password("member", PASSWORD, HERE)
    assert isinstance(await everybody.signin.password("member", OTHER, HERE), Opened)


async def test_the_old_password_must_fit(everybody: People, member: Scope) -> None:
    for _ in range(OF_ACCOUNT.tries):
        with pytest.raises(PasswordWrong):
            await everybody.accounts.change_password(member, OTHER, OTHER)
    with pytest.raises(TooManyAttempts):
        await everybody.accounts.change_password(member, PASSWORD, OTHER)
    with everybody.parts.database.reading() as transaction:
        found = audit.entries(transaction, OPERATOR, audit.Filters(action="account."))
    refused = ["account.refuse_password"] * OF_ACCOUNT.tries
    assert [row.action for row in found] == ["account.throttle", *refused]


async def test_a_weak_password_changes_nothing(everybody: People, member: Scope) -> None:
    with pytest.raises(PasswordWeak):
        await everybody.accounts.change_password(member, PASSWORD, Sensitive("member member"))
    assert isinstance(await everybody.signin.password("member", PASSWORD, HERE), Opened)


def test_an_authenticator_counts_once_it_has_shown_a_code(
    everybody: People, database: Database, member: Scope
) -> None:
    with pytest.raises(CodeWrong):
        everybody.accounts.confirm_totp(member, "123456")
    enrolment = everybody.accounts.begin_totp(member)
    assert not everybody.accounts.account(member).has_totp
    code = pyotp.TOTP(enrolment.secret.reveal()).at(everybody.parts.clock.now())
    codes = everybody.accounts.confirm_totp(member, code)
    assert everybody.accounts.account(member).has_totp
    assert len(set(codes)) == everybody.accounts.recovery_codes_left(member) == 10
    with database.reading() as transaction:
        kept = "".join(
            str(transaction.rows(sa.select(table))) for table in (accounts, recovery_codes)
        )
    assert not any(secret in kept for secret in (*codes, enrolment.secret.reveal()))


def test_sessions_opened_before_there_was_a_second_factor_end(
    everybody: People, member: Scope, account: Account
) -> None:
    elsewhere = everybody.signin.after_invitation(account, HERE).secret.reveal()
    _enrol(everybody, member)
    assert everybody.sessions.authenticate(elsewhere) is None
    assert everybody.sessions.authenticate_id(str(member.session)) is not None


def test_a_second_authenticator_needs_a_code_of_the_first(
    everybody: People, clock: FakeClock, member: Scope
) -> None:
    first, codes = _enrol(everybody, member)
    for wrong in ("", "000000", first.at(clock.now())):
        with pytest.raises(CodeWrong):
            everybody.accounts.begin_totp(member, wrong)
    clock.advance(STEP)
    later = everybody.accounts.begin_totp(member, first.at(clock.now()))
    clock.advance(STEP)
    fresh = everybody.accounts.confirm_totp(
        member, pyotp.TOTP(later.secret.reveal()).at(clock.now())
    )
    assert not set(fresh) & set(codes)
    clock.advance(STEP)
    with pytest.raises(CodeWrong):
        everybody.accounts.begin_totp(member, first.at(clock.now()))
    everybody.accounts.begin_totp(member, fresh[0])


async def test_until_the_new_one_has_shown_a_code_the_old_one_counts(
    everybody: People, clock: FakeClock, member: Scope
) -> None:
    first, _ = _enrol(everybody, member)
    clock.advance(STEP)
    everybody.accounts.begin_totp(member, first.at(clock.now()))
    clock.advance(STEP)
    half = await everybody.signin.password("member", PASSWORD, HERE)
    assert isinstance(half, Half)
    everybody.signin.second(half.secret.reveal(), first.at(clock.now()), HERE)


def test_codes_are_not_guessed_at_an_open_browser(everybody: People, member: Scope) -> None:
    _enrol(everybody, member)
    for _ in range(OF_CODES.tries):
        with pytest.raises(CodeWrong):
            everybody.accounts.begin_totp(member, "000000")
    with pytest.raises(TooManyAttempts):
        everybody.accounts.begin_totp(member, "000000")


async def test_who_lost_all_is_reset_and_invited_anew(everybody: People, member: Scope) -> None:
    _enrol(everybody, member)
    with pytest.raises(NotPermitted):
        everybody.accounts.reset(member, "member")
    invited = everybody.accounts.reset(OPERATOR, "member")
    assert everybody.sessions.authenticate_id(str(member.session)) is None
    with pytest.raises(SignInRefused):
        await everybody.signin.password("member", PASSWORD, HERE)
    account = await everybody.accounts.accept(invited.code.reveal(), OTHER)
    assert (account.has_totp, account.roles) == (False, {"acme": Role.MANAGER})
    assert isinstance(await everybody.signin.password("member", OTHER, HERE), Opened)


async def test_what_was_reset_takes_no_other_invitation(everybody: People, member: Scope) -> None:
    del member
    everybody.accounts.reset(OPERATOR, "member")
    foreign = member_scope("foreign", frozenset({"other"}), Role.MANAGER)
    request = InvitationRequest("member", "Member", partner="other", role=Role.VIEWER)
    code = everybody.accounts.invite(foreign, request).code.reveal()
    with pytest.raises(AccountExists):
        await everybody.accounts.accept(code, OTHER)


def test_nobody_is_reset_who_comes_in_by_the_provider(everybody: People, account: Account) -> None:
    with everybody.parts.database.transaction() as transaction:
        everybody.parts.accounts.identify(
            transaction, account.id, issuer="https://id.test", subject="1"
        )
    with pytest.raises(AccountUnknown):
        everybody.accounts.reset(OPERATOR, "member")


def _told(database: Database) -> list[str]:
    with database.reading() as transaction:
        rows = audit.entries(transaction, OPERATOR, audit.Filters(object="account/member"))
    return [row.action for row in rows]


def test_codes_that_are_guessed_in_an_open_browser_are_recorded(
    everybody: People, member: Scope, database: Database, clock: FakeClock
) -> None:
    everybody.accounts.begin_totp(member)
    with pytest.raises(CodeWrong):
        everybody.accounts.confirm_totp(member, "000000")
    assert _told(database)[:2] == ["totp.refuse", "totp.begin"]
    _enrol(everybody, member)
    clock.advance(STEP)
    for _ in range(OF_CODES.tries):
        with pytest.raises(CodeWrong):
            everybody.accounts.begin_totp(member, "000000")
    assert _told(database)[:2] == ["totp.refuse", "totp.refuse"]
    for _ in range(3):
        with pytest.raises(TooManyAttempts):
            everybody.accounts.begin_totp(member, "000000")
    assert _told(database)[:2] == ["account.throttle", "totp.refuse"]
