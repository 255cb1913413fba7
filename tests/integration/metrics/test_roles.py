"""The roles influxdb, control and telegraf on this machine, under names and ports of their own."""

import asyncio
import contextlib
import secrets
import shutil
import socket
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from typing_extensions import override

from guesthouse.adapters.influx import InfluxAdmin, metrics_database
from guesthouse.gateway.certificates import CertificateAuthority
from guesthouse.kit import process
from guesthouse.kit.clock import SystemClock
from guesthouse.kit.sensitive import Sensitive
from tests.integration.metrics import servers

pytestmark = pytest.mark.docker

MINUTE = timedelta(minutes=1)
BUILD_LIMIT = timedelta(minutes=10)
CONTROL = ["gateway", "influxdb", "control"]
DATABASE, OTHER = metrics_database("metered"), metrics_database("neighbour")
CONSOLE = "console.localhost"
SOCKET = "/var/run/docker.sock"


@dataclass(frozen=True)
class Machine:
    """What the roles made."""

    directory: Path
    variables: dict[str, Any]
    admin: InfluxAdmin
    client: httpx.Client
    """Speaks HTTPS to the console, as an instance elsewhere would."""

    @property
    def prefix(self) -> str:
        return str(self.variables["guesthouse_prefix"])

    def play(self, *roles: str, **variables: object) -> process.Completed:
        return servers.play(self.directory, list(roles), {**self.variables, **variables})

    def write(self, database: str, points: str) -> int:
        metrics = self.variables["guesthouse_metrics"]
        answer = self.client.post(
            "/telemetry/write",
            params={"db": database},
            content=points,
            auth=(metrics["username"], metrics["password"]),
        )
        return answer.status_code

    def rows(self, influxql: str) -> list[dict[str, Any]]:
        return asyncio.run(self.admin.query(DATABASE, influxql))


@pytest.fixture(scope="module")
def container() -> Iterator[str]:
    """A container worth measuring: Telegraf itself, for it needs no base image."""
    name = f"gh-metered-{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory() as directory:
        shutil.copy(_telegraf(), Path(directory, "telegraf"))
        idle = '[[inputs.mem]]\n[[outputs.influxdb]]\nurls = ["http://127.0.0.1:9"]\n'
        Path(directory, "idle.conf").write_text(idle + "skip_database_creation = true\n")
        _run("tar", "-C", directory, "-cf", f"{directory}.tar", ".")
    _run("docker", "import", f"{directory}.tar", name)
    Path(f"{directory}.tar").unlink()
    label = "app.guesthouse.environment=acme"
    argv = ["--network", "none", "--label", label, name, "/telegraf", "--config", "/idle.conf"]
    _run("docker", "run", "--detach", "--name", name, *argv)
    yield name
    _run("docker", "rm", "--force", name)
    _run("docker", "image", "rm", name)


@pytest.fixture(scope="module")
def api() -> Iterator[int]:
    with servers.stand_in_api() as port:
        yield port


