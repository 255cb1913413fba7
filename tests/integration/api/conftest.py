import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from guesthouse.api import create_app
from guesthouse.db import Database, upgrade
from guesthouse.kit.clock import SystemClock
from guesthouse.kit.sensitive import Sensitive
from tests.fakes.services import FakeServices, fake_services


@pytest.fixture
def services(tmp_path: Path) -> Iterator[FakeServices]:
    database = Database(Sensitive(f"sqlite:///{tmp_path / 'guesthouse.sqlite'}"))
    upgrade(database)
    yield fake_services(database, SystemClock(), tmp_path)
    database.close()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def url(services: FakeServices, free_port: int) -> Iterator[str]:
    """The API behind a real server on loopback."""
    config = uvicorn.Config(
        create_app(services),
        host="127.0.0.1",
        port=free_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    address = f"http://127.0.0.1:{free_port}"
    # Connects again after 0.5, 1, 2 and 4 seconds, until the server listens.
    with httpx.Client(transport=httpx.HTTPTransport(retries=4), trust_env=False) as client:
        assert client.get(f"{address}/api/v1/health").is_success
    yield address
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()
