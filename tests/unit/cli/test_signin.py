import datetime as dt
import json
import stat
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from typing_extensions import override

from guesthouse.gateway.certificates import CertificateAuthority
from guesthouse.people import ActorKind, Role, Scope
from guesthouse.people.model import Account
from guesthouse.people.tokens import TokenGrant
from tests.fakes.clock import FakeClock
from tests.fakes.people import come_in, signed_in
from tests.fakes.services import OPERATOR, FakeServices
from tests.unit.cli.conftest import Answer, Cli

URL = "https://console.example.test"


class Person(FakeClock):
    """Does something in the browser while the command line waits."""

    act: Callable[[], None] | None = None
    waited: list[float]

    def __init__(self) -> None:
        super().__init__()
        self.waited = []

    @override
    async def sleep(self, duration: dt.timedelta) -> None:
        await super().sleep(duration)
        self.waited.append(duration.total_seconds())
        if self.act is not None:
            act, self.act = self.act, None
            act()


@pytest.fixture
def person(clock: FakeClock) -> Person:
    del clock
    return Person()


@pytest.fixture
async def ann(services: FakeServices) -> Account:
    return await come_in(services.people, "ann", "acme", Role.DEVELOPER)


@pytest.fixture
def browser(services: FakeServices, ann: Account) -> Scope:
    return signed_in(services.people, ann)


@pytest.fixture
def laptop(services: FakeServices, app: FastAPI, person: Person, tmp_path: Path) -> Cli:
    """A machine without a control plane, where nobody has signed in yet."""
    home = {
        "GUESTHOUSE_STATE": str(tmp_path / "none"),
        "GUESTHOUSE_CREDENTIALS": str(tmp_path / "config" / "credentials.json"),
        "GUESTHOUSE_TOKEN": "",
    }
    return Cli(services, app, person, environment=home)


def _file(cli: Cli) -> Path:
    return Path(cli.environment["GUESTHOUSE_CREDENTIALS"])


def _confirm(services: FakeServices, browser: Scope) -> Callable[[], None]:
    def act() -> None:
        with services.database.reading() as transaction:
            code = transaction.connection.exec_driver_sql(
                "SELECT user_code FROM device_logins"
            ).scalar_one()
        services.devices.confirm(browser, code)

    return act


def _login(cli: Cli, person: Person, act: Callable[[], None], *more: str) -> Answer:
    person.act = act
    return cli("login", "--url", URL, *more)


def test_login_shows_a_code_and_keeps_the_token(
    laptop: Cli, person: Person, services: FakeServices, browser: Scope
) -> None:
    done = _login(laptop, person, _confirm(services, browser))
    assert (done.code, done.lines) == (0, [f"signed in as ann at {URL}"])
    assert "https://console.localhost:8443/device?code=" in done.err
    kept = json.loads(_file(laptop).read_text())
    assert kept["current"] == URL
    assert kept["servers"][URL]["login"] == "ann"
    assert kept["servers"][URL]["token"] not in done.out + done.err
    assert stat.S_IMODE(_file(laptop).stat().st_mode) == 0o600


def test_what_follows_calls_that_address_as_that_person(
    laptop: Cli, person: Person, services: FakeServices, browser: Scope
) -> None:
    _login(laptop, person, _confirm(services, browser))
    me = json.loads(laptop("whoami", "--json").out)
    assert (me["login"], me["url"], me["signed_in_by"]) == ("ann", URL, "guesthouse login")
    assert laptop("env", "list").code == 0


def test_it_waits_as_long_as_it_is_told(
    laptop: Cli, person: Person, services: FakeServices, browser: Scope
) -> None:
    confirm = _confirm(services, browser)

    def nothing() -> None:
        person.act = confirm

    _login(laptop, person, nothing)
    assert person.waited == [5, 5]


def test_asked_to_slow_down_it_does(laptop: Cli, person: Person, services: FakeServices) -> None:
    def hurry() -> None:
        # Somebody else asked with its code a moment ago.
        with services.database.transaction() as transaction:
            now = services.clock.now()
            transaction.connection.exec_driver_sql(
                "UPDATE device_logins SET polled_at = ?",
                (now.replace(tzinfo=None).isoformat(" "),),
            )

    _login(laptop, person, hurry)
    assert person.waited[:2] == [5, 10]


