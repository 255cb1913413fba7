"""Serves the page and its assets, and relays the API's stream so that one address carries both."""

import asyncio
import contextlib
import html
import logging
import os
from pathlib import Path
from urllib.parse import urlsplit

import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

HERE = Path(__file__).parent
STREAM = os.environ.get("BEACON_STREAM", "ws://api:8000/v1/stream")
TITLE = os.environ.get("BEACON_TITLE") or "Beacon"
STREAM_LIMIT_BYTES = 4 * 1024 * 1024

TRY_AGAIN_LATER = 1013
POLICY_VIOLATION = 1008

HEADERS = {
    # Everything the page needs comes from here, and nobody may frame it.
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

log = logging.getLogger("uvicorn.error")


async def page(_: Request) -> Response:
    """Return the page, under the title of this installation."""
    template = (HERE / "page.html").read_text(encoding="utf-8")
    return HTMLResponse(template.replace("{{title}}", html.escape(TITLE)), headers=HEADERS)


async def health(_: Request) -> Response:
    """Say that the front end serves."""
    return JSONResponse({"ok": True})


async def status(_: Request) -> Response:
    """Say, to anybody, which installation this is and that it is up."""
    return JSONResponse({"title": TITLE, "status": "up"}, headers={"Cache-Control": "no-store"})


async def relay(websocket: WebSocket) -> None:
    """Pass the API's stream on to one visitor."""
    if not from_here(websocket):
        await websocket.close(POLICY_VIOLATION)
        return
    await websocket.accept()
    try:
        async with websockets.connect(STREAM, max_size=STREAM_LIMIT_BYTES) as stream:
            await pump(stream, websocket)
    except (OSError, websockets.WebSocketException) as exc:
        log.warning("The stream broke off: %s", exc)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await websocket.close(TRY_AGAIN_LATER)


def from_here(websocket: WebSocket) -> bool:
    """Return whether the connection is our own page's, or no browser's."""
    # A browser opens WebSockets to us for any page, with the visitor's cookies; it tells which.
    origin = websocket.headers.get("origin")
    if origin is None:
        return True
    return urlsplit(origin).hostname == urlsplit(f"//{websocket.headers.get('host', '')}").hostname


async def pump(stream: websockets.ClientConnection, websocket: WebSocket) -> None:
    """Send what the stream says until either side ends."""
    sending = asyncio.create_task(forward(stream, websocket))
    closing = asyncio.create_task(until_closed(websocket))
    _, unfinished = await asyncio.wait({sending, closing}, return_when=asyncio.FIRST_COMPLETED)
    for task in unfinished:
        task.cancel()
    await asyncio.gather(*unfinished, return_exceptions=True)
    if closing in unfinished:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await websocket.close(TRY_AGAIN_LATER)


async def forward(stream: websockets.ClientConnection, websocket: WebSocket) -> None:
    """Send what the stream says; end quietly when it, or the visitor, is gone."""
    with contextlib.suppress(websockets.ConnectionClosed, RuntimeError, WebSocketDisconnect):
        async for message in stream:
            await websocket.send_text(message if isinstance(message, str) else message.decode())


async def until_closed(websocket: WebSocket) -> None:
    """Wait until the visitor is gone."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await websocket.receive_text()


app = Starlette(
    routes=[
        Route("/", page),
        Route("/health", health),
        Route("/status", status),
        WebSocketRoute("/ws", relay),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]
)
