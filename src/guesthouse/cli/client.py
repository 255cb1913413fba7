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

from guesthouse.cli.errors import NoToken, Refused, ServerAway
from guesthouse.cli.terminal import Terminal
from guesthouse.config import Settings

PREFIX: Final = "/api/v1"
TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
# The server says at least every 10 s that it is still there.
STREAM_TIMEOUT: Final = httpx.Timeout(35.0, connect=5.0)
TRIES: Final = 3
PAUSE: Final = dt.timedelta(seconds=1)
PATIENCE_TRIES: Final = 120
WORTHWHILE: Final = dt.timedelta(seconds=30)
"""A stream that was open for so long broke for a reason of its own; patience starts anew."""
GATEWAY_ERRORS: Final = frozenset({502, 503, 504})
Json = Any


@dataclass(frozen=True)
class Event:
    """One event of a stream."""

    name: str
    data: Mapping[str, Any]


class Api:
    """One server, signed in."""

    def __init__(self, client: httpx.Client, terminal: Terminal) -> None:
        self._client = client
        self._terminal = terminal

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
        return self._request("POST", path, body=body).json()

    def put(self, path: str, body: Mapping[str, Any]) -> Json:
        """Have something set."""
        return self._request("PUT", path, body=body).json()

    def delete(self, path: str) -> Json:
        """Have something removed."""
        return self._request("DELETE", path).json()

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
            if not answer.is_success:
                answer.read()
                raise _refused(answer)
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
        if not answer.is_success:
            raise _refused(answer)
        return answer

    def _send(self, request: httpx.Request) -> httpx.Response:
        last: httpx.TransportError | None = None
        for attempt in range(TRIES):
            if attempt:
                asyncio.run(self._terminal.clock.sleep(PAUSE))
            try:
                return self._client.send(request)
            except httpx.ConnectError as exc:
                # Nobody listens: nothing was sent, and waiting seldom helps.
                raise ServerAway(str(self._client.base_url), str(exc)) from exc
            except httpx.TransportError as exc:
                last = exc
        raise ServerAway(str(self._client.base_url), str(last)) from last


def connect(settings: Settings, terminal: Terminal) -> Api:
    """Return the API of the configured server.

    Raises:
        NoToken: There is nothing to sign in with.
    """
    url = settings.url or settings.api_url
    client = httpx.Client(
        base_url=url,
        headers={"Authorization": f"Bearer {_token(settings)}"},
        transport=terminal.transport,
        verify=_trusted(settings) if url.startswith("https:") else False,
        timeout=TIMEOUT,
        # A proxy of the environment must not see tokens.
        trust_env=False,
    )
    return Api(client, terminal)


def _trusted(settings: Settings) -> ssl.SSLContext:
    """Return whom we trust: those the system does, and our own CA where it is on this machine."""
    context = ssl.create_default_context()
    own = settings.state / "ca" / "ca.pem"
    if own.exists():
        context.load_verify_locations(own)
    return context


def _token(settings: Settings) -> str:
    given = settings.token.reveal()
    if given:
        return given
    try:
        return settings.token_file.read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise NoToken(str(settings.token_file)) from exc


def _events(lines: Iterator[str]) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield Event(fields["event"], json.loads(fields["data"]))
            fields = {}


def _refused(answer: httpx.Response) -> Refused:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    return Refused(answer.status_code, problem if isinstance(problem, dict) else {})
