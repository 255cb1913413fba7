"""The API as the command line calls it."""

import asyncio
import datetime as dt
import json
import ssl
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from guesthouse.cli.errors import Refused, ServerAway, Untrusted
from guesthouse.cli.terminal import Terminal
from guesthouse.errors import GuesthouseError

PREFIX: Final = "/api/v1"
TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
# The server says at least every 10 s that it is still there.
STREAM_TIMEOUT: Final = httpx.Timeout(35.0, connect=5.0)
TRIES: Final = 3
PAUSE: Final = dt.timedelta(seconds=1)
PATIENCE_TRIES: Final = 120
WORTHWHILE: Final = dt.timedelta(seconds=30)
"""A stream that was open for so long broke for a reason of its own; patience starts anew."""
UNAUTHENTICATED: Final = 401
GATEWAY_ERRORS: Final = frozenset({502, 503, 504})
Json = Any


@dataclass(frozen=True)
class Event:
    """One event of a stream."""

    name: str
    data: Mapping[str, Any]


class Api:
    """One server, signed in."""

    def __init__(
        self,
        client: httpx.Client,
        terminal: Terminal,
        *,
        signed_out: GuesthouseError | None = None,
    ) -> None:
        """Call a server.

        Args:
            client: Knows where it is and signs in.
            terminal: Gives the time.
            signed_out: What to say where the token counts no more; None is the server's word.
        """
        self._client = client
        self._terminal = terminal
        self._signed_out = signed_out

    @property
    def url(self) -> str:
        """Where the server is."""
        return str(self._client.base_url).rstrip("/")

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def get(self, path: str, **params: str | int | None) -> Json:
        """Return what an address holds."""
        return self._request("GET", path, params=params).json()

    def text(self, path: str, **params: str | int | None) -> str:
        """Return what an address holds as text."""
        return self._request("GET", path, params=params).text

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """Have something done, once, however often the request has to be sent."""
        return _content(self._request("POST", path, body=body))

    def put(self, path: str, body: Mapping[str, Any]) -> Json:
        """Have something set."""
        return _content(self._request("PUT", path, body=body))

    def delete(self, path: str) -> Json:
        """Have something removed."""
        return _content(self._request("DELETE", path))

    def pieces(self, path: str, **params: str | int | None) -> Iterator[str]:
        """Yield a long text as it comes."""
        given = {name: value for name, value in params.items() if value is not None}
        try:
            with self._client.stream("GET", f"{PREFIX}{path}", params=given) as answer:
                self._check(answer)
                yield from answer.iter_text()
        except httpx.TransportError as exc:
            raise ServerAway(str(self._client.base_url), str(exc)) from exc

    def items(self, path: str, **params: str | int | None) -> Iterator[dict[str, Any]]:
        """Yield every item of a list, page by page."""
        cursor: str | None = None
        while True:
            page = self.get(path, **{**params, "cursor": cursor})
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def follow(self, run_id: str, *, after: int = 0) -> Iterator[Event]:
        """Yield a run's events to its end, across restarts of the server.

        Raises:
            ServerAway: Two minutes of trying brought no further line.
        """
        why = "the stream ends before the run does"
        tries = 0
        while tries < PATIENCE_TRIES:
            opened = self._terminal.clock.monotonic()
            try:
                for event in self._stream(run_id, after):
                    if event.name == "line":
                        after = event.data["sequence"]
                    yield event
                    if event.name == "end":
                        return
            except (httpx.TransportError, ServerAway) as exc:
                why = str(exc)
            lasted = self._terminal.clock.monotonic() - opened
            tries = 0 if lasted > WORTHWHILE.total_seconds() else tries + 1
            asyncio.run(self._terminal.clock.sleep(PAUSE))
        raise ServerAway(str(self._client.base_url), why)

    def _stream(self, run_id: str, after: int) -> Iterator[Event]:
        params = {"follow": "true", "after": str(after)}
        address = f"{PREFIX}/runs/{run_id}/log"
        with self._client.stream("GET", address, params=params, timeout=STREAM_TIMEOUT) as answer:
            if answer.status_code in GATEWAY_ERRORS:
                raise ServerAway(str(self._client.base_url), f"status {answer.status_code}")
            self._check(answer)
            yield from _events(answer.iter_lines())

    def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | None] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        given = {name: value for name, value in (params or {}).items() if value is not None}
        # The key makes it safe to send the same request again when its answer was lost.
        headers = {} if method == "GET" else {"Idempotency-Key": str(uuid.uuid4())}
        request = self._client.build_request(
            method, f"{PREFIX}{path}", params=given, headers=headers, json=body
        )
        answer = self._send(request)
        self._check(answer)
        return answer

    def _check(self, answer: httpx.Response) -> None:
        """Raise what a refusal says."""
        if answer.is_success:
            return
        if answer.status_code == UNAUTHENTICATED and self._signed_out is not None:
            raise self._signed_out
        answer.read()
        raise _refused(answer)

    def _send(self, request: httpx.Request) -> httpx.Response:
        last: httpx.TransportError | None = None
        for attempt in range(TRIES):
            if attempt:
                asyncio.run(self._terminal.clock.sleep(PAUSE))
            try:
                return self._client.send(request)
            except httpx.ConnectError as exc:
                # Nothing was sent, and waiting seldom helps.
                if _is_untrusted(exc):
                    raise Untrusted(self.url) from exc
                raise ServerAway(str(self._client.base_url), str(exc)) from exc
            except httpx.TransportError as exc:
                last = exc
        raise ServerAway(str(self._client.base_url), str(last)) from last


def _events(lines: Iterator[str]) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield Event(fields["event"], json.loads(fields["data"]))
            fields = {}


def _is_untrusted(error: BaseException | None) -> bool:
    """Whether a connection was given up because of the server's certificate."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _content(answer: httpx.Response) -> Json:
    """Return what was answered; None where there is nothing to say."""
    return answer.json() if answer.content else None


def _refused(answer: httpx.Response) -> Refused:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    return Refused(answer.status_code, problem if isinstance(problem, dict) else {})
