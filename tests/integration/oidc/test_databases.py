"""First sign-ins that come at once, where more than one may write."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest

from guesthouse.db import Database, upgrade
from guesthouse.kit.clock import SystemClock
from guesthouse.people import Role
from guesthouse.people.model import ExternalIdentity, Origin
from guesthouse.people.oidc import Arrived
from guesthouse.people.provider import AttemptSpent
from tests.fakes.external import external_sign_in
from tests.fakes.openid import ISSUER, FakeOpenIdProvider
from tests.integration.postgresql import Cluster, cluster

ADA = ExternalIdentity(ISSUER, "7", login="ada", title="Ada L.", groups=("Acme Developers",))
ORIGIN = Origin("192.0.2.7")
WINDOWS = 6


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as server:
        yield server


@pytest.fixture
def postgresql(server: Cluster) -> Iterator[Database]:
    with server.fresh() as url:
        database = Database(url)
        upgrade(database)
        yield database
        database.close()


async def test_windows_of_one_person_that_come_back_at_once_are_one_account(
    postgresql: Database,
) -> None:
    provider = FakeOpenIdProvider(ADA)
    door, _ = external_sign_in(postgresql, SystemClock(), provider)
    browser = (await door.begin("/", "", ORIGIN)).browser.reveal()
    for _ in range(WINDOWS - 1):
        await door.begin("/", browser, ORIGIN)
    returning = [
        door.finish({"state": one.state.reveal(), "code": one.nonce}, browser, ORIGIN)
        for one in provider.attempts
    ]
    arrived = await asyncio.gather(*returning)
    accounts = [one.opened.account for one in arrived]
    assert len({account.id for account in accounts}) == 1
    assert len({one.opened.session.id for one in arrived}) == WINDOWS
    assert {tuple(account.roles.items()) for account in accounts} == {(("acme", Role.DEVELOPER),)}


async def test_a_callback_that_comes_several_times_at_once_lets_in_once(
    postgresql: Database,
) -> None:
    provider = FakeOpenIdProvider(ADA)
    door, _ = external_sign_in(postgresql, SystemClock(), provider)
    browser = (await door.begin("/", "", ORIGIN)).browser.reveal()
    attempt = provider.attempts[0]
    parameters = {"state": attempt.state.reveal(), "code": attempt.nonce}
    returning = [door.finish(parameters, browser, ORIGIN) for _ in range(WINDOWS)]
    results = await asyncio.gather(*returning, return_exceptions=True)
    assert Counter(type(one) for one in results) == {Arrived: 1, AttemptSpent: WINDOWS - 1}