def test_a_refusal_in_the_browser_ends_it(
    laptop: Cli, person: Person, services: FakeServices, browser: Scope
) -> None:
    def refuse() -> None:
        with services.database.reading() as transaction:
            code = transaction.connection.exec_driver_sql(
                "SELECT user_code FROM device_logins"
            ).scalar_one()
        services.devices.refuse(browser, code)

    done = _login(laptop, person, refuse)
    assert done.code == 5
    assert "error: the sign-in was refused in the browser" in done.err
    assert not _file(laptop).exists()


def test_nobody_confirms(laptop: Cli, person: Person) -> None:
    done = _login(laptop, person, lambda: None)
    assert done.code == 5
    assert "error: nobody confirmed the code in time" in done.err
    assert 600 <= sum(person.waited) <= 605


def test_a_sign_in_may_be_narrowed(
    laptop: Cli, person: Person, services: FakeServices, browser: Scope
) -> None:
    confirm = _confirm(services, browser)
    _login(laptop, person, confirm, "--scope", "env:read", "--scope", "run:read")
    assert json.loads(laptop("whoami", "--json").out)["scopes"] == ["env:read", "run:read"]
    assert laptop("member", "list", "acme").code == 5


def test_a_token_may_come_by_standard_input(
    laptop: Cli, services: FakeServices, browser: Scope
) -> None:
    laptop.read.write(_token(services, browser) + "\n")
    laptop.read.seek(0)
    done = laptop("login", "--url", URL, "--token-stdin", "--json")
    assert done.code == 0
    assert json.loads(done.out)["login"] == "ann"


def test_a_token_that_counts_nowhere_is_not_kept(laptop: Cli) -> None:
    laptop.read.write("ghs_wrong")
    laptop.read.seek(0)
    assert laptop("login", "--url", URL, "--token-stdin").code == 5
    assert not _file(laptop).exists()


def test_to_sign_in_again_ends_the_earlier_token(
    laptop: Cli, person: Person, services: FakeServices, browser: Scope
) -> None:
    _login(laptop, person, _confirm(services, browser))
    first = json.loads(_file(laptop).read_text())["servers"][URL]["token"]
    _login(laptop, person, _confirm(services, browser))
    assert services.tokens.authenticate(first) is None
    assert laptop("whoami").code == 0


def test_logout_ends_the_token_and_forgets_it(
    laptop: Cli, person: Person, services: FakeServices, browser: Scope
) -> None:
    _login(laptop, person, _confirm(services, browser))
    token = json.loads(_file(laptop).read_text())["servers"][URL]["token"]
    assert laptop("logout").lines == [f"signed out at {URL}"]
    assert services.tokens.authenticate(token) is None
    assert token not in _file(laptop).read_text()
    assert laptop("logout").code == 5


def test_a_token_that_was_revoked_says_how_to_sign_in_again(
    laptop: Cli, person: Person, services: FakeServices, browser: Scope
) -> None:
    _login(laptop, person, _confirm(services, browser))
    services.accounts.disable(OPERATOR, "ann")
    done = laptop("env", "list")
    assert done.code == 5
    assert done.err.splitlines() == [
        f"error: you are no longer signed in at {URL}",
        f"next: guesthouse login --url {URL}",
    ]
    assert laptop("logout").code == 0


def test_a_file_others_may_read_is_refused(
    laptop: Cli, person: Person, services: FakeServices, browser: Scope
) -> None:
    _login(laptop, person, _confirm(services, browser))
    _file(laptop).chmod(0o644)
    done = laptop("env", "list")
    assert done.code == 5
    assert f"next: chmod 600 {_file(laptop)}" in done.err


def test_a_broken_file_is_told(laptop: Cli) -> None:
    _file(laptop).parent.mkdir()
    _file(laptop).write_text("{}")
    _file(laptop).chmod(0o600)
    done = laptop("env", "list")
    assert done.code == 2
    assert "it is not as guesthouse login writes it" in done.err


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("http://console.example.test", id="in the clear"),
        pytest.param("ftp://console.example.test", id="no HTTP"),
        pytest.param("https://ann:secret@console.example.test", id="with a password"),
        pytest.param("console.example.test", id="no scheme"),
        pytest.param("https://[", id="broken"),
    ],
)
def test_an_address_no_token_may_go_to_is_refused(laptop: Cli, address: str) -> None:
    assert laptop("login", "--url", address).code == 2


