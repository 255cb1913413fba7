"""A program signs in by a code that its person confirms in the browser."""

import datetime as dt

import pytest
import sqlalchemy as sa

from guesthouse import audit
from guesthouse.bootstrap.people import People
from guesthouse.db import Database
from guesthouse.db.tables import device_logins
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.devices import (
    INTERVAL_SECONDS,
    LIFETIME,
    MOST_WAITING,
    ClientInvalid,
    DeviceCrowd,
    DeviceExpired,
    DeviceRefused,
    DeviceUnknown,
    Pending,
)
from guesthouse.people.errors import NotEnrolled, NotPermitted
from guesthouse.people.model import Action, ActorKind, Role
from guesthouse.people.permissions import Verdict, decide
from guesthouse.people.scope import Scope, operator_scope
from tests.fakes.clock import FakeClock
from tests.fakes.people import come_in, signed_in

INTERVAL = dt.timedelta(seconds=INTERVAL_SECONDS)
OPERATOR = operator_scope("operator")


@pytest.fixture
async def member(everybody: People) -> Scope:
    return signed_in(everybody, await come_in(everybody, "member", "acme", Role.DEVELOPER))


def _word(everybody: People, device: Sensitive[str]) -> str:
    answer = everybody.devices.poll(device.reveal())
    assert isinstance(answer, Pending)
    return answer.word


def test_a_program_gets_a_token_of_who_confirms(everybody: People, member: Scope) -> None:
    code = everybody.devices.begin("guesthouse on a laptop")
    assert _word(everybody, code.device) == "authorization_pending"
    found = everybody.devices.find(code.user_code.lower().replace("-", " "))
    assert (found.client, found.scopes) == ("guesthouse on a laptop", None)
    everybody.devices.confirm(member, code.user_code)
    token = everybody.devices.poll(code.device.reveal())
    assert isinstance(token, Sensitive)
    scope = everybody.tokens.authenticate(token.reveal())
    assert scope is not None
    assert (scope.actor, scope.roles) == ("member", {"acme": Role.DEVELOPER})
    assert decide(scope, Action.ACCOUNT_OWN, None) is Verdict.DENIED
    (listed,) = everybody.tokens.list(member)
    assert listed.name == "guesthouse on a laptop"
    assert listed.expires_at is not None


def test_a_token_is_given_once(everybody: People, member: Scope) -> None:
    code = everybody.devices.begin("cli")
    everybody.devices.confirm(member, code.user_code)
    everybody.devices.poll(code.device.reveal())
    with pytest.raises(DeviceExpired):
        everybody.devices.poll(code.device.reveal())
    with pytest.raises(DeviceUnknown):
        everybody.devices.find(code.user_code)


def test_it_is_narrowed_to_what_was_asked_for_and_its_person_may(
    everybody: People, member: Scope
) -> None:
    asked = frozenset({Action.RUN_READ, Action.ESTATE_APPLY})
    code = everybody.devices.begin("cli", asked)
    assert everybody.devices.find(code.user_code).scopes == asked
    everybody.devices.confirm(member, code.user_code)
    token = everybody.devices.poll(code.device.reveal())
    assert isinstance(token, Sensitive)
    scope = everybody.tokens.authenticate(token.reveal())
    assert scope is not None
    assert scope.scopes == frozenset({Action.RUN_READ})


def test_who_asks_too_soon_waits_longer_each_time(everybody: People, clock: FakeClock) -> None:
    device = everybody.devices.begin("cli").device
    words = [_word(everybody, device)]
    for seconds in (1, 9, 15, 14, 20):
        clock.advance(dt.timedelta(seconds=seconds))
        words.append(_word(everybody, device))
    waiting, slower = "authorization_pending", "slow_down"
    assert words == [waiting, slower, slower, waiting, slower, waiting]


@pytest.mark.parametrize("jump", [LIFETIME, -dt.timedelta(days=1)], ids=["old", "clock-back"])
def test_a_code_expires(
    everybody: People, clock: FakeClock, member: Scope, jump: dt.timedelta
) -> None:
    code = everybody.devices.begin("cli")
    clock.advance(jump)
    with pytest.raises(DeviceUnknown):
        everybody.devices.confirm(member, code.user_code)
    with pytest.raises(DeviceExpired) as expired:
        everybody.devices.poll(code.device.reveal())
    assert expired.value.word == "expired_token"


