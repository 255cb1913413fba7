"""Where Beacon is, and how one gets in: everything comes from the environment."""

import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

TIMEOUT_SECONDS = 30.0
POLL_SECONDS = 0.2

Watch = Callable[[str], AbstractContextManager[ClientConnection]]


@pytest.fixture(scope="session")
def app_url() -> str:
    return os.environ["GUESTHOUSE_URL_APP"].rstrip("/")


@pytest.fixture(scope="session")
def api_url() -> str:
    return os.environ["GUESTHOUSE_URL_API"].rstrip("/")


@pytest.fixture(scope="session")
def status_url() -> str:
    """The address without the path, which belongs to the route."""
    return os.environ["GUESTHOUSE_URL_STATUS"].rstrip("/").removesuffix("/status")


@pytest.fixture(scope="session")
def authority() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=os.environ.get("GUESTHOUSE_CA"))


@pytest.fixture(scope="session")
def socket_authority() -> ssl.SSLContext:
    # This client reads in one thread and writes in another. With TLS 1.3 the server's tickets come
    # right after the handshake, while it writes its request: one in a hundred was never sent.
    context = ssl.create_default_context(cafile=os.environ.get("GUESTHOUSE_CA"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


@pytest.fixture(scope="session")
def credentials() -> dict[str, str]:
    token = os.environ.get("GUESTHOUSE_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


@pytest.fixture(scope="session")
def stranger(authority: ssl.SSLContext) -> Iterator[httpx.Client]:
    with httpx.Client(verify=authority, timeout=TIMEOUT_SECONDS) as client:
        yield client


@pytest.fixture(scope="session")
def visitor(authority: ssl.SSLContext, credentials: dict[str, str]) -> Iterator[httpx.Client]:
    with httpx.Client(verify=authority, timeout=TIMEOUT_SECONDS, headers=credentials) as client:
        yield client


@pytest.fixture(scope="session")
def watch(socket_authority: ssl.SSLContext, credentials: dict[str, str]) -> Watch:
    def watching(url: str) -> AbstractContextManager[ClientConnection]:
        tls = socket_authority if url.startswith("https:") else None
        address = url.replace("http", "ws", 1)
        return connect(address, ssl=tls, additional_headers=credentials, proxy=None)

    return watching


@pytest.fixture
def plugin(visitor: httpx.Client, api_url: str) -> Iterator[dict[str, Any]]:
    new = {"name": "Functional test", "description": "Checks that plugins can take part"}
    answer = visitor.post(f"{api_url}/v1/plugins", json=new)
    assert answer.status_code in {200, 201}, answer.text
    registered = answer.json()
    yield registered
    visitor.delete(f"{api_url}/v1/plugins/{registered['id']}")


@pytest.fixture
def listener() -> Iterator[str]:
    """The address of a plugin that answers every batch of readings with how many there were."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            results = [{"summary": f"{len(sent['readings'])} readings came"}]
            body = json.dumps({"results": results}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    own_address = socket.gethostbyname(socket.gethostname())
    yield f"http://{own_address}:{server.server_port}/readings"
    server.shutdown()
    server.server_close()


def until(holds: Callable[[], bool]) -> None:
    """Wait for something to be so, for as long as anything may take here."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "Waited in vain"
        time.sleep(POLL_SECONDS)
