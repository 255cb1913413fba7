"""Reads server-sent events as a browser does."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    name: str
    id: int | None
    data: dict[str, Any]

    @property
    def short(self) -> str:
        words = {
            "line": [self.data.get("sequence"), self.data.get("text")],
            "step": [self.data.get("name"), self.data.get("state")],
            "end": [self.data.get("state")],
        }
        return " ".join(map(str, [self.name, *words[self.name]]))


def events_of(text: str) -> list[Event]:
    events = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line)
        if "event" in fields:
            number = int(fields["id"]) if "id" in fields else None
            events.append(Event(fields["event"], number, json.loads(fields["data"])))
    return events
