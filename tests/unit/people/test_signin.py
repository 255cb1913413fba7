"""The way in by password and code, and those who try to come in without."""

import datetime as dt
import re

import pyotp
import pytest
import sqlalchemy as sa

from guesthouse import audit
from guesthouse.bootstrap.people import People
from guesthouse.db import Database
from guesthouse.db.tables import accounts, half_sign_ins, sessions, throttles
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.errors import SignInRefused, TooManyAttempts
from guesthouse.people.model import (
    Account,
    ActorKind,
    DeclaredMember,
    Half,
    Opened,
    Origin,
    Role,
)
from guesthouse.people.scope import Scope, system_scope
from guesthouse.people.signin import HALF, HALF_TRIES
from guesthouse.people.throttle import OF_ACCOUNT, OF_ADDRESS, OF_CODES, OF_CODES_DAILY
from tests.fakes.clock import FakeClock
from tests.fakes.people import HERE, PASSWORD, FakeHasher, come_in, signed_in

WRONG = Sensitive("a wrong password")
STEP = dt.timedelta(seconds=30)
MINUTE = dt.timedelta(minutes=1)
AUDITOR = system_scope()


@pytest.fixture
def hasher(everybody: People) -> FakeHasher:
    hasher = everybody.parts.lane.hasher
    assert isinstance(hasher, FakeHasher)
    return hasher


@pytest.fixture
async def member(everybody: People) -> Account:
    return await come_in(everybody, "member", "acme", Role.DEVELOPER)


class Phone:
    """The authenticator of an account."""

    def __init__(self, everybody: People, account: Account, clock: FakeClock) -> None:
        scope = signed_in(everybody, account)
        self._clock = clock
        self._totp = pyotp.TOTP(everybody.accounts.begin_totp(scope).secret.reveal())
        self.recovery = everybody.accounts.confirm_totp(scope, self.code())

    def code(self) -> str:
        return self._totp.at(self._clock.now())

    def next(self) -> str:
        self._clock.advance(STEP)
        return self.code()


@pytest.fixture
def phone(everybody: People, member: Account, clock: FakeClock) -> Phone:
    return Phone(everybody, member, clock)


async def _half(everybody: People, login: str = "member") -> str:
    half = await everybody.signin.password(login, PASSWORD, HERE)
    assert isinstance(half, Half)
    return half.secret.reveal()


def _rows(everybody: People, action: str) -> list[audit.Entry]:
    with everybody.parts.database.reading() as transaction:
        found = audit.entries(transaction, AUDITOR, audit.Filters(action=action), limit=1000)
        assert audit.verify(transaction) is None
    return list(found)


def _wrong_code(right: str) -> str:
    return f"{(int(right) + 1) % 10**6:06}"


async def test_a_password_opens_a_session(everybody: People, member: Account) -> None:
    opened = await everybody.signin.password(" Member ", PASSWORD, HERE)
    assert isinstance(opened, Opened)
    assert opened.account == member
    scope = everybody.sessions.authenticate(opened.secret.reveal())
    assert scope is not None
    assert (scope.actor, scope.session) == ("member", opened.session.id)
    (row,) = _rows(everybody, "signin.open")
    assert (row.actor, row.object) == ("member", "account/member")
    assert row.detail["address"] == HERE.address


async def test_every_wrong_way_in_is_the_same_error_after_the_same_work(
    everybody: People, member: Account, hasher: FakeHasher
) -> None:
    disabled = await come_in(everybody, "left", "acme", Role.VIEWER)
    everybody.accounts.disable(system_scope(), disabled.login)
    said = []
    for login, password in (
        ("nobody", PASSWORD),
        (member.login, WRONG),
        (disabled.login, PASSWORD),
        (_declare(everybody, "declared"), PASSWORD),
        ("x" * 5000, WRONG),
        ("", WRONG),
    ):
        hasher.verified.clear()
        with pytest.raises(SignInRefused) as refused:
            await everybody.signin.password(login, password, HERE)
        said.append((str(refused.value), refused.value.next_step))
        assert len(hasher.verified) == 1
    assert len(set(said)) == 1


