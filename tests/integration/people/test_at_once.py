"""Two who try the same thing in the same moment: one of them has it."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
import sqlalchemy as sa

from guesthouse import audit
from guesthouse.bootstrap.people import People
from guesthouse.db import Database
from guesthouse.db.tables import partners
from guesthouse.errors import GuesthouseError
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.errors import CodeWrong, InvitationSpent, SignInRefused, TooManyAttempts
from guesthouse.people.gateway import GatewayCodeRefused
from guesthouse.people.model import Account, Half, InvitationRequest, Role
from guesthouse.people.scope import Scope, operator_scope
from guesthouse.people.throttle import OF_ACCOUNT, Turn
from tests.fakes.clock import FakeClock
from tests.fakes.people import HERE, PASSWORD, come_in, signed_in

CROWD = 8


@pytest.fixture
async def member(everybody: People) -> Account:
    return await come_in(everybody, "member", "acme", Role.MANAGER)


@pytest.fixture
def scope(everybody: People, member: Account) -> Scope:
    return signed_in(everybody, member)


def at_once(act: Callable[[], object]) -> list[object]:
    """Do the same in many threads; return what came of each, errors by their class."""
    ready = threading.Barrier(CROWD)

    def one(_: int) -> object:
        ready.wait(10)
        try:
            return act()
        except GuesthouseError as exc:
            return type(exc)

    with ThreadPoolExecutor(CROWD) as threads:
        return list(threads.map(one, range(CROWD)))


def _chain_holds(everybody: People) -> bool:
    with everybody.parts.database.reading() as transaction:
        return audit.verify(transaction) is None


def test_a_try_is_counted_for_each(everybody: People) -> None:
    def take() -> object:
        with everybody.parts.database.transaction() as transaction:
            now = everybody.parts.clock.now()
            return everybody.parts.throttle.take(transaction, OF_ACCOUNT, "member", now)

    turns = [turn for _ in range(3) for turn in at_once(take)]
    assert turns.count(Turn.TAKEN) == OF_ACCOUNT.tries
    assert turns.count(Turn.REFUSED_FIRST) == 1


async def test_one_code_opens_one_session(
    everybody: People, member: Account, scope: Scope
) -> None:
    del member
    totp = pyotp.TOTP(everybody.accounts.begin_totp(scope).secret.reveal())
    now = everybody.parts.clock.now()
    recovery = everybody.accounts.confirm_totp(scope, totp.at(now))
    halves = []
    for _ in range(CROWD):
        half = await everybody.signin.password("member", PASSWORD, HERE)
        assert isinstance(half, Half)
        halves.append(half.secret.reveal())
    waiting = iter(halves)
    taking = threading.Lock()

    def second() -> object:
        with taking:
            mine = next(waiting)
        return everybody.signin.second(mine, recovery[0], HERE)

    came = at_once(second)
    assert came.count(SignInRefused) == CROWD - 1
    assert TooManyAttempts not in came
    assert _chain_holds(everybody)


def test_one_code_of_a_gateway_gives_one_cookie(everybody: People, scope: Scope) -> None:
    door = everybody.gateway_door
    code = door.issue(scope, "acme", "app", "state", "/").reveal()
    came = at_once(lambda: door.exchange(code, "acme", "app", "state"))
    assert came.count(GatewayCodeRefused) == CROWD - 1


def test_one_device_code_gives_one_token(everybody: People, scope: Scope) -> None:
    code = everybody.devices.begin("cli")
    everybody.devices.confirm(scope, code.user_code)
    came = at_once(lambda: everybody.devices.poll(code.device.reveal()))
    assert sum(isinstance(each, Sensitive) for each in came) == 1
    assert len(everybody.tokens.list(scope)) == 1
    assert _chain_holds(everybody)


def test_one_authenticator_is_confirmed_once(everybody: People, scope: Scope) -> None:
    totp = pyotp.TOTP(everybody.accounts.begin_totp(scope).secret.reveal())
    code = totp.at(everybody.parts.clock.now())
    came = at_once(lambda: everybody.accounts.confirm_totp(scope, code))
    assert came.count(CodeWrong) == CROWD - 1
    assert everybody.accounts.recovery_codes_left(scope) == 10


async def test_who_comes_in_while_their_partner_is_offboarded_is_out(
    everybody: People, database: Database, clock: FakeClock
) -> None:
    request = InvitationRequest("ben", "Ben", partner="acme", role=Role.VIEWER)
    code = everybody.accounts.invite(operator_scope("operator"), request).code.reveal()
    with database.transaction() as transaction:
        of_acme = sa.update(partners).where(partners.c.name == "acme")
        transaction.change(of_acme.values(offboarded_at=clock.now()))
        coming = asyncio.create_task(everybody.accounts.accept(code, PASSWORD))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(coming), 0.5)
    with pytest.raises(InvitationSpent):
        await coming
