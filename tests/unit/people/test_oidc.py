"""Away to the provider and back: who began it, once, and what is remembered of it."""

import asyncio
import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa

from guesthouse.audit import entries, verify
from guesthouse.db import Database
from guesthouse.db.tables import accounts, oidc_attempts
from guesthouse.people import ActorKind, Role, operator_scope, system_scope
from guesthouse.people.errors import (
    ExternalLoginTaken,
    ExternalNotAdmitted,
    SignInRefused,
    TooManyAttempts,
)
from guesthouse.people.model import Account, Door, ExternalIdentity, MembershipOrigin, Origin
from guesthouse.people.oidc import (
    OF_DEPARTURES,
    Arrived,
    Departing,
    ExternalSignIn,
    own_path,
)
from guesthouse.people.parts import PeopleParts
from guesthouse.people.provider import AttemptSpent, Doubt, ProviderAway, ProviderRefused
from guesthouse.people.tokens import TokenGrant
from tests.fakes.clock import FakeClock
from tests.fakes.external import external_sign_in
from tests.fakes.openid import ISSUER, FakeOpenIdProvider

ORIGIN = Origin("192.0.2.7", "a browser")
ADA = ExternalIdentity(ISSUER, "7", login="ada", title="Ada L.", groups=("Acme Developers",))


@pytest.fixture
def provider() -> FakeOpenIdProvider:
    return FakeOpenIdProvider(ADA)


@pytest.fixture
def wired(
    database: Database, clock: FakeClock, provider: FakeOpenIdProvider
) -> tuple[ExternalSignIn, PeopleParts]:
    return external_sign_in(database, clock, provider)


@pytest.fixture
def door(wired: tuple[ExternalSignIn, PeopleParts]) -> ExternalSignIn:
    return wired[0]


@pytest.fixture
def parts(wired: tuple[ExternalSignIn, PeopleParts]) -> PeopleParts:
    return wired[1]


def returned(provider: FakeOpenIdProvider) -> dict[str, str]:
    """What the browser of the newest attempt comes back with."""
    attempt = provider.attempts[-1]
    return {"state": attempt.state.reveal(), "code": attempt.nonce}


async def begun(door: ExternalSignIn, path: str = "/", browser: str = "") -> Departing:
    return await door.begin(path, browser, ORIGIN)


async def signed_in(door: ExternalSignIn, provider: FakeOpenIdProvider) -> Arrived:
    departing = await begun(door)
    return await door.finish(returned(provider), departing.browser.reveal(), ORIGIN)


def rows(database: Database) -> list[tuple[str, str, str, Mapping[str, Any]]]:
    with database.reading() as transaction:
        assert verify(transaction) is None
        found = entries(transaction, operator_scope("operator"))
    return [(one.actor, one.action, one.object, one.detail) for one in reversed(found)]


async def test_who_comes_back_has_a_session_and_goes_on(
    door: ExternalSignIn, parts: PeopleParts, provider: FakeOpenIdProvider
) -> None:
    departing = await begun(door, "/environments/acme?tab=1")
    assert departing.url == f"{ISSUER}/authorize?state=s1&nonce=n1"
    arrived = await door.finish(returned(provider), departing.browser.reveal(), ORIGIN)
    assert arrived.path == "/environments/acme?tab=1"
    assert arrived.opened.session.door is Door.OIDC
    scope = parts.sessions.authenticate(arrived.opened.secret.reveal())
    assert scope is not None
    assert (scope.actor, scope.kind, scope.roles) == (
        "ada",
        ActorKind.MEMBER,
        {"acme": Role.DEVELOPER},
    )
    assert departing.browser != arrived.opened.secret


async def test_an_attempt_is_good_once(
    door: ExternalSignIn, provider: FakeOpenIdProvider, database: Database
) -> None:
    departing = await begun(door)
    browser = departing.browser.reveal()
    await door.finish(returned(provider), browser, ORIGIN)
    with pytest.raises(AttemptSpent):
        await door.finish(returned(provider), browser, ORIGIN)
    assert rows(database)[-1][1:] == (
        "signin.refuse",
        "account/?",
        {"address": ORIGIN.address, "why": "attempt", "issuer": ISSUER},
    )


