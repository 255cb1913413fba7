"""Lay one Compose file over another, as ``docker compose -f a -f b`` does."""

from collections.abc import Callable, Mapping
from typing import Any

from guesthouse.stacks.normalise import SECTIONS, Model

REPLACED = frozenset({"command", "entrypoint", "test"})
"""Lists of which the later one stands alone."""


def merge_models(base: Model, over: Model) -> Model:
    """Return one model with another laid over it."""
    merged = {**base, **{key: value for key, value in over.items() if key not in SECTIONS}}
    for section in SECTIONS:
        if section not in base and section not in over:
            continue
        things = dict(base.get(section, {}))
        for name, thing in over.get(section, {}).items():
            things[name] = merge_things(things[name], thing) if name in things else thing
        merged[section] = things
    return merged


def merge_things(base: Model, over: Model) -> Model:
    """Return one service or resource with another laid over it."""
    return {**base, **{key: _merged(key, base.get(key), value) for key, value in over.items()}}


def _merged(key: str, base: Any, over: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
    if base is None or key in REPLACED:
        return over
    if key == "logging" and _drivers_differ(base, over):
        return over
    if isinstance(base, dict) and isinstance(over, dict):
        return merge_things(base, over)
    if isinstance(base, list) and isinstance(over, list):
        return _joined(base, over, IDENTITIES.get(key, _itself))
    return base if over is None else over


def _drivers_differ(base: Model, over: Model) -> bool:
    return "driver" in base and "driver" in over and base["driver"] != over["driver"]


def _joined(base: list[Any], over: list[Any], identity: Callable[[Any], object]) -> list[Any]:
    """Return both lists, with a later entry in the place of an earlier one of its identity."""
    entries = {_key(identity, entry): entry for entry in base}
    for entry in over:
        entries[_key(identity, entry)] = entry
    return list(entries.values())


def _key(identity: Callable[[Any], object], entry: Any) -> str:  # noqa: ANN401 - whatever YAML holds
    return repr(identity(entry))


def _itself(entry: Any) -> object:  # noqa: ANN401 - whatever YAML holds
    return entry


def _field(*names: str) -> Callable[[Any], object]:
    """Return what tells entries apart: the first of these fields that is set."""

    def identity(entry: Any) -> object:  # noqa: ANN401 - whatever YAML holds
        if not isinstance(entry, dict):
            return entry
        return next((entry[name] for name in names if entry.get(name)), None)

    return identity


def _port(entry: Any) -> object:  # noqa: ANN401 - whatever YAML holds
    if not isinstance(entry, dict):
        return entry
    return [str(entry.get(key)) for key in ("target", "published", "host_ip", "protocol")]


IDENTITIES: Mapping[str, Callable[[Any], object]] = {
    "configs": _field("target", "source"),
    "ports": _port,
    "secrets": _field("target", "source"),
    "volumes": _field("target"),
}
