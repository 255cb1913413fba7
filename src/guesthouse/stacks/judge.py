"""Hold a model against the table: what is unknown, what is refused, what is left out."""

from collections.abc import Iterator
from typing import Any

from guesthouse.stacks.keys import HARMLESS, SECTIONS, SWITCHES, Rule, Section, Verdict
from guesthouse.stacks.ledger import Ledger
from guesthouse.stacks.normalise import Model
from guesthouse.stacks.readings import FALSE
from guesthouse.stacks.wording import closest

UNKNOWN_WHY = "nobody has decided yet whether this key is safe"


def judge(model: Model, ledger: Ledger) -> None:
    """Note every unknown, refused and rewritten key of a model.

    Keys of which the value decides are left to the code that emits them.
    """
    for place, section in SECTIONS.items():
        for path, thing in _things(model, place.split(".") if place else []):
            for key, value in thing.items():
                _judge_key(key, value, f"{path}.{key}" if path else key, section, ledger)


def _judge_key(key: str, value: object, path: str, section: Section, ledger: Ledger) -> None:
    rule = section.get(key)
    if rule is None:
        hint = closest(key, section) or "leave it out, or move it below an x- key"
        ledger.refuse("unknown-key", path, value, UNKNOWN_WHY, hint)
    elif not asks_nothing(key, value):
        _apply(rule, key, value, path, ledger)


def _apply(rule: Rule, key: str, value: object, path: str, ledger: Ledger) -> None:
    code = key.replace("_", "-")
    if rule.verdict is Verdict.REFUSE:
        ledger.refuse(code, path, value, rule.why, rule.instead)
    elif rule.verdict is Verdict.REWRITE and not rule.is_silent:
        ledger.note(code, path, value, rule.instead)


def asks_nothing(key: str, value: object) -> bool:
    """Whether a value leaves everything as it is, such as ``privileged: false``."""
    if value is None or value is False or value in ("", [], {}):
        return True
    word = value.lower() if isinstance(value, str) else ""
    return (key in SWITCHES and word in FALSE) or word in HARMLESS.get(key, frozenset())


def _things(value: Any, parts: list[str], path: str = "") -> Iterator[tuple[str, Model]]:  # noqa: ANN401 - whatever YAML holds
    """Yield path and mapping of each thing a place of the table stands for."""
    if not parts:
        if isinstance(value, dict):
            yield path, value
        return
    name, rest = parts[0].removesuffix("[]"), parts[1:]
    for child_path, child in _children(value, name, path):
        if not parts[0].endswith("[]"):
            yield from _things(child, rest, child_path)
        elif isinstance(child, list):
            for index, entry in enumerate(child):
                yield from _things(entry, rest, f"{child_path}[{index}]")


def _children(value: object, name: str, path: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        return
    prefix = f"{path}." if path else ""
    if name == "*":
        yield from ((f"{prefix}{key}", child) for key, child in value.items())
    elif name in value:
        yield f"{prefix}{name}", value[name]
