"""A plan as text and as JSON. Pure; colours are the terminal's business."""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from guesthouse.estate.model import Change, ChangeKind, FieldChange, Plan, RunKind, as_json

SHORT_COMMIT = 12
SHOWN_CHARACTERS = 100
ABSENT = "(none)"
VERBS: Mapping[RunKind, str] = MappingProxyType(
    {RunKind.DEPLOY: "will be deployed", RunKind.DESTROY: "will be destroyed, with its data"}
)
WORDS: Mapping[ChangeKind, str] = MappingProxyType(
    {ChangeKind.ADD: "to add", ChangeKind.CHANGE: "to change", ChangeKind.REMOVE: "to remove"}
)


def render_plan(plan: Plan) -> str:
    """Return a plan as lines for a person, ending with what it comes to."""
    return "\n".join([*_lines(plan), _summary(plan), ""])


def to_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON holds it; `fingerprint` is what an apply may be held to."""
    return {
        "estate": plan.estate,
        "fingerprint": plan.fingerprint,
        "unchanged": plan.unchanged,
        "changes": [as_json(change) for change in plan.changes],
    }


def _lines(plan: Plan) -> Iterator[str]:
    for change in plan.changes:
        yield _heading(change)
        yield from (f"    {line}" for line in _fields(change))
    if plan.changes:
        yield ""


def _heading(change: Change) -> str:
    name = f"{change.kind.value} {change.object.value} {change.name}"
    return name if change.run is None else f"{name} ({VERBS[change.run]})"


def _fields(change: Change) -> Iterator[str]:
    for field in change.fields:
        if change.kind is ChangeKind.ADD:
            if field.path != "name" and field.after != "":
                yield f"{field.path}: {_shown(field, field.after)}"
        else:
            yield f"{field.path}: {_shown(field, field.before)} → {_shown(field, field.after)}"


def _summary(plan: Plan) -> str:
    if plan.is_empty:
        return f"Nothing to do: {_environments(plan.unchanged)} as declared."
    counts = [f"{plan.count(kind)} {word}" for kind, word in WORDS.items() if plan.count(kind)]
    runs = sum(change.run is not None for change in plan.changes)
    tail = f"; {runs} run{'' if runs == 1 else 's'}" if runs else "; no run needed"
    return f"{', '.join(counts)}{tail}."


def _environments(count: int) -> str:
    return f"{count} environment is" if count == 1 else f"{count} environments are"


def _shown(field: FieldChange, value: object) -> str:
    """Return a value as one harmless line, shortened."""
    if value is None:
        return ABSENT
    if field.path == "commit":
        return str(value)[:SHORT_COMMIT]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # Values come from files others wrote: control characters would speak to the terminal.
    line = "".join(sign if sign.isprintable() else _escaped(sign) for sign in text)
    return f"{line[:SHOWN_CHARACTERS]}…" if len(line) > SHOWN_CHARACTERS else line or '""'


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")
