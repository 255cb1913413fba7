"""The command line over HTTPS, with our own CA."""

import io
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import httpx
import pytest
import uvicorn

from guesthouse.api import create_app
from guesthouse.cli.app import main
from guesthouse.cli.terminal import Terminal
from guesthouse.gateway.certificates import CertificateAuthority
from guesthouse.kit.clock import SystemClock
from tests.fakes.services import OPERATOR, FakeServices


@pytest.fixture
def authority(services: FakeServices) -> CertificateAuthority:
    return CertificateAuthority(
        services.settings.state / "ca", SystemClock(), domains=("apps.localhost", "localhost")
    )


@pytest.fixture
def https(
    services: FakeServices, authority: CertificateAuthority, free_port: int
) -> Iterator[str]:
    made = authority.certificate("console", hosts=("localhost",))
    files = services.settings.state / "console.pem", services.settings.state / "console.key"
    files[0].write_text(made.certificate_pem)
    files[1].write_text(made.key_pem.reveal())
    config = uvicorn.Config(
        create_app(services),
        host="127.0.0.1",
        port=free_port,
        log_config=None,
        ssl_certfile=files[0],
        ssl_keyfile=files[1],
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    address = f"https://localhost:{free_port}"
    transport = httpx.HTTPTransport(retries=4, verify=False)
    with httpx.Client(transport=transport, trust_env=False) as client:
        assert client.get(f"{address}/api/v1/health").is_success
    yield address
    server.should_exit = True
    thread.join(10)


def _list(url: str, services: FakeServices, state: Path) -> int:
    terminal = Terminal(
        out=io.StringIO(),
        err=io.StringIO(),
        environment={
            "GUESTHOUSE_URL": url,
            "GUESTHOUSE_TOKEN": services.token(OPERATOR),
            "GUESTHOUSE_STATE": str(state),
        },
    )
    return main(["env", "list"], terminal)


def test_our_ca_is_trusted_where_it_is_known_and_nowhere_else(
    https: str, services: FakeServices, tmp_path: Path
) -> None:
    assert _list(https, services, services.settings.state) == 0
    assert _list(https, services, tmp_path / "elsewhere") == 7