def _declare(everybody: People, login: str) -> str:
    """Make an account without a password, as the estate does."""
    declared = (DeclaredMember(login, "Declared", Role.VIEWER),)
    with everybody.parts.database.transaction() as transaction:
        everybody.accounts.declare(transaction, system_scope(), "acme", declared)
    return login


async def test_who_is_not_there_costs_a_hash_that_nobody_has(
    everybody: People, member: Account, hasher: FakeHasher
) -> None:
    del member
    with pytest.raises(SignInRefused):
        await everybody.signin.password("nobody", WRONG, HERE)
    assert hasher.verified == [hasher.decoy]


async def test_refused_sign_ins_are_recorded_without_what_was_typed(
    everybody: People, member: Account
) -> None:
    for login in (member.login, PASSWORD.reveal()):
        with pytest.raises(SignInRefused):
            await everybody.signin.password(login, WRONG, HERE)
    rows = _rows(everybody, "signin.refuse")
    assert [row.object for row in rows] == ["account/?", "account/member"]
    assert {row.actor for row in rows} == {"anonymous"}
    assert not re.search("llamas|wrong password", str(rows))


async def test_a_second_factor_is_asked_for(everybody: People, phone: Phone) -> None:
    half = await _half(everybody)
    assert everybody.sessions.authenticate(half) is None
    opened = everybody.signin.second(half, phone.next(), HERE)
    scope = everybody.sessions.authenticate(opened.secret.reveal())
    assert scope is not None
    assert scope.actor == "member"
    assert opened.secret.reveal() != half


async def test_a_half_opens_once(everybody: People, phone: Phone) -> None:
    half = await _half(everybody)
    everybody.signin.second(half, phone.next(), HERE)
    with pytest.raises(SignInRefused):
        everybody.signin.second(half, phone.next(), HERE)


async def test_a_code_is_not_taken_twice(everybody: People, phone: Phone) -> None:
    first, second = await _half(everybody), await _half(everybody)
    code = phone.next()
    everybody.signin.second(first, code, HERE)
    with pytest.raises(SignInRefused):
        everybody.signin.second(second, code, HERE)
    everybody.signin.second(second, phone.next(), HERE)


async def test_the_code_of_the_enrolment_is_not_taken_again(
    everybody: People, phone: Phone
) -> None:
    with pytest.raises(SignInRefused):
        everybody.signin.second(await _half(everybody), phone.code(), HERE)


async def test_a_recovery_code_is_taken_once(everybody: People, phone: Phone) -> None:
    code = phone.recovery[3].upper()
    opened = everybody.signin.second(await _half(everybody), code, HERE)
    scope = everybody.sessions.authenticate(opened.secret.reveal())
    assert scope is not None
    assert everybody.accounts.recovery_codes_left(scope) == 9
    assert _rows(everybody, "signin.open")[0].detail["factor"] == "recovery-code"
    with pytest.raises(SignInRefused):
        everybody.signin.second(await _half(everybody), code, HERE)


@pytest.mark.parametrize(
    "jump",
    [HALF, HALF + dt.timedelta(days=1), -dt.timedelta(minutes=6)],
    ids=["old", "clock-forth", "clock-back"],
)
async def test_a_half_lives_for_five_minutes(
    everybody: People, clock: FakeClock, phone: Phone, jump: dt.timedelta
) -> None:
    half = await _half(everybody)
    clock.advance(jump)
    with pytest.raises(SignInRefused):
        everybody.signin.second(half, phone.next(), HERE)


async def test_a_half_is_good_for_five_tries(everybody: People, phone: Phone) -> None:
    half = await _half(everybody)
    for _ in range(HALF_TRIES):
        with pytest.raises(SignInRefused):
            everybody.signin.second(half, _wrong_code(phone.next()), HERE)
    with pytest.raises(SignInRefused):
        everybody.signin.second(half, phone.next(), HERE)


async def test_a_half_dies_with_the_password_it_was_opened_by(
    everybody: People, phone: Phone
) -> None:
    half = await _half(everybody)
    scope = signed_in_by(everybody, await _half(everybody), phone.next())
    await everybody.accounts.change_password(scope, PASSWORD, Sensitive("other wet llamas"))
    with pytest.raises(SignInRefused):
        everybody.signin.second(half, phone.next(), HERE)


