"""Reads git's own account of what its parts did (trace2, as JSON lines). Pure."""

import json


def was_pack_refused(text: str) -> bool:
    """Whether a pack arrived and the part of git that checks it ended with an error."""
    checkers: set[str] = set()
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            # Parts of git write at once; a torn line is none of those looked for.
            continue
        session = str(event.get("sid"))
        if event.get("event") == "start" and "index-pack" in event.get("argv", []):
            checkers.add(session)
        if event.get("event") == "exit" and session in checkers and event.get("code") != 0:
            return True
    return False
