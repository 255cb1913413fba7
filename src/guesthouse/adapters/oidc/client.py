"""The dance with one OpenID provider, as its client."""

import asyncio
import base64
import contextlib
import datetime as dt
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from typing_extensions import override

from guesthouse.adapters.oidc.backchannel import BackChannel
from guesthouse.adapters.oidc.discovery import (
    BASIC,
    POST,
    Metadata,
    configuration_address,
    metadata_of,
)
from guesthouse.adapters.oidc.idtoken import (
    Expected,
    Key,
    KeyUnknown,
    claims_of,
    keys_of,
)
from guesthouse.adapters.oidc.person import identity_of, lacks_something
from guesthouse.kit.clock import Clock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.model import ExternalIdentity
from guesthouse.people.provider import (
    Attempt,
    Departure,
    Doubt,
    OpenIdProvider,
    ProviderAway,
    ProviderRefused,
    ProviderUnfit,
)

SECRET_BYTES = 32
OK = 200
UNAUTHORIZED = 401
FRESH = dt.timedelta(hours=1)
"""How long the provider's own word of itself, and its keys, are believed without asking again."""
PAUSE = dt.timedelta(seconds=2)
"""How long nobody waits for a provider that has not answered the one before."""
SCOPES = ("openid", "profile", "email", "groups")
GRANTED = frozenset({"openid", "profile", "email"})
"""What every provider knows; `groups` is asked for where the provider names it."""
MAX_CODE = 4096


@dataclass(frozen=True)
class Registration:
    """What the provider's operator and ours agreed on."""

    issuer: str
    client_id: str
    client_secret: Sensitive[str]
    """Empty for a public client, which PKCE alone protects."""
    redirect_uri: str
    groups_claim: str