def signed_in_by(everybody: People, half: str, code: str) -> Scope:
    opened = everybody.signin.second(half, code, HERE)
    scope = everybody.sessions.authenticate(opened.secret.reveal())
    assert scope is not None
    return scope


async def test_an_account_disabled_between_password_and_code_stays_out(
    everybody: People, database: Database, phone: Phone
) -> None:
    half = await _half(everybody)
    with database.transaction() as transaction:
        transaction.change(sa.update(accounts).values(disabled_at=sa.func.current_timestamp()))
    with pytest.raises(SignInRefused):
        everybody.signin.second(half, phone.next(), HERE)


async def test_a_secret_planted_before_the_sign_in_opens_nothing(
    everybody: People, phone: Phone
) -> None:
    planted = signed_in_by(everybody, await _half(everybody), phone.next())
    half = await _half(everybody)
    opened = everybody.signin.second(half, phone.next(), HERE)
    assert opened.session.id != planted.session
    for secret in (half, str(planted.session), opened.session.id):
        assert everybody.sessions.authenticate(secret) is None


async def _tries(everybody: People, login: str, origin: Origin) -> type[Exception]:
    try:
        await everybody.signin.password(login, WRONG, origin)
    except (SignInRefused, TooManyAttempts) as exc:
        return type(exc)
    raise AssertionError


@pytest.mark.parametrize("login", ["member", "nobody"])
async def test_an_account_is_tried_ten_times_a_minute_from_wherever(
    everybody: People, member: Account, hasher: FakeHasher, login: str
) -> None:
    del member
    said = [await _tries(everybody, login, Origin(f"198.51.100.{number}")) for number in range(20)]
    assert said == [SignInRefused] * OF_ACCOUNT.tries + [TooManyAttempts] * 10
    assert len(hasher.verified) == OF_ACCOUNT.tries
    assert len(_rows(everybody, "signin.throttle")) == 1


async def test_even_the_right_password_waits_its_minute(
    everybody: People, clock: FakeClock, member: Account
) -> None:
    for number in range(OF_ACCOUNT.tries):
        clock.advance(dt.timedelta(seconds=5))
        assert await _tries(everybody, member.login, Origin(str(number))) is SignInRefused
    with pytest.raises(TooManyAttempts) as refused:
        await everybody.signin.password(member.login, PASSWORD, HERE)
    assert refused.value.retry_after == MINUTE
    clock.advance(MINUTE)
    opened = await everybody.signin.password(member.login, PASSWORD, HERE)
    assert isinstance(opened, Opened)


async def test_an_address_tries_thirty_logins_a_minute(everybody: People, member: Account) -> None:
    said = [await _tries(everybody, f"user{number}", HERE) for number in range(40)]
    assert said == [SignInRefused] * OF_ADDRESS.tries + [TooManyAttempts] * 10
    elsewhere = Origin("203.0.113.9")
    assert isinstance(await everybody.signin.password(member.login, PASSWORD, elsewhere), Opened)


async def test_the_addresses_of_one_network_are_one(everybody: People, member: Account) -> None:
    addresses = [Origin(f"2001:db8:0:1::{number:x}") for number in range(40)]
    said = [await _tries(everybody, f"user{n}", origin) for n, origin in enumerate(addresses)]
    assert said == [SignInRefused] * OF_ADDRESS.tries + [TooManyAttempts] * 10
    neighbour = Origin("2001:db8:0:2::1")
    assert isinstance(await everybody.signin.password(member.login, PASSWORD, neighbour), Opened)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_tries_are_counted_by_network(address: str, network: str) -> None:
    assert Origin(address).network == network


@pytest.mark.parametrize(
    ("address", "is_elsewhere"),
    [
        pytest.param("192.0.2.7", False, id="same"),
        pytest.param("192.0.2.8", True, id="other"),
        pytest.param("::ffff:192.0.2.7", False, id="the-same-written-otherwise"),
        pytest.param("2001:db8::1", False, id="another-protocol-tells-nothing"),
    ],
)
def test_only_what_is_surely_another_network_is_elsewhere(
    address: str, *, is_elsewhere: bool
) -> None:
    assert Origin("192.0.2.7").is_elsewhere(Origin(address)) is is_elsewhere


