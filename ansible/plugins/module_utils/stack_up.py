"""Brings a version up and makes sure of it; takes a project down."""

from __future__ import annotations

import time

from ansible_collections.guesthouse.platform.plugins.module_utils import (
    stack_gateway,
    stack_verify,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_engine import (
    PROJECT_LABEL,
    service_of,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_failure import (
    Failure,
    from_build,
    from_up,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_session import Session
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_store import Version
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_wait import (
    Monitor,
    has_ended_well,
    health_of,
    seconds_of,
)

PULSE_SECONDS = 0.1
BEFORE_TESTS_SECONDS = 1.0
"""How long a service without health check must have run before functional tests begin."""


class Mismatch(Failure):
    """Something runs otherwise than it was asked for; it was removed at once."""

    def __init__(self, service: str | None, differences: list[str]) -> None:
        what = f"Service {service} does" if service else "The containers do"
        sentence = f"{what} not run as asked for: {'; '.join(differences[:3])}."
        super().__init__("mismatch", sentence, service=service, last_lines=differences)


def build(session: Session, version: Version) -> None:
    """Build a version's images; every line goes to the log.

    Raises:
        Failure: An image could not be built.
    """
    session.log.note("Building images")
    ended = session.runner.run(session.compose_build(version))
    if ended.code != 0:
        session.engine.version()  # Raises when the engine is what failed.
        raise from_build(ended.tail)


def bring_up(session: Session, version: Version, *, is_tested: bool = False) -> list[dict]:
    """Start a version's containers, verify them, wait until they are up.

    Args:
        session: The call.
        version: What to start.
        is_tested: Whether functional tests follow. Services without health check then need not
            have settled before: `settle` waits for that when the tests have ended.

    Returns:
        What inspect shows of them.

    Raises:
        Failure: They did not come up, or not as asked for.
    """
    settle_seconds = version.settle_seconds
    if is_tested:
        settle_seconds = min(BEFORE_TESTS_SECONDS, settle_seconds)
    monitor = Monitor(
        session.engine,
        project=session.deployment.project,
        expected=version.expected,
        settle_seconds=settle_seconds,
        wait_seconds=version.wait_seconds,
    )
    with session.answer.timed("up"):
        _restore_images(session, version)
        remove_strangers(session, version)
        _start(session, version, monitor)
    # Before the wait: what runs otherwise than it should must not run for minutes.
    with session.answer.timed("verify"):
        verify(session, version)
    with session.answer.timed("up"):
        session.log.note("Waiting until every service is up")
        _wait(session, monitor)
    return session.engine.inspect_containers(session.deployment.project)


def restart_counts(session: Session) -> dict[str, int]:
    """Return how often each container was restarted so far."""
    containers = session.engine.inspect_containers(session.deployment.project)
    return {container["Id"]: container["RestartCount"] for container in containers}


def settle(session: Session, version: Version, restarts: dict[str, int]) -> None:
    """Wait until services without health check have stayed up for as long as they must.

    Those with one were judged by it before the tests. A task that may end has ended by now.

    Args:
        session: The call.
        version: What was brought up for functional tests.
        restarts: How often each container had been restarted when the tests began.

    Raises:
        Failure: They did not; one restarted again and again while the tests ran is named, too.
    """

    def concerns(container: dict) -> bool:
        is_ours = service_of(container) in version.expected
        return is_ours and health_of(container) is None and not has_ended_well(container)

    monitor = Monitor(
        session.engine,
        project=session.deployment.project,
        expected=version.expected,
        settle_seconds=version.settle_seconds,
        wait_seconds=version.wait_seconds,
    )
    monitor.watch_only(concerns, restarts=restarts)
    with session.answer.timed("settle"):
        _wait(session, monitor)


def _wait(session: Session, monitor: Monitor) -> None:
    while not monitor.are_up():
        session.watch.check()
        time.sleep(PULSE_SECONDS)  # noqa: TID251 - waits for containers


def verify(session: Session, version: Version) -> None:
    """Compare what runs with what was asked for; remove what differs.

    Raises:
        Mismatch: Something differs; every difference is in the log.
    """
    project, engine = session.deployment.project, session.engine
    containers = engine.inspect_containers(project)
    for container in containers:
        service = service_of(container)
        expected = version.expected.get(service)
        if expected is not None:
            verify_container(session, container, expected)
    found = stack_verify.count_differences(containers, version.expected)
    found += _verify_parts(session, containers)
    if found:
        raise _noted(session, Mismatch(None, found))


def _verify_parts(session: Session, containers: list[dict]) -> list[str]:
    """Compare networks and volumes; remove what differs with the containers that use it."""
    project, engine = session.deployment.project, session.engine
    kinds = (
        ("network", engine.list_networks(project), engine.remove_network),
        ("volume", engine.list_volumes(project), engine.remove_volume),
    )
    found = []
    for kind, parts, remove in kinds:
        for part in parts:
            differences = stack_verify.part_differences(kind, part)
            if differences:
                found += differences
                for container in containers:
                    if part["Name"] in stack_verify.part_names(container):
                        engine.remove_container(container["Id"])
                remove(part["Name"])
    return found


def verify_container(session: Session, container: dict, expected: dict | None) -> None:
    """Compare one container; remove it when it differs, so that nobody starts it again."""
    root = session.deployment.root
    found = stack_verify.container_differences(container, expected, root=root)
    if found:
        session.engine.remove_container(container["Id"])
        raise _noted(session, Mismatch(service_of(container), found))


def restore(session: Session, version: Version | None, *, since: float | None) -> None:
    """Bring an earlier version back with its routes; without one, take everything down.

    Args:
        session: The call.
        version: The earlier one.
        since: When the one that failed began to be brought up, in seconds since the epoch.

    Raises:
        Failure: It did not come back.
    """
    if version is None:
        session.log.note("Taking the failed version down; there was none before")
        take_down(session)
        stack_gateway.remove(session.deployment.gateway, session.runner)
        return
    session.log.note(f"Bringing back the version of run {version.run}")
    session.answer.show(bring_up(session, version))
    _remove_new_parts(session, since)
    stack_gateway.switch(version.gateway, session.runner)


def take_down(session: Session) -> list[str]:
    """Remove containers, networks and volumes of the project; return what was removed."""
    engine, project = session.engine, session.deployment.project
    removed = [
        f"container {entry['Names'][0].lstrip('/')}"
        for entry in engine.list_containers(project)
        if engine.remove_container(entry["Id"])
    ]
    removed += [
        f"network {entry['Name']}"
        for entry in engine.list_networks(project)
        if engine.remove_network(entry["Id"])
    ]
    removed += [
        f"volume {entry['Name']}"
        for entry in engine.list_volumes(project)
        if engine.remove_volume(entry["Name"])
    ]
    for line in removed:
        session.log.note(f"Removed {line}")
    return removed


def _remove_new_parts(session: Session, since: float | None) -> None:
    """Remove networks and volumes that the failed version brought.

    What it left in a volume would greet the next attempt, such as a database half set up.
    """
    project, engine = session.deployment.project, session.engine
    if since is None:
        return
    for network in engine.list_networks(project):
        if seconds_of(network["Created"]) >= since and engine.remove_network(network["Id"]):
            session.log.note(f"Removed network {network['Name']}")
    for volume in engine.list_volumes(project):
        # The engine keeps whole seconds of a volume's age.
        is_new = seconds_of(volume["CreatedAt"]) >= int(since)
        if is_new and engine.remove_volume(volume["Name"]):
            session.log.note(f"Removed volume {volume['Name']}")


def _start(session: Session, version: Version, monitor: Monitor) -> None:
    session.log.note("Starting containers")
    words = ("up", "--detach", "--no-build", "--remove-orphans", "--quiet-pull")
    ended = session.runner.run(session.compose(version, *words), on_pulse=monitor.check_new)
    if ended.code != 0:
        monitor.raise_for_trouble()  # Asks the engine, so it also tells when that is down.
        raise from_up(ended.tail)


def remove_strangers(session: Session, version: Version) -> None:
    """Remove containers that are of no service of this version, such as a test cut off."""
    for entry in session.engine.list_containers(session.deployment.project):
        if service_of(entry) not in version.expected:
            session.log.note(f"Removing {entry['Names'][0].lstrip('/')}: not of this version")
            session.engine.remove_container(entry["Id"])


def _restore_images(session: Session, version: Version) -> None:
    """Let the names of images built here mean what they meant when this version was deployed."""
    project = session.deployment.project
    for reference, image_id in version.images.items():
        image = session.engine.inspect_image(image_id)
        labels = (image or {}).get("Config", {}).get("Labels") or {}
        if image and labels.get(PROJECT_LABEL) == project and reference not in image["RepoTags"]:
            session.engine.tag(image_id, reference)


def _noted(session: Session, mismatch: Mismatch) -> Mismatch:
    for line in mismatch.facts.last_lines:
        session.log.note(f"Not as asked for: {mismatch.facts.service or 'project'}: {line}")
    return mismatch
