"""`test`: the product's functional tests, in a container beside the running version."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.guesthouse.platform.plugins.module_utils import stack_up
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_deployment import Test
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_engine import service_of
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_failure import (
    Failure,
    from_up,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_process import TooLong
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_session import (
    TEST_PROFILE,
    Session,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_store import Version

CA_PATH = "/guesthouse/ca.pem"
JUNIT_LIMIT_BYTES = 16 * 1024 * 1024


class TestsFailed(Failure):
    """The functional tests did not pass."""

    def __init__(
        self, sentence: str, *, service: str, last_lines: list[str] | None = None
    ) -> None:
        super().__init__("test", sentence, service=service, last_lines=last_lines)


class NothingToTest(TestsFailed):
    """No version is deployed."""

    def __init__(self, service: str) -> None:
        super().__init__("Nothing is deployed that could be tested.", service=service)


def test(session: Session) -> None:
    """Run the functional tests against the current version; it is not changed by that.

    Raises:
        TestsFailed: They are red, or took too long.
        Failure: They are green, and a service has not stayed up meanwhile.
    """
    wish, current = session.deployment.test, session.store.read("current")
    if wish is None:
        raise TypeError(wish)  # `stack_deployment.read` refuses this.
    session.answer.more.update(junit=None, exit_code=None)
    session.answer.versions["engine"] = session.engine.version()
    if current is None:
        raise NothingToTest(wish.service)
    restarts = stack_up.restart_counts(session)
    with _override(session, wish) as override, session.answer.timed("test"):
        try:
            _run(session, _create(session, current, wish.service, override), wish)
        finally:
            _remove(session, wish.service)
            # What it alone depends on was made along with it.
            stack_up.remove_strangers(session, current)
    stack_up.settle(session, current, restarts)


def _create(session: Session, current: Version, service: str, override: str) -> dict:
    """Make the container without starting it, and look at it before it runs."""
    _remove(session, service)
    words = ("--profile", TEST_PROFILE, "create", "--no-build", "--no-recreate", service)
    session.log.note(f"Preparing the functional tests ({service})")
    ended = session.runner.run(session.compose(current, *words, more_files=(override,)))
    made = [c for c in _containers(session, service) if c is not None]
    if ended.code != 0 or not made:
        raise from_up(ended.tail)
    stack_up.verify_container(session, made[0], None)
    return made[0]


def _run(session: Session, container: dict, wish: Test) -> None:
    session.log.note("Running the functional tests")
    name = container["Id"]
    try:
        session.runner.run(
            ["docker", "start", "--attach", name], limit_seconds=wish.timeout_seconds
        )
    except TooLong as exc:
        sentence = f"The functional tests did not end within {wish.timeout_seconds:g} s."
        lines = session.engine.last_lines(name, 20)
        raise TestsFailed(sentence, service=wish.service, last_lines=lines) from exc
    _judge(session, name, wish)


def _judge(session: Session, name: str, wish: Test) -> None:
    ended = session.engine.inspect(name)
    code = ended["State"]["ExitCode"] if ended else None
    session.answer.more["exit_code"] = code
    if wish.junit:
        text = session.engine.read_file(name, wish.junit, limit_bytes=JUNIT_LIMIT_BYTES)
        session.answer.more["junit"] = text
        if text is None:
            session.log.note(f"There is no report at {wish.junit}")
    session.log.note(f"The functional tests ended with {code}")
    if code != 0:
        sentence = f"The functional tests failed (exit code {code})."
        lines = session.engine.last_lines(name, 20)
        raise TestsFailed(sentence, service=wish.service, last_lines=lines)


@contextlib.contextmanager
def _override(session: Session, wish: Test) -> Iterator[str]:
    """Write what the tests get beyond their service, in a file: the token is not for `ps`."""
    directory = session.store.root / "test"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(0o700)
    try:
        ca = directory / "ca.pem"
        _write(ca, wish.ca, mode=0o644)
        override = directory / "compose.json"
        _write(override, json.dumps(override_of(wish, str(ca))), mode=0o600)
        yield str(override)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def override_of(wish: Test, ca: str) -> dict:
    """Return the Compose file that is laid over the canonical one; JSON is YAML.

    A dollar sign is doubled, so that Compose takes values as they are.
    """
    values = {name: value.replace("$", "$$") for name, value in wish.environment.items()}
    mount = {"type": "bind", "source": ca, "target": CA_PATH, "read_only": True}
    service = {
        "environment": values,
        "extra_hosts": [f"{name}:{address}" for name, address in wish.hosts.items()],
        "volumes": [mount],
    }
    return {"services": {wish.service: service}}


def _containers(session: Session, service: str) -> list[dict | None]:
    entries = session.engine.list_containers(session.deployment.project)
    return [session.engine.inspect(e["Id"]) for e in entries if service_of(e) == service]


def _remove(session: Session, service: str) -> None:
    for entry in session.engine.list_containers(session.deployment.project):
        if service_of(entry) == service:
            session.engine.remove_container(entry["Id"])


def _write(path: Path, text: str, *, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
