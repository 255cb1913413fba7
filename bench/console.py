"""A control plane without a worker: what answers the API and pages, and nothing besides."""

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench.programs import REPOSITORY, base_environment

API_PORT = 9672
GUESTHOUSE = REPOSITORY / ".venv" / "bin" / "guesthouse"


@contextlib.contextmanager
def fresh_state() -> Iterator[Path]:
    """Give a state directory that goes again."""
    with tempfile.TemporaryDirectory(prefix="guesthouse-bench-", dir="/var/tmp") as name:
        yield Path(name)


@contextlib.contextmanager
def serving(state: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """Serve a state directory on loopback, without a worker."""
    settings = {"GUESTHOUSE_STATE": str(state), "GUESTHOUSE_API_PORT": str(API_PORT)}
    with (state / "serve.log").open("wb") as log:
        server = subprocess.Popen(
            [GUESTHOUSE, "serve", "--no-worker"],
            env={**base_environment(), **settings},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait()
        yield server
    finally:
        server.terminate()
        server.wait(timeout=60)


def _wait() -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            address = f"http://127.0.0.1:{API_PORT}/api/v1/health"
            if httpx.get(address, trust_env=False).is_success:
                return
        time.sleep(0.2)
    message = "the control plane did not answer within 60 s"
    raise TimeoutError(message)
