"""`deploy` and `rollback`: one version takes another's place, or nothing changes.

1. Receive: hash the bundle; when everything is as wanted already, stop here.
2. Stage the version beside the current one and build its images. Nothing that runs is touched.
3. Mark the environment as pending, start the containers, verify, wait.
4. Switch the routes.
5. Swap `current` by rename, take the mark away, tidy.

Whatever fails or interrupts in 2-4 ends in `_undo`. A process killed in between leaves the mark,
and the next `deploy` or `rollback` starts from it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from ansible_collections.guesthouse.platform.plugins.module_utils import (
    stack_bundle,
    stack_gateway,
    stack_up,
    stack_verify,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_engine import service_of
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_failure import (
    DiskFull,
    Failure,
    is_full,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_session import (
    Session,
    by_service,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_store import Version
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_wait import is_up


def deploy(session: Session) -> None:
    """Make the deployment's version the one that runs.

    Raises:
        Failure: It could not be; the answer says whether the earlier version is back.
    """
    answer, deployment = session.answer, session.deployment
    answer.versions["engine"] = session.engine.version()
    current = session.store.read("current")
    try:
        with answer.timed("receive"):
            digest = ""
            if deployment.bundle:
                digest = stack_bundle.digest(Path(deployment.bundle), session.watch)
            version = Version.of(deployment, version_id=deployment.version_id(digest))
        if current is not None and current.id == version.id and _is_running(session, current):
            session.log.note("Everything is as wanted already")
            return
        _make(session, version, current)
    except BaseException as exc:
        failure = _undo(session, exc, current)
        if failure is exc:
            raise
        raise failure from exc


def rollback(session: Session) -> None:
    """Undo what this run's deployment did, if anything; may be repeated.

    Raises:
        Failure: The earlier version did not come back.
    """
    store, answer = session.store, session.answer
    answer.versions["engine"] = session.engine.version()
    current = store.read("current")
    session.watch.disarm()
    if current is not None and current.run == session.deployment.run:
        previous = store.read("previous")
        store.mark_pending(current)
        stack_up.restore(session, previous, since=current.since)
        store.step_back(previous)
        answer.rolled_back = previous is not None
    elif store.is_pending():
        session.log.note("A deployment was cut off; putting back what was there")
        stack_up.restore(session, current, since=store.pending_since())
        store.clear_pending()
        answer.rolled_back = current is not None
    else:
        session.log.note("This run changed nothing; there is nothing to undo")
        return
    answer.changed = True
    _tidy(session)


def _make(session: Session, version: Version, current: Version | None) -> None:
    answer, store = session.answer, session.store
    with answer.timed("receive"):
        session.log.note(f"Receiving version {version.id}")
        store.stage(version, session.deployment, session.watch)
    if session.deployment.bundle:
        with answer.timed("build"):
            stack_up.build(session, version)
    store.mark_pending(version)
    answer.changed = True
    containers = stack_up.bring_up(session, version, is_tested=session.deployment.is_tested)
    with answer.timed("switch"):
        if stack_gateway.switch(version.gateway, session.runner):
            session.log.note("The gateway serves the new routes")
    session.watch.check()
    answer.show(containers)
    # A repair of the current version stays the run's that made it, so that it can be undone.
    is_repair = current is not None and current.id == version.id
    run, since = (
        (current.run, current.since) if is_repair else (version.run, store.pending_since())
    )
    images = {c["Config"]["Image"]: c["Image"] for c in containers}
    ids = by_service(containers)
    version = replace(version, run=run, images=images, containers=ids, since=since)
    store.save(version)
    store.promote(version)
    session.log.note("Deployed")
    _tidy(session)


def _undo(session: Session, exc: BaseException, current: Version | None) -> BaseException:
    """Put back what was there; return what to raise."""
    session.watch.disarm()
    session.log.forgive()
    failure = _as_failure(exc)
    session.log.note(str(failure))
    try:
        if session.store.is_pending():
            stack_up.restore(session, current, since=session.store.pending_since())
            session.store.clear_pending()
        session.store.discard_unused()
        session.answer.rolled_back = current is not None
        session.answer.changed = False
        session.log.note("What was there before is back")
    except (Failure, OSError) as second:
        sentence = f"What was there before could not be put back: {second}"
        session.log.note(sentence)
        if isinstance(failure, Failure):
            failure.and_also(sentence)
    return failure


def _as_failure(exc: BaseException) -> BaseException:
    if isinstance(exc, OSError) and is_full(exc):
        return DiskFull(str(exc.strerror))
    return exc


def _is_running(session: Session, current: Version) -> bool:
    """Return whether the very containers of a version run, as asked for, with their routes."""
    if session.store.is_pending() or not stack_gateway.is_current(current.gateway):
        return False
    containers = session.engine.inspect_containers(session.deployment.project)
    if by_service(containers) != current.containers:
        return False
    if not all(_is_well(session, current, container) for container in containers):
        return False
    session.answer.show(containers)
    return True


def _is_well(session: Session, current: Version, container: dict) -> bool:
    expected = current.expected.get(service_of(container), {})
    completes = bool(expected.get("completes"))
    if not is_up(container, completes=completes, settle_seconds=0, now=time.time()):
        return False
    root = session.deployment.root
    found = stack_verify.container_differences(container, expected, root=root)
    if found:
        session.log.note(f"Not as asked for, made anew: {service_of(container)}: {found[0]}")
        session.engine.remove_container(container["Id"])
    return not found


def _tidy(session: Session) -> None:
    """Remove versions and images that neither the current nor the previous version needs."""
    store, engine = session.store, session.engine
    kept = store.discard_unused()
    ids = {image for version in kept for image in version.images.values()}
    texts = [store.compose_file_of(version).read_text(encoding="utf-8") for version in kept]
    for image in engine.list_images(session.deployment.project):
        # The image of the functional tests has no container; its name stands in the file.
        is_named = any(tag in text for tag in image["RepoTags"] or [] for text in texts)
        if image["Id"] not in ids and not is_named:
            engine.remove_image(image["Id"])
