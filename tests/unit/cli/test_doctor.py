import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from typing_extensions import override

from guesthouse.cli.machine import RealMachine
from guesthouse.gateway.certificates import CertificateAuthority
from tests.fakes.clock import FakeClock
from tests.fakes.machine import FakeMachine
from tests.fakes.services import FakeServices
from tests.unit.cli.conftest import Answer, Cli

Change = Callable[[FakeMachine], object]


class Silent(httpx.BaseTransport):
    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        message = "refused"
        raise httpx.ConnectError(message)


@pytest.fixture
def machine(services: FakeServices) -> FakeMachine:
    state = services.settings.state
    authority = CertificateAuthority(
        state / "ca", FakeClock(), domains=("apps.localhost", "localhost")
    )
    return FakeMachine(files={state / "ca" / "ca.pem": authority.ca_pem.encode()})


def _verdicts(answer: Answer) -> dict[str, str]:
    return {item["name"]: item["verdict"] for item in json.loads(answer.out)}


def test_a_good_machine_passes(cli: Cli, machine: FakeMachine) -> None:
    cli.machine = machine
    answer = cli("doctor", "--json")
    assert answer.code == 0
    assert set(_verdicts(answer).values()) == {"ok"}


def test_the_table_has_a_line_for_each_check(cli: Cli, machine: FakeMachine) -> None:
    cli.machine = machine
    lines = cli("doctor").lines
    assert lines[1].split() == ["ok", "python", "3.11.7"]
    assert len(lines) == 1 + len(_verdicts(cli("doctor", "--json")))


@pytest.mark.parametrize(
    ("change", "name", "verdict"),
    [
        pytest.param(lambda m: setattr(m, "version", (3, 10)), "python", "bad", id="old-python"),
        pytest.param(lambda m: setattr(m, "ansible", None), "ansible", "bad", id="no-ansible"),
        pytest.param(lambda m: m.outputs.pop("git --version"), "git", "bad", id="no-git"),
        pytest.param(
            lambda m: m.outputs.pop("docker version --format {{.Server.Version}}"),
            "docker",
            "bad",
            id="engine-stopped",
        ),
        pytest.param(
            lambda m: [m.outputs.pop(name) for name in list(m.outputs) if "docker" in name],
            "docker",
            "warn",
            id="no-docker",
        ),
        pytest.param(
            lambda m: m.outputs.update({"docker compose version --short": "2.17.0"}),
            "compose",
            "bad",
            id="old-compose",
        ),
        pytest.param(
            lambda m: m.outputs.pop("docker buildx version"), "buildx", "warn", id="no-buildx"
        ),
        pytest.param(lambda m: m.outputs.pop("nginx -v"), "nginx", "warn", id="no-nginx"),
        pytest.param(lambda m: setattr(m, "free", 2**30), "disk", "bad", id="disk-full"),
        pytest.param(lambda m: setattr(m, "free", 5 * 2**30), "disk", "warn", id="disk-tight"),
        pytest.param(lambda m: m.files.clear(), "ca", "warn", id="no-ca"),
        pytest.param(
            lambda m: m.files.update(dict.fromkeys(m.files, b"rubbish")), "ca", "bad", id="bad-ca"
        ),
        pytest.param(lambda m: m.ports.add(8443), "port 8443", "bad", id="gateway-port-taken"),
        pytest.param(
            lambda m: m.outputs.pop("timedatectl show --property=NTPSynchronized --value"),
            "clock",
            "warn",
            id="clock",
        ),
    ],
)
def test_what_is_wrong_is_told(
    cli: Cli, machine: FakeMachine, change: Change, name: str, verdict: str
) -> None:
    change(machine)
    cli.machine = machine
    answer = cli("doctor", "--json")
    others = {found: said for found, said in _verdicts(answer).items() if found != name}
    assert _verdicts(answer)[name] == verdict
    assert "bad" not in others.values()
    assert answer.code == (1 if verdict == "bad" else 0)


def test_each_finding_says_how_to_mend_it(cli: Cli) -> None:
    cli.machine = FakeMachine(outputs={}, ansible=None, free=0)
    found = json.loads(cli("doctor", "--json").out)
    assert all(item["mend"] for item in found if item["verdict"] != "ok")


def test_a_ca_at_its_end_is_told(cli: Cli, machine: FakeMachine) -> None:
    cli.machine = machine
    cli.clock.advance(dt.timedelta(days=365 * 30))
    assert _verdicts(cli("doctor", "--json"))["ca"] == "bad"


def test_a_server_that_is_away_is_a_warning(cli: Cli, machine: FakeMachine) -> None:
    cli.machine, cli.transport = machine, Silent()
    answer = cli("doctor", "--json")
    assert (answer.code, _verdicts(answer)["api"]) == (0, "warn")


def test_a_port_the_api_should_have_is_bad_while_it_is_away(
    cli: Cli, machine: FakeMachine
) -> None:
    cli.machine, cli.transport = machine, Silent()
    machine.ports.add(8470)
    assert _verdicts(cli("doctor", "--json"))["port 8470"] == "bad"


def test_ports_we_hold_are_fine(cli: Cli, machine: FakeMachine, services: FakeServices) -> None:
    machine.ports |= {8470, 8443}
    machine.files[services.settings.state / "host" / "fingerprint"] = b"f"
    cli.machine = machine
    assert set(_verdicts(cli("doctor", "--json")).values()) == {"ok"}


def test_a_token_that_is_refused_is_bad(cli: Cli, machine: FakeMachine) -> None:
    cli.machine, cli.environment = machine, {"GUESTHOUSE_TOKEN": "ghs_wrong"}
    assert _verdicts(cli("doctor", "--json"))["api"] == "bad"


def test_a_database_that_is_away_is_bad(cli: Cli, machine: FakeMachine) -> None:
    cli.machine = machine
    cli.environment = {"GUESTHOUSE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    assert _verdicts(cli("doctor", "--json"))["database"] == "bad"


def test_a_database_not_made_yet_is_not_made_by_looking(
    cli: Cli, machine: FakeMachine, tmp_path: Path
) -> None:
    cli.machine = machine
    cli.environment = {"GUESTHOUSE_DATABASE_URL": f"sqlite:///{tmp_path / 'none.sqlite'}"}
    assert _verdicts(cli("doctor", "--json"))["database"] == "warn"
    assert not (tmp_path / "none.sqlite").exists()


def test_the_real_machine_answers(tmp_path: Path) -> None:
    machine = RealMachine()
    assert machine.python() >= (3, 11)
    assert machine.package("ansible-core")
    assert machine.package("no-such-package") is None
    assert machine.output("no-such-program") is None
    assert machine.output("false") is None
    assert machine.has("git")
    assert machine.free_bytes(tmp_path / "not" / "there") > 0
    assert machine.read(tmp_path / "none") is None
