"""First sign-ins that come at once, where more than one may write."""

import asyncio
from collections.abc import Iterator

import pytest

from guesthouse.db import Database, upgrade
from guesthouse.kit.clock import SystemClock
from guesthouse.people import Role
from guesthouse.people.model import ExternalIdentity, Origin
from tests.fakes.external import external_sign_in
from tests.fakes.openid import ISSUER, FakeOpenIdProvider
from tests.integration.postgresql import cluster

ADA = ExternalIdentity(ISSUER, "7", login="ada", title="Ada L.", groups=("Acme Developers",))
ORIGIN = Origin("192.0.2.7")
WINDOWS = 6


@pytest.fixture
def postgresql() -> Iterator[Database]:
    with cluster() as server, server.fresh() as url:
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
