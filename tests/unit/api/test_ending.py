"""Open streams end within 5 s of what opened them: token, session, role, account."""

import datetime as dt
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from typing_extensions import override

from guesthouse.api import create_app
from guesthouse.db import Database
from guesthouse.db.tables import sessions
from guesthouse.edge.access import SESSION_COOKIE
from guesthouse.people import ActorKind, Role
from guesthouse.people.model import Account, Door, MembershipOrigin, Opened, Origin
from guesthouse.people.scope import account_scope
from guesthouse.people.sessions import IDLE
from tests.fakes.asgi import client_of
from tests.fakes.clock import START
from tests.fakes.services import OPERATOR, FakeServices, fake_services
from tests.unit.api.events import events_of
from tests.unit.api.test_requests import Acting

AFTER = dt.timedelta(seconds=11)
LIMIT = dt.timedelta(seconds=5)
End = Callable[[FakeServices, Opened], object]


class Bounded(Acting):
    """Breaks a stream that goes on for too long, so that a test of its end does end."""

    last: dt.datetime

    @override
    async def sleep(self, duration: dt.timedelta) -> None:
        await super().sleep(duration)
        if self.now() > self.last:
            raise TimeoutError


def _revoked(services: FakeServices, opened: Opened) -> None:
    scope = account_scope(opened.account, session=opened.session.id)
    services.sessions.revoke(scope, opened.session.id)


ENDS: dict[str, End] = {
    "session-revoked": _revoked,
    "account-disabled": lambda s, o: s.accounts.disable(OPERATOR, o.account.login),
    "seen-out-of-this-partner": lambda s, o: s.accounts.remove(OPERATOR, "acme", o.account.login),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_log_ends_for_who_may_not_read_it_any_more(
    database: Database, tmp_path_factory: pytest.TempPathFactory, end: End
) -> None:
    clock = Bounded()
    clock.last = START + AFTER + LIMIT
    services = fake_services(database, clock, tmp_path_factory.mktemp("state"))
    run = services.environments.deploy(OPERATOR, "acme")
    opened = _signed_in(services)

    ended: list[object] = []

    def act() -> None:
        ended.append(end(services, opened))

    clock.at, clock.act = clock.now() + AFTER, act
    client = client_of(create_app(services))
    client.headers["Cookie"] = f"{SESSION_COOKIE}={opened.secret.reveal()}"
    answer = client.get(f"/api/v1/runs/{run.id}/log", params={"follow": True})
    assert answer.status_code == 200
    assert ended
    assert clock.now() <= clock.last
    assert events_of(answer.text) == []


def test_a_page_left_open_keeps_no_session_alive(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clock = Bounded()
    clock.last = START + IDLE + LIMIT
    services = fake_services(database, clock, tmp_path_factory.mktemp("state"))
    run = services.environments.deploy(OPERATOR, "acme")
    opened = _signed_in(services)
    # Shortly before the session ends by itself.
    clock.advance(IDLE - dt.timedelta(seconds=20))
    with services.database.transaction() as transaction:
        transaction.change(sa.update(sessions).values(seen_at=START))
    client = client_of(create_app(services))
    client.headers["Cookie"] = f"{SESSION_COOKIE}={opened.secret.reveal()}"

    def forget() -> None:
        # What the request itself counted for is taken back.
        with services.database.transaction() as transaction:
            transaction.change(sa.update(sessions).values(seen_at=START))

    clock.at, clock.act = clock.now(), forget
    answer = client.get(f"/api/v1/runs/{run.id}/log", params={"follow": True})
    assert answer.status_code == 200
    assert clock.now() <= clock.last


def _signed_in(services: FakeServices) -> Opened:
    """Return a session of somebody who is a member of two partners."""
    accounts = services.people.parts.accounts
    made = Account(
        id="acc_1",
        login="member",
        title="Member",
        kind=ActorKind.MEMBER,
        has_password=False,
        has_totp=False,
        is_declared=False,
        created_at=START,
    )
    with services.database.transaction() as transaction:
        accounts.insert(transaction, made)
        for partner in ("acme", "other"):
            accounts.join(
                transaction,
                made.id,
                partner,
                role=Role.VIEWER,
                origin=MembershipOrigin.INVITATION,
            )
        found = accounts.by_id(transaction, made.id)
        assert found is not None
        return services.sessions.open(
            transaction, found, door=Door.OIDC, origin=Origin("192.0.2.1")
        )
