"""A product brought up with plain ``docker compose``, as its author would on a laptop."""

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from guesthouse.kit import process
from guesthouse.stacks.manifest import load_manifest
from guesthouse.stacks.sources import FolderTree

REPOSITORY = Path(__file__).parents[3]
EXAMPLES = REPOSITORY / "examples"
BASE_IMAGE = "debian:bookworm-slim"
BUILD_LIMIT = timedelta(minutes=10)
UP_LIMIT = timedelta(minutes=3)
LIMIT = timedelta(minutes=5)

# What the canonical file always says, so that a product which cannot live with it shows it here.
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID", "KILL", "NET_BIND_SERVICE")
LIMITS = {
    "cap_drop": ["ALL"],
    "cap_add": CAPABILITIES,
    "security_opt": ["no-new-privileges"],
    "init": True,
}


class Laptop:
    """One product under a project name of its own, with no port published."""

    def __init__(self, product: str, *, project: str, directory: Path) -> None:
        self._folder = EXAMPLES / product
        self._project = project
        manifest = load_manifest(FolderTree(self._folder))
        (stack,) = manifest.stacks
        assert manifest.tests is not None
        self.tests = manifest.tests.service
        self._files = [str(self._folder / file) for file in stack.compose]
        self._environment = {
            **process.base_environment(),
            **{secret.name: _password(secret.name) for secret in manifest.secrets},
        }
        resolved = directory / "compose.json"
        resolved.write_text(json.dumps(self._resolved()), encoding="utf-8")
        self._files = [str(resolved)]

    def build(self) -> None:
        """Build every image, the functional tests' too."""
        base = process.run(
            (str(REPOSITORY / "tools" / "base-image"), BASE_IMAGE), limit=BUILD_LIMIT
        )
        assert base.ok, base.output + base.errors
        self.compose("--profile", "test", "build", "--quiet", limit=BUILD_LIMIT)

    def up(self) -> None:
        """Start the product and wait until it is healthy."""
        self.compose("up", "--detach", "--wait", "--no-build", limit=UP_LIMIT)

    def run_tests(self, *argv: str) -> str:
        """Run the functional tests and return what they print."""
        return self.compose("run", "--rm", "--no-deps", self.tests, *argv)

    def restart(self, service: str) -> None:
        """Stop a service and start it again."""
        self.compose("restart", service)

    def inspect(self) -> dict[str, dict[str, Any]]:
        """Return the facts of every container by its service."""
        ids = self.compose("ps", "--quiet").split()
        done = process.run(("docker", "inspect", *ids), limit=LIMIT)
        assert done.ok, done.errors
        return {
            container["Config"]["Labels"]["com.docker.compose.service"]: container
            for container in json.loads(done.output)
        }

    def remove(self) -> None:
        """Take away containers, volumes, networks and the images that were built."""
        self.compose("--profile", "test", "down", "--volumes", "--rmi", "local", "--timeout", "5")

    def compose(self, *argv: str, limit: timedelta = LIMIT) -> str:
        """Run `docker compose` on the product's own files; a failure shows what it printed."""
        files = [word for file in self._files for word in ("--file", file)]
        done = process.run(
            ("docker", "compose", "--project-name", self._project, *files, *argv),
            limit=limit,
            cwd=self._folder,
            env=self._environment,
        )
        assert done.ok, done.output + done.errors + self._logs()
        return done.output

    def _logs(self) -> str:
        """Return the last lines of every container, for a failure to show."""
        logs = ("docker", "compose", "--project-name", self._project, "logs", "--tail", "20")
        return process.run(logs, limit=LIMIT).output

    def _resolved(self) -> Mapping[str, Any]:
        """Return the author's files as Compose reads them, and what the canonical file adds."""
        config = json.loads(self.compose("--profile", "test", "config", "--format", "json"))
        for service in config["services"].values():
            service.pop("ports", None)
            service.update(LIMITS)
            if "healthcheck" in service:
                service["healthcheck"] |= {"start_period": "60s", "start_interval": "500ms"}
        return dict(config)


def _password(name: str) -> str:
    """Return a secret with every character that is special to someone, bar spaces."""
    return f"{name}-it's-100%-$ecret".ljust(32, "x")


def project(product: str) -> str:
    """Return a project name nobody else has."""
    return f"gh-example-{product}-{os.getpid()}"
