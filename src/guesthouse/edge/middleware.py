"""The outermost layer: headers on answers, a name for every request, no error unanswered."""

import logging
from collections.abc import Callable
from contextvars import ContextVar
from http import HTTPStatus
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from guesthouse.kit.clock import Clock
from guesthouse.kit.ids import new_id

log = logging.getLogger(__name__)
request_id: ContextVar[str] = ContextVar("request_id", default="")
# Answers hold other people's names and logs; no cache on the way may keep them.
ALWAYS: Final = {"Cache-Control": "no-store"}
# An answer without content is read as nothing and shown nowhere. Gateways get most of those, and
# read what they keep of them through with each request.
OF_CONTENT: Final = {
    # A log line that looks like HTML stays text.
    "X-Content-Type-Options": "nosniff",
    # Even opened in a browser, an answer of the API runs and loads nothing.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    # Other sites learn no address of ours; our own pages' forms still say where they come from.
    "Referrer-Policy": "same-origin",
    # No page of another site may hold our window, or read an answer by embedding it.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Edge:
    """ASGI middleware around everything else."""

    def __init__(
        self,
        app: ASGIApp,
        clock: Clock,
        max_body_bytes: int,
        unexpected: Callable[[str], Response],
    ) -> None:
        """Wrap an application.

        Args:
            app: What answers.
            clock: Gives requests their names.
            max_body_bytes: What a request's body may hold at most.
            unexpected: Makes the answer to an error nobody foresaw, from the request's name.
        """
        self._app = app
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self._unexpected = unexpected

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = new_id("req", self._clock)
        request_id.set(name)
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _add_headers(MutableHeaders(scope=message), name=name, status=message["status"])
            await send(message)

        try:
            limited = _limited(receive, self._max_body_bytes)
            await self._app(scope, limited, send_with_headers)
        except Exception:
            log.exception("request.failed", extra={"request": name, "path": scope["path"]})
            if started:
                raise  # the connection must break: the reader would take the rest for complete
            await self._unexpected(name)(scope, receive, send_with_headers)


def _limited(receive: Receive, max_bytes: int) -> Receive:
    """Return a receive that gives up on a body that is too long, however it is sent."""
    received = 0

    async def receive_limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > max_bytes:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    return receive_limited


def _add_headers(headers: MutableHeaders, *, name: str, status: int) -> None:
    wanted = ALWAYS if status == HTTPStatus.NO_CONTENT else ALWAYS | OF_CONTENT
    for header, value in wanted.items():
        headers.setdefault(header, value)
    headers["X-Request-Id"] = name
