"""Reads the lines the callback plugin ``events`` prints: what to log, what was answered. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

QUIET = frozenset({"skipped", "stats"})


@dataclass
class PlayRecord:
    """What a play has said so far."""

    answer: Mapping[str, Any] = field(default_factory=dict)
    """The last dictionary ``guesthouse`` of a task."""
    failure: str = ""
    output: str = ""
    unreachable: str = ""
    changed: int = 0

    def read(self, line: str) -> str | None:
        """Take in one line and return what to log of it; None for nothing.

        A line that is no event (a warning of Ansible's) is logged as it is.
        """
        event = _event(line)
        if event is None:
            return line or None
        kind, task = event["event"], event.get("task", "")
        if kind == "ok" and event.get("guesthouse") is not None:
            self.answer = event["guesthouse"]
        if kind == "unreachable":
            self.unreachable = event.get("message", "")
        if kind == "failed":
            self.failure = f"{task}: {event.get('message', '')}"
            self.output = event.get("output", "")
        if kind == "stats":
            self.changed = int(event.get("changed", 0))
        return None if kind in QUIET else _text(kind, task, event)


def _text(kind: str, task: str, event: Mapping[str, Any]) -> str | None:
    if kind == "task":
        return f"· {task}"
    if kind == "ok":
        return f"  changed: {task}" if event.get("changed") else None
    if kind == "retry":
        return f"  {task}: not yet, attempt {event.get('attempts')}"
    said = "\n".join(part for part in (event.get("message"), event.get("output")) if part)
    return f"  {kind}: {task}\n{said}"


def _event(line: str) -> dict[str, Any] | None:
    if not line.startswith('{"event"'):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