async def test_of_two_that_come_back_at_once_one_comes_in(
    door: ExternalSignIn, provider: FakeOpenIdProvider
) -> None:
    browser = (await begun(door)).browser.reveal()
    tries = [door.finish(returned(provider), browser, ORIGIN) for _ in range(4)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == [
        "Arrived",
        *["AttemptSpent"] * 3,
    ]


@pytest.mark.parametrize("browser", ["", "B" * 43, "é"])
async def test_another_browser_does_not_come_in_and_takes_nothing_away(
    door: ExternalSignIn, provider: FakeOpenIdProvider, browser: str
) -> None:
    own = (await begun(door)).browser.reveal()
    with pytest.raises(AttemptSpent):
        await door.finish(returned(provider), browser, ORIGIN)
    assert (await door.finish(returned(provider), own, ORIGIN)).opened.account.login == "ada"


@pytest.mark.parametrize("state", ["", "s2", "é", None])
async def test_a_state_nobody_was_given_is_refused(
    door: ExternalSignIn, provider: FakeOpenIdProvider, state: str | None
) -> None:
    browser = (await begun(door)).browser.reveal()
    parameters = returned(provider) | ({} if state is None else {"state": state})
    if state is None:
        del parameters["state"]
    with pytest.raises(AttemptSpent):
        await door.finish(parameters, browser, ORIGIN)


async def test_an_attempt_ends_after_ten_minutes(
    door: ExternalSignIn, provider: FakeOpenIdProvider, clock: FakeClock
) -> None:
    browser = (await begun(door)).browser.reveal()
    clock.advance(dt.timedelta(minutes=10))
    with pytest.raises(AttemptSpent):
        await door.finish(returned(provider), browser, ORIGIN)


async def test_two_windows_of_a_browser_sign_in_side_by_side(
    door: ExternalSignIn, provider: FakeOpenIdProvider
) -> None:
    first = await begun(door, "/one")
    of_first = returned(provider)
    second = await begun(door, "/two", first.browser.reveal())
    assert second.browser == first.browser
    browser = second.browser.reveal()
    assert (await door.finish(of_first, browser, ORIGIN)).path == "/one"
    assert (await door.finish(returned(provider), browser, ORIGIN)).path == "/two"


@pytest.mark.parametrize("planted", ["", "short", "x" * 44, "é" * 43, "A" * 42 + "="])
async def test_a_cookie_that_is_none_of_ours_is_replaced(
    door: ExternalSignIn, planted: str
) -> None:
    assert (await begun(door, browser=planted)).browser.reveal() != planted


async def test_what_is_kept_of_an_attempt_lets_nobody_finish_it(
    door: ExternalSignIn, provider: FakeOpenIdProvider, database: Database
) -> None:
    departing = await begun(door)
    with database.reading() as transaction:
        row = transaction.row(sa.select(oidc_attempts))
    attempt = provider.attempts[0]
    secrets = (departing.browser, attempt.state, attempt.verifier)
    assert row is not None
    assert not {secret.reveal() for secret in secrets} & {str(value) for value in row.values()}
    assert attempt.verifier.reveal().encode() not in row["verifier"]


async def test_old_attempts_do_not_pile_up(
    door: ExternalSignIn, database: Database, clock: FakeClock
) -> None:
    for _ in range(3):
        await begun(door)
        clock.advance(dt.timedelta(minutes=11))
    with database.reading() as transaction:
        assert len(transaction.rows(sa.select(oidc_attempts))) == 1


async def test_a_provider_that_is_away_leaves_no_attempt(
    door: ExternalSignIn, provider: FakeOpenIdProvider, database: Database
) -> None:
    provider.failure = ProviderAway(ISSUER, "it sleeps")
    with pytest.raises(ProviderAway):
        await begun(door)
    with database.reading() as transaction:
        assert transaction.rows(sa.select(oidc_attempts)) == []


async def test_who_the_provider_refuses_is_refused_and_recorded(
    door: ExternalSignIn, provider: FakeOpenIdProvider, database: Database
) -> None:
    browser = (await begun(door)).browser.reveal()
    provider.failure = ProviderRefused(Doubt.CLAIM, "aud")
    parameters = returned(provider)
    with pytest.raises(ProviderRefused):
        await door.finish(parameters, browser, ORIGIN)
    assert rows(database)[-1] == (
        "anonymous",
        "signin.refuse",
        "account/?",
        {
            "address": ORIGIN.address,
            "why": "a claim of the token does not hold: aud",
            "issuer": ISSUER,
        },
    )
    provider.failure = None
    with pytest.raises(AttemptSpent):
        await door.finish(parameters, browser, ORIGIN)


async def test_a_group_that_gives_nothing_makes_no_account(
    door: ExternalSignIn, provider: FakeOpenIdProvider, database: Database
) -> None:
    provider.person = ExternalIdentity(ISSUER, "8", "eve", "Eve", ("Visitors",))
    with pytest.raises(ExternalNotAdmitted, match="no group") as caught:
        await signed_in(door, provider)
    assert caught.value.next_step == "ask an operator which group you need"
    with database.reading() as transaction:
        assert transaction.rows(sa.select(accounts)) == []
    assert rows(database)[-1][1] == "signin.refuse"


async def test_rights_follow_the_groups_at_each_sign_in(
    door: ExternalSignIn, provider: FakeOpenIdProvider
) -> None:
    opened = []
    for groups in (("Acme Developers",), ("cn=leads,ou=acme",), ("IT Ops",), ("Acme Developers",)):
        provider.person = ExternalIdentity(ISSUER, "7", "ada", "Ada L.", groups)
        account = (await signed_in(door, provider)).opened.account
        opened.append((account.id, account.kind, dict(account.roles)))
    assert len({account for account, _, _ in opened}) == 1
    assert [pair[1:] for pair in opened] == [
        (ActorKind.MEMBER, {"acme": Role.DEVELOPER}),
        (ActorKind.MEMBER, {"acme": Role.MANAGER}),
        (ActorKind.OPERATOR, {}),
        (ActorKind.MEMBER, {"acme": Role.DEVELOPER}),
    ]


async def test_each_right_that_comes_or_goes_is_recorded(
    door: ExternalSignIn, provider: FakeOpenIdProvider, database: Database
) -> None:
    for groups in (("Acme Developers",), ("Acme Developers",), ("cn=leads,ou=acme",), ("IT Ops",)):
        provider.person = ExternalIdentity(ISSUER, "7", "ada", "Ada L.", groups)
        await signed_in(door, provider)
    changes = [row for row in rows(database) if not row[1].startswith("signin.")]
    origin = {"origin": "provider"}
    assert changes == [
        (
            "system",
            "account.create",
            "account/ada",
            {"issuer": ISSUER, "subject": "7", "kind": "member"},
        ),
        ("system", "member.set_role", "member/acme/ada", {"role": "developer", **origin}),
        ("system", "member.set_role", "member/acme/ada", {"role": "manager", **origin}),
        (
            "system",
            "account.set_kind",
            "account/ada",
            {"kind": "operator", "before": "member", "tokens": "0"},
        ),
        ("system", "member.remove", "member/acme/ada", origin),
    ]


async def test_what_was_given_by_invitation_the_provider_does_not_take(
    door: ExternalSignIn, parts: PeopleParts, provider: FakeOpenIdProvider, database: Database
) -> None:
    account = (await signed_in(door, provider)).opened.account
    by_invitation = MembershipOrigin.INVITATION
    with database.transaction() as transaction:
        parts.accounts.join(
            transaction, account.id, "other", role=Role.VIEWER, origin=by_invitation
        )
    provider.person = ExternalIdentity(ISSUER, "7", "ada", "Ada L.", ())
    assert (await signed_in(door, provider)).opened.account.roles == {"other": Role.VIEWER}


async def test_who_left_every_group_is_out(
    door: ExternalSignIn, parts: PeopleParts, provider: FakeOpenIdProvider
) -> None:
    opened = (await signed_in(door, provider)).opened
    grant = TokenGrant("ci", "ada", ActorKind.MEMBER, account=opened.account.id)
    with parts.database.transaction() as transaction:
        token = parts.tokens.create(transaction, system_scope(), grant).reveal()
    assert parts.tokens.authenticate(token) is not None
    provider.person = ExternalIdentity(ISSUER, "7", "ada", "Ada L.", ())
    with pytest.raises(ExternalNotAdmitted):
        await signed_in(door, provider)
    assert parts.sessions.authenticate(opened.secret.reveal()) is None
    # It stays so when the group comes back.
    provider.person = ADA
    await signed_in(door, provider)
    assert parts.sessions.authenticate(opened.secret.reveal()) is None
    assert parts.tokens.authenticate(token) is None


async def test_a_login_says_nothing_about_who_somebody_is(
    door: ExternalSignIn, provider: FakeOpenIdProvider
) -> None:
    await signed_in(door, provider)
    provider.person = ExternalIdentity(ISSUER, "7", "renamed", "Ada L.", ADA.groups)
    assert (await signed_in(door, provider)).opened.account.login == "ada"


async def test_a_disabled_account_stays_out(
    door: ExternalSignIn, provider: FakeOpenIdProvider, database: Database, clock: FakeClock
) -> None:
    await signed_in(door, provider)
    with database.transaction() as transaction:
        transaction.change(sa.update(accounts).values(disabled_at=clock.now()))
    with pytest.raises(SignInRefused):
        await signed_in(door, provider)


async def test_nobody_leaves_for_the_provider_without_end(
    door: ExternalSignIn, database: Database, clock: FakeClock
) -> None:
    for _ in range(OF_DEPARTURES.tries):
        await begun(door)
    for _ in range(3):
        with pytest.raises(TooManyAttempts):
            await begun(door)
    assert [action for _, action, _, _ in rows(database)] == ["signin.throttle"]
    other = await door.begin("/", "", Origin("192.0.2.8"))
    assert other.url.startswith(ISSUER)
    clock.advance(dt.timedelta(minutes=1))
    await begun(door)


async def test_a_company_behind_one_address_comes_in(
    door: ExternalSignIn, provider: FakeOpenIdProvider
) -> None:
    arrived = [await signed_in(door, provider) for _ in range(OF_DEPARTURES.tries + 1)]
    assert len({one.opened.session.id for one in arrived}) == len(arrived)


async def test_nobody_comes_back_without_end(door: ExternalSignIn, database: Database) -> None:
    for _ in range(30):
        with pytest.raises(AttemptSpent):
            await door.finish({"state": "x"}, "", ORIGIN)
    for _ in range(3):
        with pytest.raises(TooManyAttempts):
            await door.finish({"state": "x"}, "", ORIGIN)
    assert len(rows(database)) == 31


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("/", "/"),
        ("/runs?page=2#end", "/runs?page=2#end"),
        ("", "/"),
        ("runs", "/"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("/\t/evil.test", "/"),
        ("https://evil.test/", "/"),
        ("/a\r\nLocation: x", "/"),
        ("/" + "a" * 2000, "/"),
    ],
)
def test_only_a_path_of_ours_is_gone_on_to(path: str, own: str) -> None:
    assert own_path(path) == own


