"""When a service counts as healthy, and what happens when it ends."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from guesthouse.stacks.draft import Draft
from guesthouse.stacks.normalise import Model
from guesthouse.stacks.readings import (
    Unreadable,
    as_flag,
    as_integer,
    as_seconds,
    as_text,
    as_texts,
    duration_text,
)
from guesthouse.stacks.yamlfile import Yaml

T = TypeVar("T")

LEAST_INTERVAL = 5.0
MOST_INTERVAL = 3600.0
MOST_TIMEOUT = 60.0
MOST_START_PERIOD = 120.0
LEAST_START_INTERVAL = 0.5
LEAST_ADDED_PERIOD = 10.0
MOST_RETRIES = 100
MOST_GRACE = 120.0
DEFAULT_INTERVAL = 30.0
DEFAULT_RETRIES = 3
RESTARTS_MOST = 5
CONDITIONS = frozenset({"service_started", "service_healthy", "service_completed_successfully"})
COMPLETED = "service_completed_successfully"
KEEPS_RUNNING = frozenset({"always", "unless-stopped", "any"})


def health_check(
    draft: Draft, name: str, of_image: Mapping[str, str] | None = None
) -> Model | None:
    """Return a service's health check within bounds, quick while it starts.

    A check that only runs every 10 s makes a start as slow: while a service starts it is tried
    every 500 ms. Failures in the start period do not count, so the period is as long as the author
    would have waited, and never longer than two minutes.

    Args:
        draft: The stack.
        name: The service.
        of_image: Options of the check its own Dockerfile brings; None where there is none.
    """
    written = draft.service(name).get("healthcheck")
    if not written:
        return None if of_image is None else _of_image(draft, name, of_image)
    place = f"services.{name}.healthcheck"
    test: list[str] = draft.ledger.read(as_texts, written.get("test"), f"{place}.test", [])
    if written.get("disable") or test[:1] == ["NONE"]:
        return {"disable": True}
    if test and test[0] not in {"CMD", "CMD-SHELL"}:
        draft.ledger.problem(f"{place}.test", "should start with CMD, CMD-SHELL or NONE")
    interval = _seconds(draft, written, place, "interval", LEAST_INTERVAL, MOST_INTERVAL)
    timeout = _seconds(draft, written, place, "timeout", 0.1, MOST_TIMEOUT)
    retries = _retries(draft, written, place)
    emitted: Model = {"test": test} if test else {}
    emitted |= {} if interval is None else {"interval": duration_text(interval)}
    emitted |= {} if timeout is None else {"timeout": duration_text(timeout)}
    emitted |= {} if retries is None else {"retries": retries}
    patience = (interval or DEFAULT_INTERVAL) * (retries or DEFAULT_RETRIES)
    return emitted | _start(draft, written, place, patience)


def _of_image(draft: Draft, name: str, options: Mapping[str, str]) -> Model:
    """Return what has to be laid over the check of an image; the rest the engine takes from it."""
    place = f"services.{name}.build.HEALTHCHECK"
    interval = _or(as_seconds, options.get("interval"), DEFAULT_INTERVAL)
    retries = _or(as_integer, options.get("retries"), DEFAULT_RETRIES)
    emitted: Model = {}
    if interval < LEAST_INTERVAL:
        least = _bounded(draft, f"{place}.interval", interval, LEAST_INTERVAL, MOST_INTERVAL)
        emitted["interval"] = duration_text(least)
    if "start-period" not in options:
        emitted["start_period"] = duration_text(_added_period(interval * retries))
    return emitted | {"start_interval": duration_text(LEAST_START_INTERVAL)}


def _or(reader: Callable[[Yaml], T], written: str | None, default: T) -> T:
    """Return what a reader makes of an option, or the default where it makes nothing of it."""
    if written is None:
        return default
    try:
        return reader(written)
    except Unreadable:
        return default


def _added_period(patience: float) -> float:
    return min(max(patience, LEAST_ADDED_PERIOD), MOST_START_PERIOD)


def _start(draft: Draft, written: Model, place: str, patience: float) -> Model:
    period = _seconds(draft, written, place, "start_period", 0.0, MOST_START_PERIOD)
    every = _seconds(draft, written, place, "start_interval", LEAST_START_INTERVAL, 60.0)
    if not period:
        period = _added_period(patience)
    return {
        "start_period": duration_text(period),
        "start_interval": duration_text(every or LEAST_START_INTERVAL),
    }


def _seconds(
    draft: Draft, written: Model, place: str, key: str, least: float, most: float
) -> float | None:
    """Return a duration within bounds, or None where there is none."""
    if written.get(key) is None:
        return None
    asked = draft.ledger.read(as_seconds, written[key], f"{place}.{key}", least)
    return _bounded(draft, f"{place}.{key}", asked, least, most)


def _bounded(draft: Draft, place: str, asked: float, least: float, most: float) -> float:
    kept = min(max(asked, least), most)
    if kept != asked:
        code = f"health-{place.rpartition('.')[2]}".replace("_", "-")
        draft.ledger.note(code, place, duration_text(asked), f"set to {duration_text(kept)}")
    return kept


def _retries(draft: Draft, written: Model, place: str) -> int | None:
    if written.get("retries") is None:
        return None
    asked = draft.ledger.read(as_integer, written["retries"], f"{place}.retries", 3)
    return min(max(asked, 1), MOST_RETRIES)


def grace_period(draft: Draft, name: str) -> Model:
    """Return how long a service may take to stop."""
    written = draft.service(name).get("stop_grace_period")
    if written is None:
        return {}
    place = f"services.{name}.stop_grace_period"
    asked = draft.ledger.read(as_seconds, written, place, 10.0)
    kept = min(asked, MOST_GRACE)
    if kept != asked:
        draft.ledger.note("stop-grace-period", place, written, f"set to {duration_text(kept)}")
    return {"stop_grace_period": duration_text(kept)}


def completes(draft: Draft, name: str) -> bool:
    """Whether another service waits for this one to end well, as for migrations."""
    services: Mapping[str, Model] = draft.model["services"]
    return any(
        service.get("depends_on", {}).get(name, {}).get("condition") == COMPLETED
        for service in services.values()
    )


def restart(draft: Draft, name: str) -> str:
    """Return a restart policy: what serves comes back after a reboot, what ends stays ended.

    1. A functional test is never restarted.
    2. What others wait for to end is restarted only after failures, when its author said so.
    3. What its author keeps running, or what has a port, health check or dependent, comes back.
    4. Everything else may be a task that ends: it is restarted after failures, a few times.
    """
    written, place = _written_restart(draft, name)
    if name in draft.test_services:
        return "no"
    if completes(draft, name):
        return f"on-failure:{RESTARTS_MOST}" if written.startswith("on-failure") else "no"
    kept = "unless-stopped" if _is_kept_running(draft, name, written) else ""
    kept = kept or f"on-failure:{RESTARTS_MOST}"
    if written and written != kept:
        draft.ledger.note("restart", place, written, f"set to {kept}")
    return kept


def _written_restart(draft: Draft, name: str) -> tuple[str, str]:
    service, path = draft.service(name), f"services.{name}"
    if service.get("restart") is not None:
        # `restart: no` is the switch "false" in old YAML, and the text "no" to Compose.
        text = draft.ledger.read(as_text, service["restart"], f"{path}.restart", "no")
        return ("no" if text == "false" else text), f"{path}.restart"
    policy = service.get("deploy", {}).get("restart_policy")
    condition = policy.get("condition", "any") if policy else ""
    return str(condition), f"{path}.deploy.restart_policy"


def _is_kept_running(draft: Draft, name: str, written: str) -> bool:
    if written:
        return written in KEEPS_RUNNING
    service = draft.service(name)
    serves = any(service.get(key) for key in ("ports", "expose", "healthcheck"))
    services: Mapping[str, Model] = draft.model["services"]
    has_dependent = any(name in other.get("depends_on", {}) for other in services.values())
    return serves or has_dependent or name in draft.routed


def depends_on(draft: Draft, name: str) -> Model:
    """Return a service's dependencies that are part of the project."""
    emitted: Model = {}
    for other, written in draft.service(name).get("depends_on", {}).items():
        place = f"services.{name}.depends_on.{other}"
        condition = str(written.get("condition", "service_started"))
        is_required = draft.ledger.read(as_flag, written.get("required", True), place, True)  # noqa: FBT003 - a reading's default
        if condition not in CONDITIONS:
            draft.ledger.problem(place, f"condition should be one of {sorted(CONDITIONS)}")
        elif other in draft.model["services"]:
            emitted[other] = {"condition": condition, "required": is_required}
            emitted[other] |= {"restart": True} if _restarts(draft, written, place) else {}
        elif is_required:
            what = f"there is no service called {other} without a profile that is off"
            draft.ledger.problem(place, what, "switch the profile on in the manifest")
    return {other: emitted[other] for other in sorted(emitted)}


def _restarts(draft: Draft, written: Model, place: str) -> bool:
    return draft.ledger.read(as_flag, written.get("restart", False), place, False)  # noqa: FBT003 - a reading's default
