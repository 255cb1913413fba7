import datetime as dt

import pytest
import sqlalchemy as sa

from guesthouse.bootstrap.people import People
from guesthouse.db import Database
from guesthouse.db.tables import sessions
from guesthouse.people.errors import NotPermitted
from guesthouse.people.model import Account, ActorKind, Role
from guesthouse.people.scope import operator_scope
from guesthouse.people.sessions import ABSOLUTE, IDLE, SET_BACK, SessionUnknown
from tests.fakes.clock import FakeClock
from tests.fakes.people import HERE, come_in, signed_in

SECOND = dt.timedelta(seconds=1)
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
async def member(everybody: People) -> Account:
    return await come_in(everybody, "member", "acme", Role.DEVELOPER)


def _open(everybody: People, account: Account) -> str:
    return everybody.signin.after_invitation(account, HERE).secret.reveal()


def _is_in(everybody: People, secret: str) -> bool:
    return everybody.sessions.authenticate(secret) is not None


def test_a_session_gives_what_its_person_may_now(everybody: People, member: Account) -> None:
    secret = _open(everybody, member)
    scope = everybody.sessions.authenticate(secret)
    assert scope is not None
    assert (scope.actor, scope.account, scope.roles) == (
        "member",
        member.id,
        {"acme": Role.DEVELOPER},
    )
    everybody.accounts.set_role(operator_scope("owner"), "acme", "member", Role.VIEWER)
    after = everybody.sessions.authenticate(secret)
    assert after is not None
    assert after.roles == {"acme": Role.VIEWER}


@pytest.mark.parametrize("secret", ["", "x", "0" * 43, "é", "\udcff"])
def test_other_secrets_give_nothing(everybody: People, member: Account, secret: str) -> None:
    _open(everybody, member)
    assert not _is_in(everybody, secret)


def test_each_sign_in_has_a_secret_of_its_own(everybody: People, member: Account) -> None:
    assert _open(everybody, member) != _open(everybody, member)


def test_a_secret_is_kept_only_as_a_digest(
    everybody: People, database: Database, member: Account
) -> None:
    secret = _open(everybody, member)
    with database.reading() as transaction:
        assert secret not in str(transaction.rows(sa.select(sessions)))


def test_a_session_ends_when_it_was_left_alone(
    everybody: People, clock: FakeClock, member: Account
) -> None:
    used, left = _open(everybody, member), _open(everybody, member)
    clock.advance(IDLE - SECOND)
    assert _is_in(everybody, used)
    clock.advance(SECOND)
    assert _is_in(everybody, used)
    assert not _is_in(everybody, left)


def test_a_session_ends_a_week_after_the_sign_in_however_it_is_used(
    everybody: People, clock: FakeClock, member: Account
) -> None:
    secret = _open(everybody, member)
    hours = int(ABSOLUTE / dt.timedelta(hours=1))
    for _ in range(hours - 1):
        clock.advance(dt.timedelta(hours=1))
        assert _is_in(everybody, secret)
    clock.advance(dt.timedelta(hours=1))
    assert not _is_in(everybody, secret)


def test_a_session_ends_when_the_clock_was_set_back(
    everybody: People, clock: FakeClock, member: Account
) -> None:
    secret = _open(everybody, member)
    clock.advance(-SET_BACK)
    assert _is_in(everybody, secret)
    clock.advance(-SECOND)
    assert not _is_in(everybody, secret)


@pytest.mark.parametrize(
    "jump", [dt.timedelta(days=30), -dt.timedelta(days=30)], ids=["forth", "back"]
)
def test_a_session_that_ended_by_a_jump_of_the_clock_stays_ended(
    everybody: People, clock: FakeClock, member: Account, jump: dt.timedelta
) -> None:
    secret = _open(everybody, member)
    clock.advance(jump)
    assert not _is_in(everybody, secret)
    clock.advance(-jump)
    assert not _is_in(everybody, secret)


def test_a_session_is_seen_at_most_once_a_minute(
    everybody: People, database: Database, clock: FakeClock, member: Account
) -> None:
    secret, start = _open(everybody, member), clock.now()

    def seen() -> dt.datetime:
        with database.reading() as transaction:
            found: dt.datetime = transaction.scalar(sa.select(sessions.c.seen_at))
        return found

    clock.advance(MINUTE - SECOND)
    assert _is_in(everybody, secret)
    assert seen() == start
    clock.advance(SECOND)
    assert _is_in(everybody, secret)
    assert seen() == start + MINUTE


def test_people_list_and_end_their_own_sessions(
    everybody: People, clock: FakeClock, member: Account
) -> None:
    here = signed_in(everybody, member)
    clock.advance(SECOND)
    there = signed_in(everybody, member)
    listed = everybody.sessions.list(here)
    assert [(session.id, session.is_current) for session in listed] == [
        (there.session, False),
        (here.session, True),
    ]
    assert (listed[0].address, listed[0].agent) == (HERE.address, HERE.agent)
    everybody.sessions.revoke(here, str(there.session))
    assert [session.id for session in everybody.sessions.list(here)] == [here.session]
    with pytest.raises(SessionUnknown):
        everybody.sessions.revoke(here, str(there.session))


async def test_nobody_ends_or_sees_sessions_of_others(everybody: People, member: Account) -> None:
    theirs = signed_in(everybody, await come_in(everybody, "outsider", "other", Role.MANAGER))
    own = signed_in(everybody, member)
    with pytest.raises(SessionUnknown):
        everybody.sessions.revoke(own, str(theirs.session))
    assert [session.id for session in everybody.sessions.list(own)] == [own.session]
    assert everybody.sessions.authenticate_id(str(theirs.session)) is not None


def test_the_machines_own_token_has_no_sessions(everybody: People) -> None:
    with pytest.raises(NotPermitted):
        everybody.sessions.list(operator_scope("operator"))


async def test_a_disabled_account_is_out_at_once(everybody: People, member: Account) -> None:
    secret = _open(everybody, member)
    ended = everybody.accounts.disable(operator_scope("owner"), "member")
    assert (ended.logins, ended.sessions) == (("member",), 1)
    assert not _is_in(everybody, secret)
    everybody.accounts.enable(operator_scope("owner"), "member")
    assert not _is_in(everybody, secret)


async def test_an_operator_without_a_second_factor_is_enrolling(everybody: People) -> None:
    account = await come_in(everybody, "anna", kind=ActorKind.OPERATOR)
    assert account.must_enrol
    assert signed_in(everybody, account).is_enrolling