class OpenIdClient(OpenIdProvider):
    """Talks with the company's provider."""

    def __init__(
        self,
        registration: Registration,
        clock: Clock,
        *,
        tls: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Remember whom to ask; the provider itself is asked at the first sign-in.

        Args:
            registration: Who we are to the provider.
            clock: Gives the time.
            tls: Which authorities are believed; None is those this machine believes.
            transport: How the provider is reached; None is the network.
        """
        self._we = registration
        self._clock = clock
        self._channel = BackChannel(registration.issuer, tls=tls, transport=transport)
        self._lock = asyncio.Lock()
        self._metadata: Metadata | None = None
        self._keys: tuple[Key, ...] | None = None
        self._asked_at = 0.0
        self._keys_at = 0.0
        self._away_until = 0.0

    @property
    @override
    def issuer(self) -> str:
        return self._we.issuer

    @override
    async def begin(self) -> Departure:
        metadata = await self._known()
        wanted = {"openid"} if metadata.scopes else GRANTED
        attempt = Attempt(
            state=Sensitive(secrets.token_urlsafe(SECRET_BYTES)),
            nonce=secrets.token_urlsafe(SECRET_BYTES),
            verifier=Sensitive(secrets.token_urlsafe(SECRET_BYTES)),
        )
        url = prepare_grant_uri(
            metadata.authorization_endpoint,
            self._we.client_id,
            "code",
            redirect_uri=self._we.redirect_uri,
            scope=" ".join(scope for scope in SCOPES if scope in metadata.scopes | wanted),
            state=attempt.state.reveal(),
            nonce=attempt.nonce,
            code_challenge=create_s256_code_challenge(attempt.verifier.reveal()),
            code_challenge_method="S256",
        )
        return Departure(str(url), attempt)

    @override
    async def finish(self, parameters: Mapping[str, str], attempt: Attempt) -> ExternalIdentity:
        metadata = await self._known()
        code = _code(parameters, metadata)
        answer = await self._exchange(metadata, code, attempt)
        expected = Expected(
            issuer=metadata.issuer,
            client_id=self._we.client_id,
            nonce=attempt.nonce,
            access_token=answer.access_token.reveal(),
            algorithms=metadata.algorithms,
        )
        claims = await self._claims(metadata, answer.id_token.reveal(), expected)
        if lacks_something(claims, self._we.groups_claim):
            claims = {**await self._told(metadata, answer, claims["sub"]), **claims}
        return identity_of(metadata.issuer, claims, self._we.groups_claim)

    async def _known(self) -> Metadata:
        """Return what the provider says of itself, asked once by whoever comes first."""
        async with self._lock:
            now = self._clock.monotonic()
            if self._metadata is not None and now < self._asked_at + FRESH.total_seconds():
                return self._metadata
            if now < self._away_until:
                raise ProviderAway(self._we.issuer, "it did not answer a moment ago")
            try:
                answer = await self._channel.get(configuration_address(self._we.issuer))
            except ProviderAway:
                self._away_until = self._clock.monotonic() + PAUSE.total_seconds()
                raise
            if answer.status != OK:
                raise ProviderUnfit(self._we.issuer, f"discovery answered {answer.status}")
            self._metadata = metadata_of(self._we.issuer, answer.document)
            self._asked_at = now
            return self._metadata

    async def _exchange(self, metadata: Metadata, code: str, attempt: Attempt) -> "_Tokens":
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._we.redirect_uri,
            "code_verifier": attempt.verifier.reveal(),
        }
        body, headers = self._authenticated(metadata, form)
        answer = await self._channel.post(metadata.token_endpoint, body, headers)
        error = answer.document.get("error")
        if answer.status == UNAUTHORIZED or error in {"invalid_client", "unauthorized_client"}:
            raise ProviderUnfit(self._we.issuer, "it does not take our client id and secret")
        if answer.status != OK or error is not None:
            raise ProviderRefused(Doubt.CODE_REFUSED)
        id_token, access_token = (
            answer.document.get("id_token"),
            answer.document.get("access_token"),
        )
        if not isinstance(id_token, str):
            raise ProviderUnfit(self._we.issuer, "it gave no ID token")
        return _Tokens(
            Sensitive(id_token),
            Sensitive(access_token if isinstance(access_token, str) else ""),
        )

    def _authenticated(
        self, metadata: Metadata, form: Mapping[str, str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return form and headers that say who we are, by what the provider understands."""
        client_id, secret = self._we.client_id, self._we.client_secret.reveal()
        if not secret:
            return {**form, "client_id": client_id}, {}
        if BASIC in metadata.authenticates_by:
            # RFC 6749, 2.3.1: each half is encoded as a form is, before both are joined.
            pair = f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()
            return dict(form), {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        if POST in metadata.authenticates_by:
            return {**form, "client_id": client_id, "client_secret": secret}, {}
        raise ProviderUnfit(self._we.issuer, "it takes no client secret by basic or post")

    async def _claims(
        self, metadata: Metadata, token: str, expected: Expected
    ) -> Mapping[str, Any]:
        """Return what the token says; keys may have been changed since we asked for them."""
        known = self._fresh_keys()
        if known is not None:
            with contextlib.suppress(KeyUnknown):
                return claims_of(token, known, expected, self._clock.now())
        keys = await self._fetched_keys(metadata)
        return claims_of(token, keys, expected, self._clock.now())

    def _fresh_keys(self) -> tuple[Key, ...] | None:
        is_fresh = self._clock.monotonic() < self._keys_at + FRESH.total_seconds()
        return self._keys if is_fresh else None

    async def _fetched_keys(self, metadata: Metadata) -> tuple[Key, ...]:
        answer = await self._channel.get(metadata.jwks_uri)
        if answer.status != OK:
            raise ProviderUnfit(self._we.issuer, f"its keys answered {answer.status}")
        self._keys = keys_of(answer.document)
        self._keys_at = self._clock.monotonic()
        return self._keys

    async def _told(
        self, metadata: Metadata, tokens: "_Tokens", subject: object
    ) -> Mapping[str, Any]:
        """Return what the provider tells about the person besides the token."""
        access_token = tokens.access_token.reveal()
        if metadata.userinfo_endpoint is None or not access_token:
            return {}
        headers = {"Authorization": f"Bearer {access_token}"}
        answer = await self._channel.get(metadata.userinfo_endpoint, headers)
        if answer.status != OK:
            raise ProviderUnfit(self._we.issuer, f"its user info answered {answer.status}")
        # OpenID Connect Core, 5.3.2: an answer about somebody else is not to be used.
        if answer.document.get("sub") != subject:
            raise ProviderRefused(Doubt.SOMEBODY_ELSE)
        return answer.document


@dataclass(frozen=True)
class _Tokens:
    id_token: Sensitive[str]
    access_token: Sensitive[str]


def _code(parameters: Mapping[str, str], metadata: Metadata) -> str:
    """Return the code a browser came back with.

    Raises:
        ProviderRefused: It came back with none, or from another provider (RFC 9207).
    """
    named = parameters.get("iss")
    if named != metadata.issuer and (named is not None or metadata.names_itself):
        raise ProviderRefused(Doubt.OTHER_PROVIDER)
    if "error" in parameters:
        error = parameters["error"]
        is_word = error.isascii() and error.replace("_", "").isalpha() and len(error) <= 40  # noqa: PLR2004
        raise ProviderRefused(Doubt.SAYS_NO, error if is_word else "")
    code = parameters.get("code", "")
    if not 0 < len(code) <= MAX_CODE:
        raise ProviderRefused(Doubt.NO_CODE)
    return code
