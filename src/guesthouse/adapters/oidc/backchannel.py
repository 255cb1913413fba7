"""Requests of ours to the provider: over verified TLS, short, small, and never led elsewhere."""

import asyncio
import datetime as dt
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from guesthouse.people.provider import ProviderAway, ProviderUnfit

LIMIT = dt.timedelta(seconds=8)
"""For a whole exchange: a limit for each read alone would let an answer drip for hours."""
LIMIT_BYTES = 256 * 1024
SERVER_ERROR = 500
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "guesthouse"}


@dataclass(frozen=True)
class Answer:
    """A status and the object that came with it."""

    status: int
    document: Mapping[str, Any]


class BackChannel:
    """Asks one provider; holds no connection between questions, which are rare."""

    def __init__(
        self,
        issuer: str,
        *,
        tls: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        limit: dt.timedelta = LIMIT,
    ) -> None:
        """Remember whom we ask.

        Args:
            issuer: The provider, for sentences.
            tls: Which authorities are believed; None is those this machine believes.
            transport: How the provider is reached; None is the network.
            limit: How long an exchange may take.
        """
        self._limit_seconds = limit.total_seconds()
        self._issuer = issuer
        self._tls = tls
        self._transport = transport

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Return what an address of the provider answers.

        Raises:
            ProviderAway: It does not, not in time, or with an error of its own.
            ProviderUnfit: It answers with something else than a small JSON object.
        """
        return await self._ask("GET", url, headers or {}, None)

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """Return what the provider answers to a form.

        Raises:
            ProviderAway: It does not, not in time, or with an error of its own.
            ProviderUnfit: It answers with something else than a small JSON object.
        """
        return await self._ask("POST", url, headers, form)

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> Answer:
        try:
            async with asyncio.timeout(self._limit_seconds), self._client() as client:
                request = client.stream(method, url, headers=headers, data=form)
                async with request as response:
                    self._check(response)
                    return Answer(response.status_code, self._object(await self._body(response)))
        except TimeoutError as exc:
            raise ProviderAway(self._issuer, "it took too long") from exc
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise ProviderAway(self._issuer, str(exc) or type(exc).__name__) from exc

    def _client(self) -> httpx.AsyncClient:
        if self._tls is None and self._transport is None:
            # The machine's own store: a company's provider often has a certificate of its own CA.
            self._tls = ssl.create_default_context()
        return httpx.AsyncClient(
            verify=self._tls or True,
            transport=self._transport,
            timeout=self._limit_seconds,
            # A redirect would carry codes, secrets and tokens to an address nobody configured.
            follow_redirects=False,
            # Neither a proxy nor a .netrc of the environment has business in a sign-in.
            trust_env=False,
            headers=HEADERS,
        )

    def _check(self, response: httpx.Response) -> None:
        if response.status_code >= SERVER_ERROR:
            raise ProviderAway(self._issuer, f"it answered {response.status_code}")
        if 300 <= response.status_code < 400:  # noqa: PLR2004 - the class of redirects
            raise ProviderUnfit(self._issuer, "it redirects our request, which we do not follow")
        # What is small when packed may be huge when unpacked; we did not ask for it.
        if response.headers.get("content-encoding", "identity") != "identity":
            raise ProviderUnfit(self._issuer, "it packs an answer that was asked for plain")

    async def _body(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > LIMIT_BYTES:
                raise ProviderUnfit(self._issuer, f"its answer is over {LIMIT_BYTES} bytes")
        return bytes(body)

    def _object(self, body: bytes) -> Mapping[str, Any]:
        try:
            document = json.loads(body)
        except (ValueError, RecursionError) as exc:
            raise ProviderUnfit(self._issuer, "it answered something that is no JSON") from exc
        if not isinstance(document, dict):
            raise ProviderUnfit(self._issuer, "it answered something that is no object")
        return document
