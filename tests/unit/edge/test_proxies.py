"""Whose word counts for where a request comes from: nginx of this machine, and nobody else's."""

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from guesthouse import config
from guesthouse.bootstrap.serving import server_config
from guesthouse.edge.origin import origin_of

CLIENT, OTHER = "198.51.100.7", "203.0.113.9"


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    origin = origin_of(Request(scope))
    await JSONResponse([origin.address, origin.agent])(scope, receive, send)


@pytest.mark.parametrize(
    ("neighbour", "headers", "address"),
    [
        pytest.param("127.0.0.1", {"X-Forwarded-For": CLIENT}, CLIENT, id="our-nginx"),
        pytest.param("127.0.0.1", {}, "127.0.0.1", id="somebody-on-this-machine"),
        pytest.param(
            "127.0.0.1", {"X-Forwarded-For": f"{OTHER}, {CLIENT}"}, CLIENT, id="a-list-is-made-up"
        ),
        pytest.param(OTHER, {"X-Forwarded-For": CLIENT}, OTHER, id="another-proxy"),
        pytest.param(OTHER, {"X-Forwarded-For": "127.0.0.1"}, OTHER, id="who-says-they-are-us"),
        pytest.param("127.0.0.1", {"X-Real-IP": CLIENT}, "127.0.0.1", id="another-header"),
        pytest.param(
            "127.0.0.1", {"Forwarded": f"for={CLIENT}"}, "127.0.0.1", id="the-standards-header"
        ),
    ],
)
async def test_who_is_believed(
    tmp_path_factory: pytest.TempPathFactory,
    neighbour: str,
    headers: dict[str, str],
    address: str,
) -> None:
    settings = config.load({"GUESTHOUSE_STATE": str(tmp_path_factory.mktemp("state"))})
    served = server_config(settings, _echo)
    served.load()
    transport = httpx.ASGITransport(app=served.loaded_app, client=(neighbour, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://guesthouse.test") as client:
        answer = await client.get("/", headers={"User-Agent": "a browser", **headers})
    assert answer.json() == [address, "a browser"]
