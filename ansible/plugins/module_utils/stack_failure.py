"""Why a deployment stopped: one kind, one sentence, the next step, the last lines. No I/O here."""

from __future__ import annotations

import errno
from dataclasses import asdict, dataclass, field, replace

NEXT_STEPS = {
    "build": "Read the build's output above, mend the Dockerfile or its sources, and apply again.",
    "unhealthy": "Read the container's last lines; mend the service or its health check.",
    "crash_loop": "Read the container's last lines; mend what makes it end, and apply again.",
    "port_taken": "Free the address or let the platform choose another, and apply again.",
    "disk_full": "Free disk space on the instance, and apply again.",
    "engine_down": "Start Docker on the instance (see `guesthouse doctor`), and apply again.",
    "mismatch": "Find out who changed the container; apply again to have it made anew.",
    "gateway": "Read what nginx said above, mend the routes, and apply again.",
    "test": "Read the test report, mend the product or its tests, and apply again.",
    "cancelled": "Apply again when you want the deployment to go on.",
    "busy": "Wait for the other deployment to end, or cancel it, and apply again.",
}
NO_SPACE = ("no space left on device", "disk quota exceeded")
TAKEN = (
    "port is already allocated",
    "address already in use",
    "pool overlaps with other one",
)
LAST_LINES = 20


@dataclass(frozen=True)
class Facts:
    """What the answer's `failure` holds."""

    kind: str
    sentence: str
    service: str | None = None
    """Service that failed; None where it is not one service's doing."""
    last_lines: list[str] = field(default_factory=list)
    """Last lines of the failed container or program."""
    next_step: str = ""


class Failure(Exception):
    """The deployment cannot go on; `facts` say why."""

    def __init__(
        self,
        kind: str,
        sentence: str,
        *,
        service: str | None = None,
        last_lines: list[str] | None = None,
    ) -> None:
        super().__init__(sentence)
        lines = list(last_lines or [])[-LAST_LINES:]
        self.facts = Facts(kind, sentence, service, lines, NEXT_STEPS[kind])

    def and_also(self, sentence: str) -> None:
        """Add a sentence, for what went wrong while the failure was being undone."""
        self.facts = replace(self.facts, sentence=f"{self.facts.sentence} {sentence}")

    def as_answer(self) -> dict[str, object]:
        """Return the facts as the answer's `failure`."""
        return asdict(self.facts)


class Cancelled(Failure):
    """Somebody asked for an end, or nobody listens any more."""

    def __init__(self, reason: str) -> None:
        super().__init__("cancelled", f"The deployment was cancelled: {reason}.")


class DiskFull(Failure):
    """The instance has no room."""

    def __init__(self, what: str, last_lines: list[str] | None = None) -> None:
        sentence = f"The instance's disk is full: {what}."
        super().__init__("disk_full", sentence, last_lines=last_lines)


class EngineDown(Failure):
    """Docker does not answer."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__("engine_down", f"Docker does not answer at {address}: {reason}.")


def is_full(error: OSError) -> bool:
    """Return whether an error of the operating system means that there is no room."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def says_full(lines: list[str]) -> bool:
    """Return whether a program's last lines complain about a full disk.

    Programs pass this on as text only; the wording is the C library's.
    """
    return _has(lines, NO_SPACE)


def from_build(lines: list[str]) -> Failure:
    """Return the failure for a `docker compose build` that ended badly."""
    if says_full(lines):
        return DiskFull("an image could not be built", lines)
    sentence = f"An image could not be built: {_last_error(lines)}"
    return Failure("build", sentence, last_lines=lines)


def from_up(lines: list[str]) -> Failure:
    """Return the failure for a `docker compose up` that ended badly with every container well.

    The engine's answer reaches us as Compose's text only.
    """
    if says_full(lines):
        return DiskFull("the containers could not be made", lines)
    reason = _last_error(lines)
    if _has(lines, TAKEN):
        sentence = f"An address or port is taken already: {reason}"
        return Failure("port_taken", sentence, last_lines=lines)
    return Failure(
        "crash_loop", f"The containers could not be started: {reason}", last_lines=lines
    )


def _has(lines: list[str], phrases: tuple[str, ...]) -> bool:
    text = "\n".join(lines).lower()
    return any(phrase in text for phrase in phrases)


def _last_error(lines: list[str]) -> str:
    spoken = [line.strip() for line in lines if line.strip()]
    errors = [line for line in spoken if "error" in line.lower() or "failed" in line.lower()]
    chosen = (errors or spoken or ["no reason was given"])[-1]
    return chosen[:300]
