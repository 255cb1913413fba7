"""Decides from what the engine says whether a project's containers are up. Asks, never changes.

`docker compose up --wait` calls a service without a health check up as soon as it runs, so one
that crashes and is restarted for ever passes. Here such a service must have run for
`settle_seconds` without a restart, and one that keeps exiting is named early.
"""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ansible_collections.guesthouse.platform.plugins.module_utils.stack_engine import (
    Engine,
    service_of,
)
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_failure import (
    LAST_LINES,
    DiskFull,
    Failure,
    says_full,
)

MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))$")
LOOK_SECONDS = 0.5
RESTART_LIMIT = 5
"""Restarts after which a service is said to crash in a loop; some need one or two to find
another service ready."""


@dataclass(frozen=True)
class Trouble:
    """Why a container will not come up by itself."""

    kind: str
    reason: str


class Monitor:
    """Watches the containers of one project while they come up."""

    def __init__(
        self,
        engine: Engine,
        *,
        project: str,
        expected: dict[str, dict],
        settle_seconds: float,
        wait_seconds: float,
    ) -> None:
        self._engine = engine
        self._concerns: Callable[[dict], bool] = lambda _: True
        self._project = project
        self._completes = {name for name, wish in expected.items() if wish.get("completes")}
        self._settle_seconds = settle_seconds
        self._wait_seconds = wait_seconds
        self._begun = time.time()
        self._deadline = time.monotonic() + wait_seconds
        self._next_look = 0.0
        self._restarts: dict[str, int] = {}
        self._up: set[str] = set()

    def watch_only(self, concerns: Callable[[dict], bool], *, restarts: dict[str, int]) -> None:
        """Leave containers out, and count restarts from an earlier moment on.

        Args:
            concerns: Says of what inspect shows whether it is watched.
            restarts: How often each container had been restarted at that moment, by id.
        """
        self._concerns = concerns
        self._restarts = dict(restarts)

    def check_new(self) -> None:
        """Raise when a container made since the watch began will not come up; may be called often.

        Older ones are left out: while Compose still works they belong to the version it replaces.
        """
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_SECONDS
        containers = self._watched()
        new = [c for c in containers if seconds_of(c["Created"]) >= self._begun]
        self._raise_for_trouble(new)
        self._raise_when_late(new)

    def are_up(self) -> bool:
        """Return whether every container is up.

        Raises:
            Failure: One of them will not come up, or time is over.
        """
        waiting = self._watched(but_not=self._up)
        self._raise_for_trouble(waiting)
        self._up |= {container["Id"] for container in waiting if self._is_up(container)}
        if all(container["Id"] in self._up for container in waiting):
            # One that was up a while ago may have ended since: all are asked once more.
            everyone = self._watched()
            self._raise_for_trouble(everyone)
            self._up = {container["Id"] for container in everyone if self._is_up(container)}
            if len(self._up) == len(everyone) and self._engine.list_containers(self._project):
                return True
        self._raise_when_late(waiting)
        return False

    def raise_for_trouble(self) -> None:
        """Raise when a container is in trouble now."""
        self._raise_for_trouble(self._watched())

    def _watched(self, but_not: AbstractSet[str] = frozenset()) -> list[dict]:
        found = self._engine.inspect_containers(self._project, but_not=but_not)
        return [container for container in found if self._concerns(container)]

    def _is_up(self, container: dict) -> bool:
        completes = service_of(container) in self._completes
        now = time.time()
        return is_up(container, completes=completes, settle_seconds=self._settle_seconds, now=now)

    def _raise_for_trouble(self, containers: list[dict]) -> None:
        for container in containers:
            known = self._restarts.setdefault(container["Id"], container["RestartCount"])
            completes = service_of(container) in self._completes
            restarts = container["RestartCount"] - known
            trouble = trouble_of(container, completes=completes, restarts=restarts)
            if trouble is not None:
                raise self._failure(container, trouble)

    def _raise_when_late(self, containers: list[dict]) -> None:
        if time.monotonic() < self._deadline:
            return
        waiting = [container for container in containers if not self._is_up(container)]
        if not waiting:
            sentence = f"The containers were not there within {self._wait_seconds:g} s."
            raise Failure("unhealthy", sentence)
        container = waiting[0]
        has_restarted = container["RestartCount"] > 0
        verb = "keeps restarting" if has_restarted else f"is {_condition(container)}"
        reason = f"{verb} after {self._wait_seconds:g} s"
        kind = "crash_loop" if has_restarted else "unhealthy"
        raise self._failure(container, Trouble(kind, reason))

    def _failure(self, container: dict, trouble: Trouble) -> Failure:
        service = service_of(container)
        lines = self._engine.last_lines(container["Id"], LAST_LINES)
        lines = lines or _last_health_output(container)
        if says_full(lines):
            return DiskFull(f"service {service} {trouble.reason}", lines)
        sentence = f"Service {service} {trouble.reason}."
        return Failure(trouble.kind, sentence, service=service, last_lines=lines)


