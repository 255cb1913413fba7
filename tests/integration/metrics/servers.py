"""Real programs for these tests: InfluxDB from the role's template, Ansible, a stand-in API."""

import contextlib
import json
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import jinja2
from typing_extensions import override

from guesthouse.adapters.influx import InfluxAdmin
from guesthouse.kit import process
from guesthouse.kit.sensitive import Sensitive

REPOSITORY = Path(__file__).parents[3]
ROLES = REPOSITORY / "ansible" / "roles"
LOOPBACK = "127.0.0.1"
PLAY_LIMIT = timedelta(minutes=5)
WAIT_SECONDS = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def until(is_true: Callable[[], bool], what: str, *, seconds: float = WAIT_SECONDS) -> None:
    """Look again and again, in small steps, until it is so."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.1)):
        if is_true():
            return
        pause.wait(0.1)
    message = f"after {seconds:g} s not yet: {what}"
    raise AssertionError(message)


def rendered(role: str, template: str, **variables: object) -> str:
    """Return a template of a role as Ansible renders it."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLES / role / "templates"),
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - configuration files, not HTML
    )
    environment.filters["to_json"] = json.dumps
    return environment.get_template(template).render(variables) + "\n"


@contextlib.contextmanager
def influxdb(directory: Path, *, values_per_tag: int = 10000) -> Iterator[InfluxAdmin]:
    """Run InfluxDB with the role's configuration and an administrator."""
    port = free_port()
    configuration = directory / "influxdb.conf"
    text = rendered(
        "influxdb",
        "influxdb.conf.j2",
        guesthouse_root=str(directory),
        guesthouse_influxdb_port=port,
        influxdb_series_per_database=100000,
        influxdb_values_per_tag=values_per_tag,
    )
    configuration.write_text(text, encoding="utf-8")
    argv = ["/usr/bin/influxd", "run", "-config", str(configuration)]
    with (directory / "log").open("wb") as log, _running(argv, log.fileno()):
        url = f"http://{LOOPBACK}:{port}"
        until(lambda: _answers(f"{url}/ping"), "InfluxDB answers")
        password = secrets.token_hex(16)
        statement = f"CREATE USER admin WITH PASSWORD '{password}' WITH ALL PRIVILEGES"
        httpx.post(f"{url}/query", data={"q": statement}).raise_for_status()
        yield InfluxAdmin(url, "admin", Sensitive(password))


@contextlib.contextmanager
def _running(argv: list[str], output: int) -> Iterator[None]:
    with subprocess.Popen(argv, stdout=output, stderr=output) as server:
        try:
            yield
        finally:
            server.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code < httpx.codes.BAD_REQUEST
    except httpx.TransportError:
        return False


def play(directory: Path, roles: list[str], variables: Mapping[str, Any]) -> process.Completed:
    """Apply roles of the collection to this machine; `role/tasks` takes other tasks of a role."""
    tasks = [_task(role) for role in roles]
    book = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}]
    (directory / "play.json").write_text(json.dumps(book))
    (directory / "variables.json").write_text(json.dumps(dict(variables)))
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,"]
    environment = {
        **process.base_environment(),
        "ANSIBLE_CONFIG": str(REPOSITORY / "ansible" / "ansible.cfg"),
        "ANSIBLE_HOME": str(directory / "ansible"),
    }
    files = ["-e", f"@{directory / 'variables.json'}", str(directory / "play.json")]
    return process.run([*argv, *files], limit=PLAY_LIMIT, env=environment)


def _task(role: str) -> dict[str, Any]:
    name, _, tasks = role.partition("/")
    wanted = {"name": f"guesthouse.platform.{name}", "tasks_from": tasks or "main"}
    return {"ansible.builtin.include_role": wanted}


class StandIn(BaseHTTPRequestHandler):
    """An API that says what it was asked, and streams a line for each time it is let."""

    protocol_version = "HTTP/1.1"
    step = threading.Semaphore(0)

    def do_GET(self) -> None:
        if self.path == "/stream":
            self._stream()
            return
        document = {"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}}
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in range(2):
            self.wfile.write(f"data: {number}\n\n".encode())
            self.wfile.flush()
            self.step.acquire(timeout=WAIT_SECONDS)

    @override
    def log_message(self, format: str, *args: object) -> None:
        return


@contextlib.contextmanager
def stand_in_api() -> Iterator[int]:
    with ThreadingHTTPServer((LOOPBACK, 0), StandIn) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()
