"""The whole dance with a provider that other people wrote."""

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from guesthouse.adapters.oidc import OpenIdClient, Registration
from guesthouse.db import Database
from guesthouse.db.tables import accounts, identities
from guesthouse.kit.clock import SystemClock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import ActorKind, Role
from guesthouse.people.errors import ExternalNotAdmitted
from guesthouse.people.model import Door, Origin
from guesthouse.people.oidc import Arrived, ExternalSignIn
from guesthouse.people.provider import (
    AttemptSpent,
    Doubt,
    ProviderAway,
    ProviderRefused,
    ProviderUnfit,
)
from tests.fakes.external import external_sign_in
from tests.integration.oidc.conftest import client_of
from tests.integration.oidc.running import (
    ANOTHER,
    CLIENT,
    REDIRECT,
    Browser,
    RunningProvider,
    free_port,
    install,
    running,
)

ORIGIN = Origin("127.0.0.1", "a browser")


async def came_in(door: ExternalSignIn, browser: Browser, path: str = "/") -> Arrived:
    departing = await door.begin(path, "", ORIGIN)
    parameters = browser.visit(departing.url)
    return await door.finish(parameters, departing.browser.reveal(), ORIGIN)


async def test_a_member_comes_in_with_what_their_groups_give(
    door: ExternalSignIn, provider: RunningProvider, database: Database
) -> None:
    arrived = await came_in(door, Browser(provider, "ada"), "/environments/acme")
    account = arrived.opened.account
    assert (account.login, account.title, account.kind, account.roles) == (
        "ada",
        "Ada L.",
        ActorKind.MEMBER,
        {"acme": Role.DEVELOPER},
    )
    assert (arrived.path, arrived.opened.session.door) == ("/environments/acme", Door.OIDC)
    again = await came_in(door, Browser(provider, "ada"))
    assert again.opened.account.id == account.id
    with database.reading() as transaction:
        assert transaction.rows(sa.select(identities)) == [
            {"issuer": provider.issuer, "subject": "ada", "account": account.id}
        ]


async def test_an_operator_of_the_company_comes_in_as_one(
    door: ExternalSignIn, provider: RunningProvider
) -> None:
    arrived = await came_in(door, Browser(provider, "grace"))
    assert arrived.opened.account.kind is ActorKind.OPERATOR
    assert not arrived.opened.account.must_enrol


async def test_a_visitor_without_a_group_is_told_what_to_do(
    door: ExternalSignIn, provider: RunningProvider, database: Database
) -> None:
    with pytest.raises(ExternalNotAdmitted) as caught:
        await came_in(door, Browser(provider, "eve"))
    assert caught.value.next_step == "ask an operator which group you need"
    with database.reading() as transaction:
        assert transaction.rows(sa.select(accounts)) == []


async def test_a_callback_is_good_once_for_one_browser_and_one_state(
    door: ExternalSignIn, provider: RunningProvider
) -> None:
    departing = await door.begin("/", "", ORIGIN)
    own = departing.browser.reveal()
    parameters = Browser(provider, "ada").visit(departing.url)
    foreign = (await door.begin("/", "", ORIGIN)).browser.reveal()
    for state, browser in ((parameters["state"], foreign), ("x" * 43, own), ("", own)):
        with pytest.raises(AttemptSpent):
            await door.finish({**parameters, "state": state}, browser, ORIGIN)
    assert (await door.finish(parameters, own, ORIGIN)).opened.account.login == "ada"
    with pytest.raises(AttemptSpent):
        await door.finish(parameters, own, ORIGIN)


async def test_a_code_of_another_attempt_is_refused(
    door: ExternalSignIn, provider: RunningProvider
) -> None:
    """Somebody plants their own code in the browser of another: PKCE does not fit."""
    stolen = Browser(provider, "eve").visit((await door.begin("/", "", ORIGIN)).url)
    departing = await door.begin("/", "", ORIGIN)
    parameters = Browser(provider, "ada").visit(departing.url)
    with pytest.raises(ProviderRefused) as caught:
        await door.finish(
            {**parameters, "code": stolen["code"]}, departing.browser.reveal(), ORIGIN
        )
    assert caught.value.doubt is Doubt.CODE_REFUSED


async def test_a_code_is_taken_once_by_the_provider_too(provider: RunningProvider) -> None:
    client = client_of(provider)
    departure = await client.begin()
    parameters = Browser(provider, "ada").visit(departure.url)
    assert (await client.finish(parameters, departure.attempt)).subject == "ada"
    with pytest.raises(ProviderRefused) as caught:
        await client.finish(parameters, departure.attempt)
    assert caught.value.doubt is Doubt.CODE_REFUSED


async def test_a_token_with_another_nonce_is_refused(provider: RunningProvider) -> None:
    client = client_of(provider)
    departure = await client.begin()
    parameters = Browser(provider, "ada").visit(departure.url)
    with pytest.raises(ProviderRefused) as caught:
        await client.finish(parameters, replace(departure.attempt, nonce="another"))
    assert caught.value.doubt is Doubt.ATTEMPT


async def test_a_code_for_another_client_is_refused(provider: RunningProvider) -> None:
    departure = await client_of(provider, client_id=ANOTHER).begin()
    parameters = Browser(provider, "ada").visit(departure.url)
    with pytest.raises(ProviderRefused) as caught:
        await client_of(provider).finish(parameters, departure.attempt)
    assert caught.value.doubt is Doubt.CODE_REFUSED


async def test_a_wrong_client_secret_is_said_to_be_a_wrong_setting(
    provider: RunningProvider,
) -> None:
    wrong = Registration(provider.issuer, CLIENT, Sensitive("wrong"), REDIRECT, "groups")
    client = OpenIdClient(wrong, SystemClock(), tls=provider.tls)
    departure = await client.begin()
    parameters = Browser(provider, "ada").visit(departure.url)
    with pytest.raises(ProviderUnfit):
        await client.finish(parameters, departure.attempt)


async def test_the_provider_may_change_its_key(
    door: ExternalSignIn, provider: RunningProvider
) -> None:
    assert (await came_in(door, Browser(provider, "ada"))).opened.account.login == "ada"
    provider.rotate()
    assert (await came_in(door, Browser(provider, "ada"))).opened.account.login == "ada"


async def test_a_certificate_nobody_vouches_for_is_not_believed(
    provider: RunningProvider,
) -> None:
    registration = Registration(provider.issuer, CLIENT, Sensitive("s"), REDIRECT, "groups")
    with pytest.raises(ProviderAway) as caught:
        await OpenIdClient(registration, SystemClock()).begin()
    assert "certificate" in caught.value.detail.lower()


async def test_nothing_of_the_environment_comes_between_us_and_the_provider(
    provider: RunningProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("NO_PROXY", "")
    assert (await client_of(provider).begin()).url.startswith(provider.issuer)


async def test_a_provider_that_goes_away_is_said_so_before_and_after(
    database: Database, tmp_path: Path
) -> None:
    install()
    with running(tmp_path, free_port()) as provider:
        door, _ = external_sign_in(database, SystemClock(), client_of(provider))
        departing = await door.begin("/", "", ORIGIN)
        parameters = Browser(provider, "ada").visit(departing.url)
    with pytest.raises(ProviderAway, match="does not answer"):
        await door.finish(parameters, departing.browser.reveal(), ORIGIN)
    with pytest.raises(ProviderAway) as caught:
        await client_of(provider).begin()
    assert caught.value.next_step == "sign in with a password, or try again in a minute"
