"""What the fake provider and the real client do alike, so that tests with the fake hold."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import pytest

from guesthouse.people.model import ExternalIdentity
from guesthouse.people.provider import Attempt, Departure, OpenIdProvider, ProviderRefused
from tests.fakes.clock import FakeClock
from tests.fakes.openid import ISSUER, FakeOpenIdProvider, TinyProvider
from tests.unit.adapters.test_oidc import client_of

Visit: TypeAlias = Callable[[Departure], Mapping[str, str]]
ADA = ExternalIdentity(ISSUER, "subject-1", login="ada", title="Ada L.", groups=("Ops",))


@pytest.fixture(params=["fake", "real"])
def port(request: pytest.FixtureRequest, clock: FakeClock) -> tuple[OpenIdProvider, Visit]:
    if request.param == "fake":
        return FakeOpenIdProvider(ADA), lambda departure: {"code": departure.attempt.nonce}
    provider = TinyProvider(clock)
    return client_of(provider), lambda departure: provider.visit(departure.url)


async def test_it_says_which_provider_it_is(port: tuple[OpenIdProvider, Visit]) -> None:
    assert port[0].issuer == ISSUER


async def test_each_attempt_is_new_and_its_verifier_stays_here(
    port: tuple[OpenIdProvider, Visit],
) -> None:
    departures = [await port[0].begin() for _ in range(3)]
    attempts = [departure.attempt for departure in departures]
    for of in (_state, _nonce, _verifier):
        assert len({of(attempt) for attempt in attempts}) == len(attempts)
    for departure in departures:
        assert _state(departure.attempt) in departure.url
        assert f"verifier={_verifier(departure.attempt)}" not in departure.url


async def test_who_comes_back_with_a_code_is_known(port: tuple[OpenIdProvider, Visit]) -> None:
    provider, visit = port
    departure = await provider.begin()
    assert await provider.finish(visit(departure), departure.attempt) == ADA


async def test_what_one_attempt_brought_back_is_nothing_to_another(
    port: tuple[OpenIdProvider, Visit],
) -> None:
    provider, visit = port
    first, second = await provider.begin(), await provider.begin()
    with pytest.raises(ProviderRefused):
        await provider.finish(visit(first), second.attempt)


async def test_who_comes_back_without_a_code_is_refused(
    port: tuple[OpenIdProvider, Visit],
) -> None:
    provider, visit = port
    departure = await provider.begin()
    parameters = {name: value for name, value in visit(departure).items() if name != "code"}
    with pytest.raises(ProviderRefused):
        await provider.finish(parameters, departure.attempt)


def _state(attempt: Attempt) -> str:
    return attempt.state.reveal()


def _nonce(attempt: Attempt) -> str:
    return attempt.nonce


def _verifier(attempt: Attempt) -> str:
    return attempt.verifier.reveal()