async def test_who_signs_in_rightly_is_not_counted(everybody: People, member: Account) -> None:
    for _ in range(OF_ADDRESS.tries * 2):
        opened = await everybody.signin.password(member.login, PASSWORD, HERE)
        assert isinstance(opened, Opened)


async def test_setting_the_clock_back_buys_no_tries(
    everybody: People, clock: FakeClock, member: Account
) -> None:
    for number in range(OF_ACCOUNT.tries):
        await _tries(everybody, member.login, Origin(str(number)))
    clock.advance(-dt.timedelta(hours=1))
    assert await _tries(everybody, member.login, Origin("x")) is TooManyAttempts


async def _guesses(
    everybody: People, clock: FakeClock, *, every: dt.timedelta
) -> tuple[int, TooManyAttempts]:
    """Guess codes with the password known; return how many were tried until we were stopped."""
    for tried in range(1000):
        try:
            half = await _half(everybody)
            everybody.signin.second(half, "000000", Origin(str(tried)))
        except SignInRefused:
            clock.advance(every)
        except TooManyAttempts as exc:
            return tried, exc
    raise AssertionError


async def test_knowing_the_password_buys_no_more_codes(
    everybody: People, clock: FakeClock, phone: Phone
) -> None:
    del phone
    tried, _ = await _guesses(everybody, clock, every=dt.timedelta(seconds=1))
    assert tried == OF_CODES.tries


async def test_codes_are_not_tried_for_days(
    everybody: People, clock: FakeClock, phone: Phone
) -> None:
    tried, stopped = await _guesses(everybody, clock, every=dt.timedelta(minutes=10))
    assert tried == OF_CODES_DAILY.tries
    assert stopped.retry_after == dt.timedelta(hours=1)
    clock.advance(OF_CODES_DAILY.window)
    everybody.signin.second(await _half(everybody), phone.next(), HERE)


def test_what_throttles_keep_is_no_login(everybody: People, database: Database) -> None:
    with database.transaction() as transaction:
        now = everybody.parts.clock.now()
        everybody.parts.throttle.take(transaction, OF_ACCOUNT, "member", now)
        assert "member" not in str(transaction.rows(sa.select(throttles)))


async def test_without_an_audit_row_nobody_comes_in(
    everybody: People, database: Database, member: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        message = "disk full"
        raise OSError(message)

    monkeypatch.setattr(type(everybody.parts.trail), "record", refuse)
    with pytest.raises(OSError, match="disk full"):
        await everybody.signin.password(member.login, PASSWORD, HERE)
    with database.reading() as transaction:
        assert transaction.rows(sa.select(sessions)) == []
        assert transaction.rows(sa.select(half_sign_ins)) == []


async def test_an_invitation_is_no_way_round_the_second_factor(
    everybody: People, member: Account, phone: Phone
) -> None:
    del phone
    with pytest.raises(SignInRefused):
        everybody.signin.after_invitation(member, HERE)


async def test_an_operator_who_enrols_may_act(everybody: People, clock: FakeClock) -> None:
    anna = await come_in(everybody, "anna", kind=ActorKind.OPERATOR)
    opened = await everybody.signin.password("anna", PASSWORD, HERE)
    assert isinstance(opened, Opened)
    assert opened.account.must_enrol
    phone = Phone(everybody, anna, clock)
    assert everybody.sessions.authenticate(opened.secret.reveal()) is None
    scope = signed_in_by(everybody, await _half(everybody, "anna"), phone.next())
    assert not scope.is_enrolling


async def test_a_password_is_hashed_in_the_lane(
    everybody: People, member: Account, hasher: FakeHasher
) -> None:
    await everybody.signin.password(member.login, PASSWORD, HERE)
    with pytest.raises(SignInRefused):
        await everybody.signin.password("nobody", PASSWORD, HERE)
    assert len(hasher.threads) == 1