def test_who_confirms_late_gives_nothing(
    everybody: People, clock: FakeClock, member: Scope
) -> None:
    code = everybody.devices.begin("cli")
    everybody.devices.confirm(member, code.user_code)
    clock.advance(LIFETIME)
    with pytest.raises(DeviceExpired):
        everybody.devices.poll(code.device.reveal())


def test_a_person_may_say_no(everybody: People, member: Scope) -> None:
    code = everybody.devices.begin("cli")
    everybody.devices.refuse(member, code.user_code)
    with pytest.raises(DeviceRefused) as refused:
        everybody.devices.poll(code.device.reveal())
    assert refused.value.word == "access_denied"
    with pytest.raises(DeviceUnknown):
        everybody.devices.confirm(member, code.user_code)
    assert everybody.tokens.list(member) == ()


async def test_the_first_answer_counts(everybody: People, member: Scope) -> None:
    code = everybody.devices.begin("cli")
    everybody.devices.confirm(member, code.user_code)
    other = signed_in(everybody, await come_in(everybody, "other", "other", Role.MANAGER))
    for answer in (everybody.devices.confirm, everybody.devices.refuse):
        with pytest.raises(DeviceUnknown):
            answer(other, code.user_code)


async def test_only_people_signed_in_by_a_browser_confirm(
    everybody: People, member: Scope
) -> None:
    first = everybody.devices.begin("cli")
    everybody.devices.confirm(member, first.user_code)
    token = everybody.devices.poll(first.device.reveal())
    assert isinstance(token, Sensitive)
    by_token = everybody.tokens.authenticate(token.reveal())
    assert by_token is not None
    anna = signed_in(everybody, await come_in(everybody, "anna", kind=ActorKind.OPERATOR))
    code = everybody.devices.begin("cli")
    for scope, error in (
        (by_token, NotPermitted),
        (OPERATOR, NotPermitted),
        (anna, NotEnrolled),
    ):
        with pytest.raises(error):
            everybody.devices.confirm(scope, code.user_code)


def test_who_was_disabled_since_they_confirmed_gives_nothing(
    everybody: People, member: Scope
) -> None:
    code = everybody.devices.begin("cli")
    everybody.devices.confirm(member, code.user_code)
    everybody.accounts.disable(OPERATOR, "member")
    with pytest.raises(DeviceExpired):
        everybody.devices.poll(code.device.reveal())


@pytest.mark.parametrize("client", ["", " ", "x" * 64, "a\x1b[2J", "a\u202eb"])
def test_a_program_names_itself_on_one_line(everybody: People, client: str) -> None:
    with pytest.raises(ClientInvalid):
        everybody.devices.begin(client)


def test_a_program_asks_for_no_account(everybody: People) -> None:
    with pytest.raises(ClientInvalid):
        everybody.devices.begin("cli", frozenset({Action.ACCOUNT_OWN}))


def test_a_flood_of_programs_is_stopped(everybody: People, database: Database) -> None:
    now = everybody.parts.clock.now()
    with database.transaction() as transaction:
        for number in range(MOST_WAITING):
            transaction.insert(
                device_logins,
                digest=str(number),
                user_code=str(number),
                client="flood",
                state="pending",
                interval_seconds=5,
                expires_at=now + LIFETIME,
            )
    with pytest.raises(DeviceCrowd):
        everybody.devices.begin("cli")


@pytest.mark.parametrize("code", ["", "x", "é", "\udcff"])
def test_other_codes_are_expired(everybody: People, code: str) -> None:
    with pytest.raises(DeviceExpired):
        everybody.devices.poll(code)
    with pytest.raises(DeviceUnknown):
        everybody.devices.find(code)


def test_it_is_recorded_who_let_which_program_in(
    everybody: People, database: Database, member: Scope
) -> None:
    code = everybody.devices.begin("cli")
    everybody.devices.confirm(member, code.user_code)
    everybody.devices.poll(code.device.reveal())
    with database.reading() as transaction:
        newest = audit.entries(transaction, OPERATOR, limit=2)
        kept = str(transaction.rows(sa.select(device_logins)))
    assert [(row.actor, row.action) for row in newest] == [
        ("member", "token.create"),
        ("member", "device.confirm"),
    ]
    assert code.device.reveal() not in kept
