"""What is believed of a provider, tried with one that says whatever a test wants it to."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import ECKey
from typing_extensions import override

from guesthouse.adapters.oidc import OpenIdClient, Registration
from guesthouse.adapters.oidc.backchannel import LIMIT_BYTES, BackChannel
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.model import ExternalIdentity
from guesthouse.people.provider import Doubt, ProviderAway, ProviderRefused, ProviderUnfit
from tests.fakes.clock import FakeClock
from tests.fakes.openid import CLIENT, ISSUER, REDIRECT, TinyProvider, base64url, new_key

SHARED = "a b:c%"
DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def provider(clock: FakeClock) -> TinyProvider:
    return TinyProvider(clock)


def client_of(
    provider: TinyProvider, *, secret: str = SHARED, groups: str = "groups"
) -> OpenIdClient:
    registration = Registration(ISSUER, CLIENT, Sensitive(secret), REDIRECT, groups)
    return OpenIdClient(registration, provider.clock, transport=provider.transport)


async def signed_in(
    provider: TinyProvider, client: OpenIdClient | None = None, **parameters: str
) -> ExternalIdentity:
    client = client or client_of(provider)
    departure = await client.begin()
    returned = {**provider.visit(departure.url), **parameters}
    return await client.finish(returned, departure.attempt)


async def doubt_of(provider: TinyProvider, **parameters: str) -> Doubt:
    with pytest.raises(ProviderRefused) as caught:
        await signed_in(provider, client_of(provider), **parameters)
    return caught.value.doubt


async def test_issuer_and_subject_say_who_it_is(provider: TinyProvider) -> None:
    assert await signed_in(provider) == ExternalIdentity(
        ISSUER, "subject-1", login="ada", title="Ada L.", groups=("Ops",)
    )


async def test_a_browser_leaves_with_state_nonce_and_challenge(provider: TinyProvider) -> None:
    client = client_of(provider)
    departure = await client.begin()
    query = {name: values[0] for name, values in parse_qs(urlsplit(departure.url).query).items()}
    verifier = departure.attempt.verifier.reveal()
    assert query == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": REDIRECT,
        "scope": "openid profile email",
        "state": departure.attempt.state.reveal(),
        "nonce": departure.attempt.nonce,
        "code_challenge": base64url(hashlib.sha256(verifier.encode()).digest()),
        "code_challenge_method": "S256",
    }
    assert verifier not in departure.url
    again = await client.begin()
    assert again.attempt.state != departure.attempt.state
    assert again.attempt.nonce != departure.attempt.nonce
    assert again.attempt.verifier != departure.attempt.verifier


async def test_groups_are_asked_for_where_the_provider_names_them(provider: TinyProvider) -> None:
    provider.metadata["scopes_supported"] = ["profile", "groups", "offline_access"]
    url = (await client_of(provider).begin()).url
    assert parse_qs(urlsplit(url).query)["scope"] == ["openid profile groups"]


async def test_the_code_goes_with_verifier_and_secret(provider: TinyProvider) -> None:
    client = client_of(provider)
    departure = await client.begin()
    await client.finish(provider.visit(departure.url), departure.attempt)
    request = next(one for one in provider.asked if one.url.path == "/token")
    assert {name: one[0] for name, one in parse_qs(request.content.decode()).items()} == {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": REDIRECT,
        "code_verifier": departure.attempt.verifier.reveal(),
    }
    # RFC 6749, 2.3.1: encoded as in a form, then joined.
    pair = base64.b64encode(b"guesthouse:a+b%3Ac%25").decode()
    assert request.headers["authorization"] == f"Basic {pair}"


@pytest.mark.parametrize(
    ("secret", "methods", "sent"),
    [
        pytest.param(
            "s", ["client_secret_post"], {"client_id": [CLIENT], "client_secret": ["s"]}, id="post"
        ),
        pytest.param("", ["none"], {"client_id": [CLIENT]}, id="public"),
    ],
)
async def test_who_we_are_is_said_as_the_provider_understands(
    provider: TinyProvider, secret: str, methods: list[str], sent: dict[str, list[str]]
) -> None:
    provider.metadata["token_endpoint_auth_methods_supported"] = methods
    await signed_in(provider, client_of(provider, secret=secret))
    request = next(one for one in provider.asked if one.url.path == "/token")
    assert "authorization" not in request.headers
    assert sent.items() <= parse_qs(request.content.decode()).items()


def _hmac_signed(key: bytes) -> Any:  # noqa: ANN401 - what TinyProvider.token takes
    def sign(header: dict[str, Any], payload: bytes) -> str:
        text = f"{base64url(json.dumps({**header, 'alg': 'HS256'}).encode())}.{base64url(payload)}"
        return f"{text}.{base64url(hmac.digest(key, text.encode(), 'sha256'))}"

    return sign


def _unsigned(header: dict[str, Any], payload: bytes) -> str:
    return f"{base64url(json.dumps({**header, 'alg': 'none'}).encode())}.{base64url(payload)}."


def _cut(header: dict[str, Any], payload: bytes) -> str:
    return f"{base64url(json.dumps(header).encode())}.{base64url(payload)}."


@pytest.mark.parametrize(
    ("kind", "doubt"),
    [
        pytest.param("none", Doubt.ALGORITHM, id="unsigned"),
        pytest.param("public-pem", Doubt.ALGORITHM, id="public key as shared secret"),
        pytest.param("client-secret", Doubt.ALGORITHM, id="client secret"),
        pytest.param("cut", Doubt.KEY, id="signature cut off"),
        pytest.param("foreign", Doubt.KEY, id="key of somebody else"),
        pytest.param("text", Doubt.NO_TOKEN, id="no token"),
        pytest.param("deep", Doubt.NO_TOKEN, id="header nested deeply"),
    ],
)
async def test_a_token_nobody_of_the_provider_signed_is_refused(
    provider: TinyProvider, kind: str, doubt: Doubt
) -> None:
    foreign = TinyProvider(provider.clock)

    def token() -> str:
        foreign.nonce = provider.nonce
        pem = provider.keys[0].as_pem(private=False)
        made: dict[str, Callable[[], str]] = {
            "none": lambda: provider.token(_unsigned),
            "public-pem": lambda: provider.token(_hmac_signed(pem)),
            "client-secret": lambda: provider.token(_hmac_signed(SHARED.encode())),
            "cut": lambda: provider.token(_cut),
            "foreign": foreign.token,
            "text": lambda: "token",
            "deep": lambda: f"{base64url(b'[' * 5000)}.e30.e30",
        }
        return made[kind]()

    provider.instead["/token"] = lambda _: httpx.Response(200, json={"id_token": token()})
    assert await doubt_of(provider) is doubt


@pytest.mark.parametrize(
    ("claims", "doubt"),
    [
        pytest.param({"aud": "another"}, Doubt.CLAIM, id="for another audience"),
        pytest.param({"aud": ["another"]}, Doubt.CLAIM, id="for other audiences"),
        pytest.param({"aud": [CLIENT, "another"]}, Doubt.CLAIM, id="for two, by nobody"),
        pytest.param({"aud": [CLIENT, "b"], "azp": "b"}, Doubt.CLAIM, id="for two, by another"),
        pytest.param({"azp": "another"}, Doubt.CLAIM, id="given to another"),
        pytest.param({"aud": "another", "azp": CLIENT}, Doubt.CLAIM, id="given to us for another"),
        pytest.param({"aud": None}, Doubt.CLAIM, id="for nobody"),
        pytest.param({"iss": f"{ISSUER}/"}, Doubt.OTHER_PROVIDER, id="of another issuer"),
        pytest.param({"iss": None}, Doubt.OTHER_PROVIDER, id="of no issuer"),
        pytest.param({"nonce": "another"}, Doubt.ATTEMPT, id="of another attempt"),
        pytest.param({"nonce": None}, Doubt.ATTEMPT, id="of no attempt"),
        pytest.param({"nonce": ["n"]}, Doubt.ATTEMPT, id="of a list of attempts"),
        pytest.param({"sub": None}, Doubt.CLAIM, id="about nobody"),
        pytest.param({"sub": ""}, Doubt.CLAIM, id="about an empty name"),
        pytest.param({"sub": 7}, Doubt.CLAIM, id="about a number"),
        pytest.param({"sub": "s" * 256}, Doubt.CLAIM, id="about a name too long to keep"),
        pytest.param({"exp": None}, Doubt.CLAIM, id="without end"),
        pytest.param({"exp": "9999999999"}, Doubt.CLAIM, id="with an end that is no time"),
        pytest.param({"exp": float("nan")}, Doubt.CLAIM, id="with an end that never comes"),
        pytest.param({"iat": None}, Doubt.CLAIM, id="without beginning"),
        pytest.param({"at_hash": "AAAA"}, Doubt.CLAIM, id="of another access token"),
    ],
)
async def test_a_token_that_is_not_for_this_sign_in_is_refused(
    provider: TinyProvider, claims: dict[str, Any], doubt: Doubt
) -> None:
    provider.claims = claims
    assert await doubt_of(provider) is doubt


@pytest.mark.parametrize(
    ("claim", "seconds", "is_taken"),
    [
        ("exp", -59, True),
        ("exp", -61, False),
        ("iat", 59, True),
        ("iat", 61, False),
        ("nbf", 59, True),
        ("nbf", 61, False),
    ],
)
async def test_clocks_may_differ_by_a_minute(
    provider: TinyProvider, claim: str, seconds: int, *, is_taken: bool
) -> None:
    provider.claims[claim] = int(provider.clock.now().timestamp()) + seconds
    if is_taken:
        assert (await signed_in(provider)).subject == "subject-1"
    else:
        assert await doubt_of(provider) is Doubt.CLAIM


async def test_a_critical_header_nobody_knows_is_refused(provider: TinyProvider) -> None:
    def sign(header: dict[str, Any], payload: bytes) -> str:
        head = base64url(json.dumps({**header, "crit": ["odd"], "odd": 1}).encode())
        return f"{head}.{base64url(payload)}.{base64url(bytes(64))}"

    provider.instead["/token"] = lambda _: httpx.Response(
        200, json={"id_token": provider.token(sign)}
    )
    assert await doubt_of(provider) is Doubt.NO_TOKEN


async def test_a_header_of_the_provider_s_own_is_no_harm(provider: TinyProvider) -> None:
    provider.header = {"x-own": "yes", "typ": "JWT"}
    assert (await signed_in(provider)).login == "ada"


@pytest.mark.parametrize(
    ("parameters", "doubt"),
    [
        pytest.param({"iss": "https://evil.test"}, Doubt.OTHER_PROVIDER, id="another issuer"),
        pytest.param({"iss": ""}, Doubt.OTHER_PROVIDER, id="no issuer"),
        pytest.param({"code": ""}, Doubt.NO_CODE, id="no code"),
        pytest.param({"code": "c" * 5000}, Doubt.NO_CODE, id="a code too long"),
        pytest.param({"error": "access_denied"}, Doubt.SAYS_NO, id="refused by the person"),
    ],
)
async def test_a_browser_with_anything_but_a_code_is_refused(
    provider: TinyProvider, parameters: dict[str, str], doubt: Doubt
) -> None:
    assert await doubt_of(provider, **parameters) is doubt
    assert "/token" not in {request.url.path for request in provider.asked}


async def test_what_stands_in_the_address_is_not_repeated(provider: TinyProvider) -> None:
    with pytest.raises(ProviderRefused) as caught:
        await signed_in(
            provider, client_of(provider), error="<script>", error_description="call 555"
        )
    assert caught.value.detail == Doubt.SAYS_NO.value


async def test_a_spent_code_is_refused(provider: TinyProvider) -> None:
    provider.instead["/token"] = lambda _: httpx.Response(400, json={"error": "invalid_grant"})
    assert await doubt_of(provider) is Doubt.CODE_REFUSED


async def test_a_wrong_client_secret_is_the_operator_s_business(provider: TinyProvider) -> None:
    provider.instead["/token"] = lambda _: httpx.Response(401, json={"error": "invalid_client"})
    with pytest.raises(ProviderUnfit, match="not set up"):
        await signed_in(provider)


async def test_keys_are_asked_for_once_and_again_when_they_change(provider: TinyProvider) -> None:
    client = client_of(provider)
    for _ in range(3):
        await signed_in(provider, client)
    assert _times(provider, "/keys") == 1
    provider.keys = [new_key("two")]
    await signed_in(provider, client)
    assert _times(provider, "/keys") == 2
    assert _times(provider, DISCOVERY) == 1


async def test_a_key_changed_under_its_old_name_is_found(provider: TinyProvider) -> None:
    client = client_of(provider)
    await signed_in(provider, client)
    provider.keys = [new_key("one")]
    assert (await signed_in(provider, client)).login == "ada"


async def test_a_key_taken_back_is_forgotten_within_the_hour(
    provider: TinyProvider, clock: FakeClock
) -> None:
    client = client_of(provider)
    await signed_in(provider, client)
    provider.instead["/keys"] = lambda _: httpx.Response(200, json={"keys": []})
    clock.advance(timedelta(hours=1))
    with pytest.raises(ProviderRefused) as caught:
        await signed_in(provider, client)
    assert caught.value.doubt is Doubt.KEY


async def test_a_token_without_a_key_s_name_is_tried_with_all(provider: TinyProvider) -> None:
    provider.header = {"kid": None}
    provider.instead["/keys"] = lambda _: httpx.Response(
        200,
        json={
            "keys": [
                {"kty": "oct", "k": "AAAA"},
                {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
                {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"},
                ECKey.generate_key("P-384").as_dict(private=False),
                {**new_key("other").as_dict(private=False), "use": "enc"},
                "no key",
                new_key("two").as_dict(private=False),
                provider.keys[0].as_dict(private=False),
            ]
        },
    )
    assert (await signed_in(provider)).login == "ada"


def _times(provider: TinyProvider, path: str) -> int:
    return [request.url.path for request in provider.asked].count(path)


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"issuer": f"{ISSUER}/"}, id="another issuer"),
        pytest.param({"token_endpoint": "http://id.test/token"}, id="a token without TLS"),
        pytest.param({"jwks_uri": "file:///etc/passwd"}, id="keys from a file"),
        pytest.param({"jwks_uri": None}, id="no keys"),
        pytest.param({"authorization_endpoint": "javascript:alert(1)"}, id="a script"),
        pytest.param({"authorization_endpoint": "https:///x"}, id="no host"),
        pytest.param({"userinfo_endpoint": "https://u:p@id.test/"}, id="a password"),
        pytest.param({"code_challenge_methods_supported": ["plain"]}, id="no S256"),
    ],
)
async def test_a_provider_that_is_not_safe_to_use_is_not_used(
    provider: TinyProvider, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata
    with pytest.raises(ProviderUnfit, match="not set up"):
        await client_of(provider).begin()


class _Endless(httpx.AsyncByteStream):
    """More than anybody wants, and never an end."""

    def __init__(self) -> None:
        self.given = 0

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.given += 65536
            yield b" " * 65536


async def test_an_endless_answer_is_cut_off(provider: TinyProvider) -> None:
    stream = _Endless()
    provider.instead[DISCOVERY] = lambda _: httpx.Response(200, stream=stream)
    with pytest.raises(ProviderUnfit):
        await client_of(provider).begin()
    assert stream.given <= LIMIT_BYTES + 2 * 65536


class _Dripping(httpx.AsyncByteStream):
    """A byte, and then nothing more, without ever closing."""

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()


async def test_an_answer_that_drips_is_not_waited_for() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=_Dripping())

    channel = BackChannel(
        ISSUER, transport=httpx.MockTransport(answer), limit=timedelta(milliseconds=20)
    )
    async with asyncio.timeout(5):
        with pytest.raises(ProviderAway) as caught:
            await channel.get(ISSUER)
    assert caught.value.detail == "it took too long"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(httpx.Response(302, headers={"location": "http://10.0.0.1/"}), id="redirect"),
        pytest.param(httpx.Response(200, text="<html>"), id="a page"),
        pytest.param(httpx.Response(200, text="[" * 100_000), id="nested deeply"),
        pytest.param(httpx.Response(200, json=[]), id="a list"),
        pytest.param(httpx.Response(404, json={}), id="not there"),
        pytest.param(
            httpx.Response(200, headers={"content-encoding": "gzip"}, stream=_Endless()),
            id="packed",
        ),
    ],
)
@pytest.mark.parametrize("path", [DISCOVERY, "/keys"])
async def test_an_answer_of_another_kind_is_not_taken(
    provider: TinyProvider, path: str, answer: httpx.Response
) -> None:
    provider.instead[path] = lambda _: answer
    with pytest.raises(ProviderUnfit):
        await signed_in(provider)
    assert {request.url.host for request in provider.asked} == {"id.test"}


@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/keys"])
@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), 503]
)
async def test_a_provider_that_is_away_is_said_in_one_sentence(
    provider: TinyProvider, path: str, failure: Exception | int
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        if isinstance(failure, int):
            return httpx.Response(failure)
        raise failure

    provider.instead[path] = fail
    with pytest.raises(ProviderAway) as caught:
        await signed_in(provider)
    assert caught.value.sentence == "the company's sign-in does not answer"
    assert caught.value.next_step == "sign in with a password, or try again in a minute"


async def test_nobody_waits_for_a_provider_that_has_just_not_answered(
    provider: TinyProvider, clock: FakeClock
) -> None:
    provider.instead[DISCOVERY] = lambda _: httpx.Response(503)
    client = client_of(provider)
    for _ in range(3):
        with pytest.raises(ProviderAway):
            await client.begin()
    assert _times(provider, DISCOVERY) == 1
    provider.instead.clear()
    clock.advance(timedelta(seconds=2))
    assert (await client.begin()).url.startswith(f"{ISSUER}/authorize?")


async def test_what_the_token_leaves_out_is_asked_for(provider: TinyProvider) -> None:
    provider.claims = {"groups": None, "preferred_username": None, "name": None}
    provider.userinfo = {"sub": "subject-1", "email": "ada@x.test", "groups": ["Ops", "Dev"]}
    assert await signed_in(provider) == ExternalIdentity(
        ISSUER, "subject-1", login="ada@x.test", title="ada@x.test", groups=("Ops", "Dev")
    )
    request = next(one for one in provider.asked if one.url.path == "/userinfo")
    assert request.headers["authorization"] == "Bearer at-1"


async def test_the_signed_token_outweighs_what_is_told_besides(provider: TinyProvider) -> None:
    provider.claims = {"groups": None}
    provider.userinfo = {"sub": "subject-1", "preferred_username": "eve", "iss": "x", "groups": []}
    assert (await signed_in(provider)).login == "ada"


async def test_what_is_told_of_somebody_else_is_refused(provider: TinyProvider) -> None:
    provider.claims = {"groups": None}
    provider.userinfo = {"sub": "subject-2", "groups": ["Ops"]}
    assert await doubt_of(provider) is Doubt.SOMEBODY_ELSE


@pytest.mark.parametrize(
    ("claims", "name", "groups"),
    [
        ({"roles": ["a", "b", "a", 7, ""]}, "roles", ("a", "b")),
        ({"roles": "one"}, "roles", ("one",)),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", ("a",)),
        ({"https://x.test/groups": ["a"]}, "https://x.test/groups", ("a",)),
        ({"realm_access": "no"}, "realm_access.roles", ()),
        ({"roles": {"a": 1}}, "roles", ()),
        ({}, "roles", ()),
    ],
)
async def test_groups_are_found_where_the_provider_puts_them(
    provider: TinyProvider, claims: dict[str, Any], name: str, groups: tuple[str, ...]
) -> None:
    provider.claims = claims
    client = client_of(provider, groups=name)
    assert (await signed_in(provider, client)).groups == groups