def test_a_ca_is_remembered(
    laptop: Cli, person: Person, services: FakeServices, browser: Scope, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(_ca(tmp_path))
    _login(laptop, person, _confirm(services, browser), "--ca", str(file))
    assert json.loads(_file(laptop).read_text())["servers"][URL]["ca"] == file.read_text()
    _login(laptop, person, _confirm(services, browser))
    assert json.loads(_file(laptop).read_text())["servers"][URL]["ca"] == file.read_text()


def test_what_is_no_ca_is_told(laptop: Cli, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("hello")
    done = laptop("login", "--url", URL, "--ca", str(tmp_path / "ca.pem"))
    assert done.code == 2
    assert "holds no certificate" in done.err


def test_the_variable_comes_before_the_sign_in(
    laptop: Cli, person: Person, services: FakeServices, browser: Scope
) -> None:
    _login(laptop, person, _confirm(services, browser))
    token = services.token(OPERATOR)
    laptop.environment = {**laptop.environment, "GUESTHOUSE_TOKEN": token}
    me = json.loads(laptop("whoami", "--json").out)
    assert (me["login"], me["signed_in_by"]) == ("operator", "GUESTHOUSE_TOKEN")


def test_the_control_plane_s_own_machine_goes_on_calling_itself(
    laptop: Cli, person: Person, services: FakeServices, browser: Scope, tmp_path: Path
) -> None:
    state = tmp_path / "own"
    state.mkdir()
    (state / "operator.token").write_text(services.token(OPERATOR))
    laptop.environment = {**laptop.environment, "GUESTHOUSE_STATE": str(state)}
    done = _login(laptop, person, _confirm(services, browser))
    assert f"set GUESTHOUSE_URL={URL}" in done.err
    me = json.loads(laptop("whoami", "--json").out)
    assert (me["login"], me["url"]) == ("operator", "http://127.0.0.1:8470")
    laptop.environment = {**laptop.environment, "GUESTHOUSE_URL": URL}
    assert json.loads(laptop("whoami", "--json").out)["login"] == "ann"


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        pytest.param("https://console.example.org", [], id="somebody else's"),
        pytest.param("https://console.localhost:8443", ["operator"], id="the console"),
        pytest.param("http://127.0.0.1:9999", ["operator"], id="this machine"),
    ],
)
def test_the_machines_own_token_goes_to_no_other_machine(
    laptop: Cli, services: FakeServices, tmp_path: Path, address: str, sent: list[str]
) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(503, json={})

    token = services.token(OPERATOR)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "operator.token").write_text(token)
    state = {"GUESTHOUSE_STATE": str(tmp_path / "own"), "GUESTHOUSE_URL": address}
    laptop.environment = {**laptop.environment, **state}
    laptop.transport = httpx.MockTransport(answer)
    done = laptop("env", "list")
    assert seen == [f"Bearer {token}" for _ in sent]
    assert sent or f"guesthouse login --url {address}" in done.err


def test_no_token_travels_in_the_clear(laptop: Cli) -> None:
    environment = {"GUESTHOUSE_TOKEN": "ghs_x", "GUESTHOUSE_URL": "http://console.example.org"}
    laptop.environment = {**laptop.environment, **environment}
    laptop.transport = httpx.MockTransport(lambda _: pytest.fail("it was called"))
    done = laptop("env", "list")
    assert done.code == 2
    assert "is not encrypted" in done.err


def test_nobody_is_signed_in(laptop: Cli) -> None:
    done = laptop("env", "list")
    assert done.code == 7
    assert "next: guesthouse login" in done.err


def _ca(directory: Path) -> str:
    return CertificateAuthority(directory / "ca", FakeClock(), domains=("example.test",)).ca_pem


def _token(services: FakeServices, browser: Scope) -> str:
    grant = TokenGrant("laptop", browser.actor, ActorKind.MEMBER)
    with services.database.transaction() as transaction:
        return services.tokens.create(transaction, browser, grant).reveal()
