"""The five actions by name, and what is around each: log, lock, answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.guesthouse.platform.plugins.module_utils import (
    stack_gateway,
    stack_lock,
    stack_up,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_deploy import (
    deploy,
    rollback,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_deployment import (
    Deployment,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_engine import (
    Engine,
    service_of,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_failure import (
    DiskFull,
    Failure,
    is_full,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_log import RunLog
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_process import Runner
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_session import (
    Answer,
    Session,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_store import Store
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_tests import test
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_wait import health_of
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_watch import Watch


def perform(deployment: Deployment, watch: Watch, *, docker_host: str | None) -> dict[str, Any]:
    """Do what is asked and return the answer; a failure is an answer, too.

    Args:
        deployment: What is asked.
        watch: Tells when somebody wants an end.
        docker_host: Address of the engine; None is the usual socket.
    """
    answer = Answer()
    try:
        log = RunLog(deployment.log)
    except Failure as failure:
        answer.fail(failure)
        return answer.as_dict()
    try:
        _perform(deployment, watch, log, answer, docker_host)
    except Failure as failure:
        log.forgive()
        log.note(failure.facts.sentence)
        answer.fail(failure)
    finally:
        answer.log_bytes = log.size_bytes
        log.close()
    return answer.as_dict()


def _perform(
    deployment: Deployment, watch: Watch, log: RunLog, answer: Answer, docker_host: str | None
) -> None:
    store = Store(Path(deployment.root))
    runner = Runner(log=log, watch=watch, home=str(store.home), docker_host=docker_host)
    session = Session(deployment, log, watch, Engine(docker_host), runner, store, answer)
    if deployment.action == "status":
        status(session)
        return
    watch.arm()
    try:
        with stack_lock.held(
            store.root,
            run=deployment.run,
            wait_seconds=deployment.lock_seconds,
            log=log,
            watch=watch,
        ):
            store.make_home()
            ACTIONS[deployment.action](session)
    except OSError as exc:
        if is_full(exc):
            raise DiskFull(str(exc.strerror)) from exc
        raise


def status(session: Session) -> None:
    """Tell what runs; touches nothing, not even a directory."""
    services: dict[str, dict[str, Any]] = {}
    containers = session.engine.inspect_containers(session.deployment.project)
    for container in containers:
        state = container["State"]
        entry = {
            "state": state["Status"],
            "health": health_of(container),
            "restarts": container["RestartCount"],
            "image": container["Image"],
        }
        # Of several containers of a service, the one that is worst off speaks for it.
        if service_of(container) not in services or state["Status"] != "running":
            services[service_of(container)] = entry
    current = session.store.read("current")
    session.answer.versions["engine"] = session.engine.version()
    session.answer.show(containers)
    session.answer.more.update(
        services=services,
        run=current.run if current else None,
        version=current.id if current else None,
        is_pending=session.store.is_pending(),
    )


def destroy(session: Session) -> None:
    """Remove all of the environment; may be repeated.

    Raises:
        Failure: The engine is down, or the gateway refused; all else is gone then.
    """
    session.watch.disarm()
    engine, project = session.engine, session.deployment.project
    session.answer.versions["engine"] = engine.version()
    current = session.store.read("current")
    gateway = session.deployment.gateway or (current.gateway if current else None)
    refused: Failure | None = None
    removed: list[str] = []
    try:
        if stack_gateway.remove(gateway, session.runner) and gateway:
            removed.append(f"site {gateway.site}")
    except Failure as failure:
        refused = failure
    removed += stack_up.take_down(session)
    for image in engine.list_images(project):
        if engine.remove_image(image["Id"]):
            removed += [f"image {name}" for name in image["RepoTags"] or [image["Id"]]]
    session.log.note("Removed")
    if session.store.remove():
        removed.append(f"directory {session.store.root}")
    session.answer.more["removed"] = removed
    session.answer.changed = bool(removed)
    if refused is not None:
        raise refused


ACTIONS = {"deploy": deploy, "rollback": rollback, "test": test, "destroy": destroy}
