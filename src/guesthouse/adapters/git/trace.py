"""Reads git's own account of what its parts did (trace2, as JSON lines). Pure."""

import json


def was_pack_refused(text: str) -> bool:
    """Whether a pack arrived and the part of git that checks it ended with an error."""
    checkers: set[tuple[str, int]] = set()
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            # Parts of git write at once; a torn line is none of those looked for.
            continue
        key = (str(event.get("sid")), int(event.get("child_id", -1)))
        if event.get("event") == "child_start" and "index-pack" in event.get("argv", []):
            checkers.add(key)
        if event.get("event") == "child_exit" and key in checkers and event.get("code") != 0:
            return True
    return False