@pytest.fixture(scope="module")
def machine(api: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    directory = tmp_path_factory.mktemp("roles")
    # Not below a private directory: the users of the services must reach it.
    root = Path(tempfile.mkdtemp(prefix="gh-metrics-", dir="/var/tmp"))
    root.chmod(0o755)
    variables = _variables(root, directory, api)
    try:
        _ok(servers.play(directory, CONTROL, variables))
        with _client(variables, directory) as client:
            made = Machine(directory, variables, _admin(variables), client)
            for name in (DATABASE, OTHER):
                password = Sensitive(variables["guesthouse_metrics"]["password"])
                asyncio.run(made.admin.ensure_database(name, name, password))
            _ok(made.play("telegraf"))
            yield made
    finally:
        _remove(directory, variables, root)


def _variables(root: Path, directory: Path, api_port: int) -> dict[str, Any]:
    authority = CertificateAuthority(directory / "ca", SystemClock(), domains=["localhost"])
    issued = authority.certificate("control", hosts=[CONSOLE])
    (directory / "ca.pem").write_text(authority.ca_pem)
    port = servers.free_port()
    return {
        "guesthouse_instance": "metered",
        "guesthouse_prefix": f"gh-{secrets.token_hex(4)}",
        "guesthouse_root": str(root),
        "guesthouse_domain": "localhost",
        "guesthouse_gateway_port": port,
        "guesthouse_api_port": api_port,
        "guesthouse_influxdb_port": servers.free_port(),
        "guesthouse_tls_certificate": issued.certificate_pem,
        "guesthouse_tls_key": issued.key_pem.reveal(),
        "guesthouse_ca": authority.ca_pem,
        "guesthouse_telegraf_binary": str(_telegraf()),
        "guesthouse_metrics": {
            "url": f"https://127.0.0.1:{port}/telemetry",
            "server_name": CONSOLE,
            "database": DATABASE,
            "username": DATABASE,
            # Telegraf would replace the middle of this by a variable of its environment.
            "password": "a-${HOME}-'\"\\-b",
            "interval_seconds": 1,
        },
    }


def _telegraf() -> Path:
    binary = servers.REPOSITORY / "tools" / "telegraf" / "telegraf"
    _ok(process.run([str(binary.with_name("build"))], limit=BUILD_LIMIT))
    return binary


def _admin(variables: dict[str, Any]) -> InfluxAdmin:
    file = Path(variables["guesthouse_root"], "influxdb", "admin.password")
    assert file.stat().st_mode & 0o777 == 0o600
    url = f"http://127.0.0.1:{variables['guesthouse_influxdb_port']}"
    return InfluxAdmin(url, "admin", Sensitive(file.read_text()))


def _client(variables: dict[str, Any], directory: Path) -> httpx.Client:
    # `*.localhost` is no name every resolver knows: the address is a number, as on instances.
    return httpx.Client(
        base_url=f"https://127.0.0.1:{variables['guesthouse_gateway_port']}",
        headers={"Host": CONSOLE},
        verify=ssl.create_default_context(cafile=str(directory / "ca.pem")),
        transport=_Named(directory),
    )


class _Named(httpx.HTTPTransport):
    """Asks for the console by name whatever the address."""

    def __init__(self, directory: Path) -> None:
        super().__init__(verify=ssl.create_default_context(cafile=str(directory / "ca.pem")))

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = CONSOLE
        return super().handle_request(request)


def _remove(directory: Path, variables: dict[str, Any], root: Path) -> None:
    prefix = variables["guesthouse_prefix"]
    roles = ["telegraf/remove", "control/remove", "influxdb/remove", "gateway/remove"]
    removed = servers.play(directory, roles, variables)
    left = [path for path in (root / "telegraf", root / "influxdb") if path.exists()]
    left += list(Path("/etc/init.d").glob(f"{prefix}-*"))
    shutil.rmtree(root)
    assert removed.ok, removed.output
    assert left == []


def _ok(done: process.Completed) -> None:
    assert done.ok, done.output[-4000:] + done.errors[-2000:]


def _run(*argv: str) -> str:
    done = process.run(argv, limit=MINUTE)
    _ok(done)
    return done.output


def test_points_of_machine_and_containers_arrive(machine: Machine, container: str) -> None:
    question = "SELECT usage_user, instance FROM cpu WHERE cpu = 'cpu-total' LIMIT 1"
    servers.until(lambda: bool(machine.rows(question)), "points of the CPU arrive")
    assert machine.rows(question)[0]["instance"] == "metered"
    question = (
        'SELECT usage, container_name, "app.guesthouse.environment" FROM docker_container_mem'  # noqa: S608
        f" WHERE container_name = '{container}' LIMIT 1"
    )
    servers.until(lambda: bool(machine.rows(question)), "points of the container arrive")
    assert machine.rows(question)[0]["app.guesthouse.environment"] == "acme"


def test_everything_a_chart_needs_is_measured(machine: Machine) -> None:
    wanted = {"cpu", "mem", "disk", "diskio", "net", "system", "processes", "docker"}

    def missing() -> set[str]:
        return wanted - {row["name"] for row in machine.rows("SHOW MEASUREMENTS")}

    servers.until(lambda: not missing(), "every measurement is there")
    assert missing() == set()


def test_user_writes_its_own_database_over_https_and_no_other(machine: Machine) -> None:
    assert machine.write(DATABASE, "own usage=1") == 204
    assert machine.write(OTHER, "foreign usage=1") == 403
    assert asyncio.run(machine.admin.query(OTHER, "SELECT usage FROM foreign")) == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/telemetry/query?q=SHOW+DATABASES", 404),
        ("GET", "/telemetry/ping", 404),
        ("GET", "/telemetry/debug/vars", 404),
        ("POST", "/telemetry/write/../query?q=SHOW+DATABASES", 404),
        ("POST", "/telemetry", 404),
        ("GET", "/telemetry/write", 403),
        ("POST", "/telemetry/write?db=gh_metered&u=gh_metered&p=secret", 400),
        ("POST", "/telemetry/write?db=gh_metered", 401),
        ("GET", "/api/internal/runs", 404),
        ("GET", "/api/internal/authorise/../runs", 404),
        ("POST", "/api/internal/authorise", 403),
        ("GET", "/api/internal/authorise", 200),
        ("GET", "/api/v1/environments", 200),
    ],
)
def test_outside_reaches_only_what_it_needs(
    machine: Machine, method: str, path: str, status: int
) -> None:
    assert machine.client.request(method, path).status_code == status


def test_a_batch_beyond_the_limit_is_refused(machine: Machine) -> None:
    assert machine.write(DATABASE, "x" * (4 * 1024 * 1024 + 1)) == 413


