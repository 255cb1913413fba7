"""A control plane of its own for the benchmarks, prepared, started and removed again."""

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from bench.programs import REPOSITORY, ProgramFailed, base_environment, run

GUESTHOUSE = REPOSITORY / ".venv" / "bin" / "guesthouse"
PREFIX = "guesthouse-bench"
GATEWAY_PORT, API_PORT, INFLUX_PORT = 9643, 9670, 9686
START_SECONDS = 60
LAST_LINES = 40


@dataclass(frozen=True)
class Plane:
    """Driven by its command line, as people drive it."""

    state: Path

    @property
    def environment(self) -> dict[str, str]:
        """Its settings."""
        values = {
            "STATE": self.state / "state",
            "GATEWAY_PORT": GATEWAY_PORT,
            "API_PORT": API_PORT,
            "INFLUX_PORT": INFLUX_PORT,
            "SERVICE_PREFIX": PREFIX,
        }
        return {f"GUESTHOUSE_{name}": str(value) for name, value in values.items()}

    @property
    def estate(self) -> Path:
        """The estate its applies read."""
        return self.state / "estate"

    def run(self, *argv: str | Path) -> str:
        """Run a command of ours."""
        return run(GUESTHOUSE, *argv, env=self.environment)

    def json(self, *argv: str | Path) -> Any:  # noqa: ANN401 - whatever the command prints
        """Run a command of ours and read what it says."""
        return json.loads(self.run(*argv, "--json"))

    def declare(self, documents: Mapping[str, Mapping[str, Any]]) -> None:
        """Add files to the estate."""
        for name, document in documents.items():
            file = self.estate / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(yaml.safe_dump(dict(document)), encoding="utf-8")

    def declare_environment(self, name: str, product: str) -> None:
        """Add an environment on this machine."""
        document = {"name": name, "partner": "acme", "product": product, "instance": "local"}
        self.declare({f"environments/{name}.yaml": {**document, "phase": "development"}})

    def declare_product(
        self, name: str, compose: Mapping[str, Any], *, tests: str | None = None
    ) -> Path:
        """Add a product of one stack, in a repository of its own.

        Args:
            name: The product's.
            compose: Its one Compose file.
            tests: The service that holds its functional tests, if any.

        Returns:
            The directory with its Compose file, for those who deploy it by hand.
        """
        place = self.state / "products" / name
        place.mkdir(parents=True)
        manifest = {
            "product": name,
            "title": name,
            "stacks": {"core": {"compose": ["compose.yaml"]}},
            **(
                {"tests": {"stack": "core", "service": tests, "junit": "/junit.xml"}}
                if tests
                else {}
            ),
        }
        (place / "guesthouse.product.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
        (place / "compose.yaml").write_text(yaml.safe_dump(dict(compose)), encoding="utf-8")
        author = ("-c", "user.name=owner", "-c", "user.email=owner@example.com")
        run("git", "init", "--quiet", "--initial-branch=main", cwd=place)
        run("git", "add", "--all", cwd=place)
        run("git", *author, "commit", "--quiet", "--message", "First", cwd=place)
        source = {"git": f"file://{place}", "ref": "main"}
        self.declare({f"products/{name}.yaml": {"name": name, "source": source}})
        return place

    def destroy_environments(self) -> None:
        """Remove whatever the estate brought."""
        for found in self.json("env", "list"):
            self.run("env", "destroy", found["name"], "--yes")


@contextlib.contextmanager
def plane() -> Iterator[Plane]:
    """Prepare this machine, serve, and put everything back."""
    # Not below a private directory, as in earnest: the gateway's workers are not root.
    state = Path(tempfile.mkdtemp(prefix="guesthouse-bench-", dir="/var/tmp"))
    state.chmod(0o755)
    made = Plane(state)
    made.declare(
        {
            "estate.yaml": {
                "name": "bench",
                "domain": "localhost",
                "apps_domain": "apps.localhost",
            },
            "partners/acme.yaml": {"name": "acme", "title": "Acme Ltd"},
            "instances/local.yaml": {"name": "local", "provider": "local"},
        }
    )
    try:
        made.run("host", "prepare")
        with _serving(made):
            yield made
            made.destroy_environments()
    except ProgramFailed:
        lines = (state / "serve.log").read_text(encoding="utf-8").splitlines()
        print("the control plane said:", *lines[-LAST_LINES:], sep="\n  ", file=sys.stderr)
        raise
    finally:
        made.run("host", "release", "--yes")
        shutil.rmtree(state)


@contextlib.contextmanager
def _serving(made: Plane) -> Iterator[None]:
    with (made.state / "serve.log").open("wb") as log:
        server = subprocess.Popen(
            [GUESTHOUSE, "serve"],
            env={**base_environment(), **made.environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_until_it_answers()
        yield
    finally:
        server.terminate()
        server.wait(timeout=60)


def _wait_until_it_answers() -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{API_PORT}/api/v1/health").is_success:
                return
        time.sleep(0.2)
    message = f"the control plane did not answer within {START_SECONDS} s"
    raise TimeoutError(message)
