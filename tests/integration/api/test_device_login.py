"""A person signs the command line in: real API and pages over HTTPS, real sign-in in a browser."""

import asyncio
import datetime as dt
import io
import json
import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import httpx
import pytest
import uvicorn
from typing_extensions import override

from guesthouse import web
from guesthouse.api import create_app
from guesthouse.cli.app import main
from guesthouse.cli.connecting import OwnNames
from guesthouse.cli.terminal import Terminal
from guesthouse.edge.access import SESSION_COOKIE
from guesthouse.gateway.certificates import CertificateAuthority
from guesthouse.kit.clock import SystemClock
from guesthouse.people import Role
from tests.fakes.people import HERE, come_in
from tests.fakes.services import OPERATOR, FakeServices

CODE = re.compile(r"code=(\S+)")


class Hurried(SystemClock):
    """Does not wait, so that the server has to slow the command line down."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []
        self.acts: dict[int, Callable[[], None]] = {}

    @override
    async def sleep(self, duration: dt.timedelta) -> None:
        self.waited.append(duration.total_seconds())
        act = self.acts.get(len(self.waited))
        if act is not None:
            await asyncio.to_thread(act)


@dataclass
class Laptop:
    """A machine without a control plane; knows its address and the CA its operator handed out."""

    url: str
    home: Path
    clock: Hurried = field(default_factory=Hurried)
    err: io.StringIO = field(default_factory=io.StringIO)

    def __call__(self, *arguments: str) -> tuple[int, str]:
        out = io.StringIO()
        self.err = io.StringIO()
        variables = {"HOME": str(self.home), "GUESTHOUSE_STATE": str(self.home / "none")}
        terminal = Terminal(out=out, err=self.err, environment=variables, clock=self.clock)
        return main(arguments, terminal), out.getvalue()


@pytest.fixture
def authority(services: FakeServices) -> CertificateAuthority:
    state = services.settings.state
    return CertificateAuthority(state / "ca", SystemClock(), domains=("localhost",))


@pytest.fixture
def console(
    services: FakeServices, authority: CertificateAuthority, free_port: int
) -> Iterator[str]:
    """API and pages at console.localhost, which no resolver has to know."""
    made = authority.certificate("console", hosts=("console.localhost",))
    state = services.settings.state
    (state / "console.pem").write_text(made.certificate_pem)
    (state / "console.key").write_text(made.key_pem.reveal())
    app = create_app(services)
    web.install(app)
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=free_port,
        log_config=None,
        ssl_certfile=state / "console.pem",
        ssl_keyfile=state / "console.key",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    transport = httpx.HTTPTransport(retries=4, verify=False)
    with httpx.Client(transport=transport, trust_env=False) as client:
        address = f"https://127.0.0.1:{free_port}/api/v1/health"
        assert client.get(address, extensions={"sni_hostname": "console.localhost"}).is_success
    yield f"https://console.localhost:{free_port}"
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
def browser(
    services: FakeServices, authority: CertificateAuthority, console: str
) -> Iterator[httpx.Client]:
    """A developer of acme, signed in at the console."""
    account = asyncio.run(come_in(services.people, "ann", "acme", Role.DEVELOPER))
    secret = services.signin.after_invitation(account, HERE).secret.reveal()
    with httpx.Client(
        base_url=console,
        transport=OwnNames(verify=ssl.create_default_context(cadata=authority.ca_pem)),
        headers={"Cookie": f"{SESSION_COOKIE}={secret}", "Sec-Fetch-Site": "same-origin"},
        trust_env=False,
    ) as client:
        yield client


@pytest.fixture
def laptop(console: str, authority: CertificateAuthority, tmp_path: Path) -> Laptop:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "ca.pem").write_text(authority.ca_pem)
    return Laptop(console, tmp_path / "home")


def _answer(laptop: Laptop, browser: httpx.Client, word: str) -> Callable[[], None]:
    def act() -> None:
        found = CODE.search(laptop.err.getvalue())
        assert found is not None
        asked = browser.get("/device", params={"code": found[1]})
        assert "guesthouse on" in asked.text
        said = browser.post("/device", data={"code": found[1], "answer": word})
        assert said.status_code == 303

    return act


def test_a_person_signs_the_command_line_in_and_out_again(
    laptop: Laptop, browser: httpx.Client
) -> None:
    laptop.clock.acts[3] = _answer(laptop, browser, "confirm")
    ca = str(laptop.home / "ca.pem")
    code, out = laptop("login", "--url", laptop.url, "--ca", ca)
    assert (code, out) == (0, f"signed in as ann at {laptop.url}\n"), laptop.err.getvalue()
    # Nobody had answered, then it asked too soon and was told to wait longer.
    assert laptop.clock.waited == [5, 5, 10]
    code, out = laptop("env", "list", "--json")
    assert [item["name"] for item in json.loads(out)] == ["acme"]
    code, out = laptop("token", "list", "--json")
    assert [item["name"][:13] for item in json.loads(out)] == ["guesthouse on"]
    assert laptop("logout")[0] == 0
    assert laptop("env", "list")[0] == 7


def test_a_person_turns_a_program_away(laptop: Laptop, browser: httpx.Client) -> None:
    laptop.clock.acts[1] = _answer(laptop, browser, "refuse")
    ca = str(laptop.home / "ca.pem")
    assert laptop("login", "--url", laptop.url, "--ca", ca) == (5, "")
    assert "error: the sign-in was refused in the browser" in laptop.err.getvalue()


def test_without_the_ca_nothing_is_sent(laptop: Laptop) -> None:
    assert laptop("login", "--url", laptop.url) == (7, "")
    assert laptop.err.getvalue().splitlines() == [
        f"error: the certificate of {laptop.url} is from no CA that is trusted here",
        f"next: guesthouse login --url {laptop.url} --ca FILE; its operator has that file",
    ]


def test_offboarding_ends_a_sign_in_at_once(
    laptop: Laptop, browser: httpx.Client, services: FakeServices
) -> None:
    laptop.clock.acts[1] = _answer(laptop, browser, "confirm")
    ca = str(laptop.home / "ca.pem")
    assert laptop("login", "--url", laptop.url, "--ca", ca)[0] == 0
    started = laptop.clock.monotonic()
    done = services.offboarding.offboard(OPERATOR, "acme")
    assert laptop.clock.monotonic() - started < 10
    assert done.evidence[0].sentence == "1 member was seen out: ann"
    assert laptop("env", "list")[0] == 5
    assert "you are no longer signed in" in laptop.err.getvalue()
    assert browser.get("/", follow_redirects=False).status_code == 303
