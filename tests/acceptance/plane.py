"""A whole control plane on ports of its own, driven as its users drive it: by its command line."""

import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from typing_extensions import override

REPOSITORY = Path(__file__).parents[2]
GUESTHOUSE = REPOSITORY / ".venv" / "bin" / "guesthouse"
PREFIX = "guesthouse-test"
GATEWAY_PORT, API_PORT, INFLUX_PORT = 9443, 9470, 9486
START_SECONDS = 60


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the command prints
        return json.loads(self.out)


@dataclass
class Plane:
    state: Path
    telegraf: Path
    server: subprocess.Popen[bytes] | None = None
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        values = {
            "STATE": str(self.state),
            "API_PORT": str(API_PORT),
            "GATEWAY_PORT": str(GATEWAY_PORT),
            "INFLUX_PORT": str(INFLUX_PORT),
            "SERVICE_PREFIX": PREFIX,
            "BASE_IMAGES": "debian:bookworm-slim",
            "TELEGRAF_BINARY": str(self.telegraf),
        }
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        named = {f"GUESTHOUSE_{name}": value for name, value in values.items()}
        return {**kept, "LANG": "C.UTF-8", **named, **self.extra}

    @property
    def ca(self) -> Path:
        return self.state / "ca" / "ca.pem"

    @property
    def token(self) -> str:
        return (self.state / "operator.token").read_text().strip()

    def run(self, *argv: str | Path, seconds: int = 600, typed: str = "") -> Said:
        done = subprocess.run(
            [str(GUESTHOUSE), *map(str, argv)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            input=typed,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def ok(self, *argv: str | Path, seconds: int = 600, typed: str = "") -> Said:
        said = self.run(*argv, seconds=seconds, typed=typed)
        assert said.code == 0, f"{argv} ended with {said.code}\n{said.out}\n{said.err}"
        return said

    def start(self, **extra: str) -> None:
        self.extra = extra
        log = (self.state / "serve.log").open("ab")
        self.server = subprocess.Popen(
            [str(GUESTHOUSE), "serve"],
            env=self.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        self.extra = {}
        wait_until(self.answers, seconds=START_SECONDS)

    def answers(self) -> bool:
        ended = self.server is not None and self.server.poll() is not None
        assert not ended, (self.state / "serve.log").read_text()[-2000:]
        try:
            return httpx.get(f"http://127.0.0.1:{API_PORT}/api/v1/health").is_success
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        if self.server is not None:
            self.server.terminate()
            self.server.wait(timeout=60)
            self.server = None

    def kill(self) -> None:
        """End it the hard way; what it started is left to find out."""
        assert self.server is not None
        self.server.send_signal(signal.SIGKILL)
        self.server.wait(timeout=10)
        self.server = None

    def client(self, *, token: str | None = None) -> httpx.Client:
        """Return a client that trusts our CA and finds *.localhost here."""
        context = ssl.create_default_context(cafile=str(self.ca))
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.Client(transport=Here(verify=context), headers=headers, timeout=30)


class Here(httpx.HTTPTransport):
    """Connects to this machine whatever the host name, as browsers do for *.localhost."""

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host="127.0.0.1")
        return super().handle_request(request)


def wait_until(holds: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not so within {seconds} s: {holds}"
        time.sleep(0.1)  # a bounded poll of another process


def write_estate(place: Path, documents: dict[str, Any]) -> Path:
    for name, document in documents.items():
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return place


def port_answers(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0