async def test_an_account_of_the_same_login_is_never_taken_over(
    door: ExternalSignIn, parts: PeopleParts, provider: FakeOpenIdProvider, database: Database
) -> None:
    local = Account(
        id="acc_1",
        login="ada",
        title="Ada",
        kind=ActorKind.OPERATOR,
        has_password=False,
        has_totp=False,
        is_declared=False,
        created_at=parts.clock.now(),
    )
    with database.transaction() as transaction:
        parts.accounts.insert(transaction, local)
    with pytest.raises(ExternalLoginTaken, match="another account ada"):
        await signed_in(door, provider)
    with database.reading() as transaction:
        assert parts.accounts.by_id(transaction, "acc_1") == local
        assert parts.accounts.by_identity(transaction, ISSUER, "7") is None
    assert rows(database)[-1][1:] == (
        "signin.refuse",
        "account/?",
        {"address": ORIGIN.address, "why": "login"},
    )


@pytest.mark.parametrize("login", ["", "operator", "system", "!", "é"])
async def test_who_has_no_login_of_use_gets_one_of_their_own(
    door: ExternalSignIn, provider: FakeOpenIdProvider, login: str
) -> None:
    logins = set()
    for subject in ("7", "8"):
        provider.person = ExternalIdentity(ISSUER, subject, login, "", ADA.groups)
        logins.add((await signed_in(door, provider)).opened.account.login)
    assert len(logins) == 2
    assert all(one.startswith("person-") for one in logins)
