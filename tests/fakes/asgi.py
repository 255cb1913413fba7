"""Calls an ASGI application from synchronous code, without a socket."""

import asyncio

import httpx
from starlette.types import ASGIApp
from typing_extensions import override


class AsgiBridge(httpx.BaseTransport):
    def __init__(self, app: ASGIApp) -> None:
        self._inner = httpx.ASGITransport(app=app, raise_app_exceptions=False)

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        inner = httpx.Request(
            request.method, request.url, headers=request.headers, content=body or None
        )
        response = await self._inner.handle_async_request(inner)
        content = await response.aread()
        return httpx.Response(response.status_code, headers=response.headers, content=content)


def client_of(app: ASGIApp, token: str = "") -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(
        transport=AsgiBridge(app), base_url="http://guesthouse.test", headers=headers
    )