def is_up(container: dict, *, completes: bool, settle_seconds: float, now: float) -> bool:
    """Return whether a container does what it is meant to.

    Args:
        container: What the engine says about it.
        completes: Whether it is meant to end by itself, as migrations do.
        settle_seconds: How long one without health check must have run.
        now: Seconds since the epoch, by the instance's clock.
    """
    state = container["State"]
    if completes:
        return _has_completed(state)
    if not state["Running"] or state["Restarting"]:
        return False
    health = health_of(container)
    if health is not None:
        return health == "healthy"
    # The clock starts when the container does, and anew with each restart: a service that ran
    # this long was not restarted in between.
    return now - seconds_of(state["StartedAt"]) >= settle_seconds


def has_ended_well(container: dict) -> bool:
    """Return whether a container ended with 0 where its policy says that it may end."""
    policy = container["HostConfig"]["RestartPolicy"]["Name"]
    return policy in ("", "no", "on-failure") and _has_completed(container["State"])


def trouble_of(container: dict, *, completes: bool, restarts: int) -> Trouble | None:
    """Return why a container will not come up by itself, or None while it may."""
    state = container["State"]
    if state.get("OOMKilled") and not state["Running"]:
        return Trouble("crash_loop", "used more memory than it may and was ended")
    if restarts >= RESTART_LIMIT:
        return Trouble("crash_loop", f"crashed {restarts} times ({_exit_of(state)})")
    if health_of(container) == "unhealthy" and state["Running"]:
        return Trouble("unhealthy", "is unhealthy")
    if state["Status"] == "created" and state["Error"]:
        return Trouble(_kind_of_start(state["Error"]), f"could not be started: {state['Error']}")
    if state["Status"] in ("exited", "dead") and not (completes and _has_completed(state)):
        return Trouble("crash_loop", f"ended ({_exit_of(state)}) and is not restarted")
    return None


def health_of(container: dict) -> str | None:
    """Return `starting`, `healthy` or `unhealthy`; None where there is no health check."""
    health = container["State"].get("Health")
    status = health["Status"] if health else "none"
    return None if status == "none" else status


def seconds_of(moment: str) -> float:
    """Return seconds since the epoch of one of the engine's times.

    They look like `2026-01-02T03:04:05.678901234Z`; those of volumes carry the instance's offset.
    """
    found = MOMENT.match(moment)
    if found is None:
        return 0.0
    whole, fraction, sign, hours, minutes = found.groups()
    offset = int(f"{sign or '+'}1") * (int(hours or 0) * 3600 + int(minutes or 0) * 60)
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return seconds + float(f"0.{fraction or 0}") - offset


def _has_completed(state: dict) -> bool:
    return state["Status"] == "exited" and state["ExitCode"] == 0


def _exit_of(state: dict) -> str:
    return f"exit code {state['ExitCode']}"


def _kind_of_start(error: str) -> str:
    # The engine has no code for this, only the words.
    is_taken = "already allocated" in error or "already in use" in error
    return "port_taken" if is_taken else "crash_loop"


def _condition(container: dict) -> str:
    return health_of(container) or container["State"]["Status"]


def _last_health_output(container: dict) -> list[str]:
    log = (container["State"].get("Health") or {}).get("Log") or []
    return str(log[-1]["Output"]).splitlines() if log else []
