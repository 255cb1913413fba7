"""What every action works with, and what it answers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.guesthouse.platform.plugins.module_utils.stack_deployment import (
    Deployment,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_engine import (
    Engine,
    service_of,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_failure import Failure
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_log import RunLog
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_process import Runner
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_store import (
    Store,
    Version,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_watch import Watch

TEST_PROFILE = "guesthouse-test"
COMPOSE_VERSION_LABEL = "com.docker.compose.version"


@dataclass
class Answer:
    """What the module tells in the end; filled while it works."""

    changed: bool = False
    digests: dict[str, str] = field(default_factory=dict)
    """Image id by service."""
    containers: dict[str, list[str]] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    log_bytes: int = 0
    rolled_back: bool = False
    """After a failure or a rollback: an earlier version serves, still or again."""
    failure: dict[str, Any] | None = None
    more: dict[str, Any] = field(default_factory=dict)
    """What one action adds: `junit`, `exit_code`, `services`, `run`, `removed`."""

    def fail(self, failure: Failure) -> None:
        """Note why the action stopped."""
        self.failure = failure.as_answer()

    def as_dict(self) -> dict[str, Any]:
        """Return it as the contract has it."""
        fields = asdict(self)
        more = fields.pop("more")
        return {**fields, **more}

    @contextlib.contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Note how long a part took, also when it failed."""
        begun = time.monotonic()
        try:
            yield
        finally:
            spent = self.timings.get(name, 0.0) + time.monotonic() - begun
            self.timings[name] = round(spent, 3)

    def show(self, containers: list[dict]) -> None:
        """Note what runs."""
        self.containers = by_service(containers)
        self.digests = {service_of(c): c["Image"] for c in containers}
        latest = max(containers, key=lambda c: c["Created"], default=None)
        if latest is not None:
            label = latest["Config"]["Labels"].get(COMPOSE_VERSION_LABEL, "")
            self.versions["compose"] = label


@dataclass(frozen=True)
class Session:
    """One call of the module at work."""

    deployment: Deployment
    log: RunLog
    watch: Watch
    engine: Engine
    runner: Runner
    store: Store
    answer: Answer

    def compose(
        self, version: Version, *words: str, more_files: tuple[str, ...] = ()
    ) -> list[str]:
        """Return the words that run Compose on a version, and on nothing it might find itself."""
        return self._compose(version, self.store.root, words, more_files)

    def compose_build(self, version: Version) -> list[str]:
        """Return the words that build a version's images, that of the functional tests included.

        Build contexts are relative to the version: that is where its `sources` are.
        """
        words = ("--profile", TEST_PROFILE, "build")
        return self._compose(version, self.store.directory_of(version), words, ())

    def _compose(
        self,
        version: Version,
        directory: Path,
        words: tuple[str, ...],
        more_files: tuple[str, ...],
    ) -> list[str]:
        files = (str(self.store.compose_file_of(version)), *more_files)
        named = [word for file in files for word in ("--file", file)]
        return [
            *("docker", "compose", "--project-name", self.deployment.project),
            *("--project-directory", str(directory), *named),
            *("--env-file", str(self.store.env_file_of(version))),
            *("--ansi", "never", "--progress", "plain"),
            *words,
        ]


def by_service(containers: list[dict]) -> dict[str, list[str]]:
    """Return container ids by service, sorted."""
    found: dict[str, list[str]] = {}
    for container in containers:
        found.setdefault(service_of(container), []).append(container["Id"])
    return {service: sorted(found[service]) for service in sorted(found)}
