"""OpenID providers of tests: one in place of the port, one that answers HTTP requests."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jws
from joserfc.jwk import ECKey
from typing_extensions import override

from guesthouse.kit.clock import Clock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.model import ExternalIdentity
from guesthouse.people.provider import Attempt, Departure, Doubt, OpenIdProvider, ProviderRefused

ISSUER = "https://id.test"
CLIENT = "guesthouse"
REDIRECT = "https://console.test/sign-in/oidc/callback"


@dataclass
class FakeOpenIdProvider(OpenIdProvider):
    """Vouches for whoever `person` is, for a code it is told with the attempt's own nonce."""

    person: ExternalIdentity
    failure: Exception | None = None
    attempts: list[Attempt] = field(default_factory=list)

    @property
    @override
    def issuer(self) -> str:
        return self.person.issuer

    @override
    async def begin(self) -> Departure:
        if self.failure is not None:
            raise self.failure
        number = len(self.attempts) + 1
        attempt = Attempt(Sensitive(f"s{number}"), f"n{number}", Sensitive(f"v{number}"))
        self.attempts.append(attempt)
        return Departure(f"{self.issuer}/authorize?state=s{number}&nonce=n{number}", attempt)

    @override
    async def finish(self, parameters: Mapping[str, str], attempt: Attempt) -> ExternalIdentity:
        if self.failure is not None:
            raise self.failure
        if attempt not in self.attempts:
            raise ProviderRefused(Doubt.ATTEMPT)
        if parameters.get("code") != attempt.nonce:
            raise ProviderRefused(Doubt.CODE_REFUSED)
        return self.person


Answer = Callable[[httpx.Request], httpx.Response]


@dataclass
class TinyProvider:
    """A provider with a key of its own that says whatever a test wants it to."""

    clock: Clock
    keys: list[ECKey] = field(default_factory=lambda: [new_key("one")])
    """The first signs; all are published."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Changes what it says of itself; None leaves a word out."""
    claims: dict[str, Any] = field(default_factory=dict)
    """Changes what its tokens say; None leaves a claim out."""
    header: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=lambda: {"sub": "subject-1"})
    instead: dict[str, Answer] = field(default_factory=dict)
    """What it answers instead, by path."""
    asked: list[httpx.Request] = field(default_factory=list)
    nonce: str = ""

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def visit(self, url: str) -> dict[str, str]:
        """Sign in at the address a browser was sent to; return what it comes back with."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        self.nonce = query["nonce"]
        return {"state": query["state"], "code": "code-1", "iss": ISSUER}

    def token(self, sign: Callable[[dict[str, Any], bytes], str] | None = None) -> str:
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": ISSUER,
            "sub": "subject-1",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "preferred_username": "ada",
            "name": "Ada L.",
            "groups": ["Ops"],
        } | self.claims
        payload = json.dumps({k: v for k, v in claims.items() if v is not None}).encode()
        header = {"alg": "ES256", "kid": self.keys[0].kid} | self.header
        header = {name: value for name, value in header.items() if value is not None}
        if sign is not None:
            return sign(header, payload)
        registry = jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False)
        return jws.serialize_compact(header, payload, self.keys[0], registry=registry)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.instead.get(request.url.path, self._usual)(request)
        if isinstance(answer.stream, httpx.ByteStream):
            # As it comes from a network: not read yet.
            stream = httpx.ByteStream(answer.content)
            return httpx.Response(answer.status_code, headers=answer.headers, stream=stream)
        return answer

    def _usual(self, request: httpx.Request) -> httpx.Response:
        documents: dict[str, Callable[[], object]] = {
            "/.well-known/openid-configuration": self._metadata,
            "/keys": lambda: {"keys": [key.as_dict(private=False) for key in self.keys]},
            "/token": lambda: {"id_token": self.token(), "access_token": "at-1"},
            "/userinfo": lambda: self.userinfo,
        }
        return httpx.Response(200, json=documents[request.url.path]())

    def _metadata(self) -> dict[str, Any]:
        said = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
            "userinfo_endpoint": f"{ISSUER}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        } | self.metadata
        return {name: value for name, value in said.items() if value is not None}


def new_key(name: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig"})


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
