"""The program as a person starts it: init, serve, ask, stop."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

PROGRAM = (sys.executable, "-m", "guesthouse.cli")


@pytest.fixture
def variables(tmp_path: Path, free_port: int) -> Mapping[str, str]:
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ
    }
    return {
        **kept,
        "GUESTHOUSE_STATE": str(tmp_path / "state"),
        "GUESTHOUSE_API_PORT": str(free_port),
    }


@pytest.fixture
def call(variables: Mapping[str, str]) -> "Call":
    return Call(variables)


class Call:
    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, *arguments],
            env=dict(self.variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@contextlib.contextmanager
def _served(
    variables: Mapping[str, str], log: Path, *options: str
) -> Iterator[subprocess.Popen[str]]:
    with (
        log.open("w") as stream,
        subprocess.Popen(
            [*PROGRAM, "serve", "--json", *options],
            env=dict(variables),
            stderr=stream,
            text=True,
        ) as server,
    ):
        try:
            _wait(variables, server)
            yield server
        finally:
            server.kill()


def _wait(variables: Mapping[str, str], server: subprocess.Popen[str]) -> None:
    transport = httpx.HTTPTransport(retries=9)  # connects again after 0.5, 1, 2, 4 … seconds
    with httpx.Client(transport=transport, trust_env=False) as client:
        port = variables["GUESTHOUSE_API_PORT"]
        answer = client.get(f"http://127.0.0.1:{port}/api/v1/health", timeout=5)
    assert server.poll() is None
    assert answer.json() == {"status": "ok", "database": "ok"}
    assert "server" not in answer.headers


def test_init_serve_ask_and_stop(call: Call, variables: Mapping[str, str], tmp_path: Path) -> None:
    estate = tmp_path / "estate"
    assert call("init", str(estate)).returncode == 0
    with _served(variables, tmp_path / "log") as server:
        applied = call("apply", str(estate), "--yes")
        assert applied.returncode == 0
        assert applied.stdout.splitlines()[0] == "+ instance local"
        again = call("apply", str(estate))
        assert (again.returncode, again.stdout.startswith("Nothing to do")) == (0, True)
        server.send_signal(signal.SIGTERM)
        # uvicorn ends in order, then lets the signal have its way.
        assert server.wait(20) in {0, -signal.SIGTERM}
    away = call("env", "list")
    assert (away.returncode, away.stdout) == (7, "")
    assert away.stderr.splitlines()[-1].startswith("next: guesthouse serve")


def test_a_log_that_is_followed_does_not_keep_the_server_from_ending(
    call: Call, variables: Mapping[str, str], tmp_path: Path
) -> None:
    estate = tmp_path / "estate"
    assert call("init", str(estate)).returncode == 0
    with _served(variables, tmp_path / "log", "--no-worker") as server:
        assert call("apply", str(estate), "--yes").returncode == 0
        run = call("instance", "provision", "local", "--detach").stdout.strip()
        token = (tmp_path / "state" / "operator.token").read_text().strip()
        address = f"http://127.0.0.1:{variables['GUESTHOUSE_API_PORT']}/api/v1/runs/{run}/log"
        headers = {"Authorization": f"Bearer {token}"}
        with (
            httpx.Client(trust_env=False, timeout=20) as client,
            client.stream("GET", address, params={"follow": True}, headers=headers) as answer,
        ):
            assert answer.status_code == 200
            server.send_signal(signal.SIGTERM)
            with contextlib.suppress(httpx.RemoteProtocolError):  # it is cut off, not ended
                answer.read()
        assert server.wait(8) in {0, -signal.SIGTERM}
    assert "Traceback" not in (tmp_path / "log").read_text()