def test_api_learns_the_caller_from_nginx_alone(machine: Machine) -> None:
    claims = {"X-Forwarded-For": "192.0.2.9", "X-Real-IP": "192.0.2.9"}
    heard = machine.client.get("/api/v1/whoami?x=%2F", headers=claims).json()
    assert heard["path"] == "/api/v1/whoami?x=%2F"
    assert heard["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert heard["headers"]["x-real-ip"] == "127.0.0.1"
    assert heard["headers"]["x-forwarded-proto"] == "https"
    assert heard["headers"]["host"] == CONSOLE


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_nobody_takes_a_connection_over(machine: Machine, protocol: str) -> None:
    asked = {"Connection": "Upgrade", "Upgrade": protocol, "Forwarded": "for=192.0.2.9"}
    heard = machine.client.get("/api/v1/live", headers=asked).json()["headers"]
    assert {"upgrade", "forwarded"}.isdisjoint(heard)
    assert "upgrade" not in heard.get("connection", "").lower()


def test_events_arrive_while_the_answer_goes_on(machine: Machine) -> None:
    with machine.client.stream("GET", "/stream") as answer:
        lines = (line for line in answer.iter_lines() if line)
        # The second line is written only after we have read the first.
        assert next(lines) == "data: 0"
        servers.StandIn.step.release()
        assert next(lines) == "data: 1"
        servers.StandIn.step.release()


def test_plain_http_is_sent_to_https(machine: Machine) -> None:
    port = machine.variables["guesthouse_gateway_port"]
    with contextlib.closing(httpx.Client(trust_env=False)) as plain:
        answer = plain.get(f"http://127.0.0.1:{port}/x", headers={"Host": CONSOLE})
    assert answer.status_code == 308
    assert answer.headers["location"] == f"https://{CONSOLE}:{port}/x"


def test_influxdb_listens_on_loopback_only(machine: Machine) -> None:
    pid = Path(f"/run/{machine.prefix}-influxdb.pid").read_text().strip()
    listening = _listening(int(pid))
    assert len(listening) >= 1
    assert {address for address, _ in listening} == {"127.0.0.1"}
    assert machine.variables["guesthouse_influxdb_port"] in {port for _, port in listening}


def _listening(pid: int) -> list[tuple[str, int]]:
    """Return where a process takes connections, as the kernel knows it."""
    links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    inodes = {link.removeprefix("socket:[").removesuffix("]") for link in links}
    found = []
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in inodes:
                address, port = words[1].split(":")
                raw = b"".join(
                    bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8)
                )
                found.append((socket.inet_ntop(family, raw), int(port, 16)))
    return found


def test_services_run_as_users_of_their_own(machine: Machine) -> None:
    owners = {
        name: Path(
            f"/proc/{Path(f'/run/{machine.prefix}-{name}.pid').read_text().strip()}"
        ).owner()
        for name in ("influxdb", "telegraf")
    }
    own = f"{machine.prefix}-telegraf"
    reaches = process.run(["runuser", "-u", own, "--", "test", "-w", SOCKET], limit=MINUTE).ok
    assert owners == {"influxdb": "influxdb", "telegraf": own if reaches else "root"}


def test_passwords_are_for_the_services_alone(machine: Machine) -> None:
    file = Path(machine.variables["guesthouse_root"], "telegraf", "telegraf.conf")
    assert file.stat().st_mode & 0o777 == 0o640
    pid = Path(f"/run/{machine.prefix}-telegraf.pid").read_text().strip()
    assert (file.owner(), file.group()) == ("root", Path(f"/proc/{pid}").group())


def test_a_second_run_changes_nothing(machine: Machine) -> None:
    done = machine.play(*CONTROL, "telegraf")
    _ok(done)
    assert "changed=0" in done.output


def test_a_site_nginx_refuses_leaves_the_old_one_serving(machine: Machine) -> None:
    site = Path(machine.variables["guesthouse_root"], "gateway", "sites", "console.conf")
    before = site.read_text()
    done = machine.play("control", guesthouse_domain="localhost; broken {")
    assert not done.ok
    assert "nginx refused the console's site" in done.output
    assert site.read_text() == before
    assert sorted(path.name for path in site.parent.iterdir()) == ["console.conf"]
    assert machine.client.get("/api/v1/environments").status_code == 200


def test_an_engine_that_does_not_answer_is_told_and_telegraf_runs_on(machine: Machine) -> None:
    pid = Path(f"/run/{machine.prefix}-telegraf.pid").read_text()
    done = machine.play("telegraf", telegraf_docker_socket="/nonexistent/docker.sock")
    assert not done.ok
    assert "Telegraf cannot measure this machine" in done.output
    assert "Cannot connect to the Docker daemon at unix:///nonexistent/docker.sock" in done.output
    assert Path(f"/run/{machine.prefix}-telegraf.pid").read_text() == pid
    assert Path(f"/proc/{pid.strip()}").exists()
