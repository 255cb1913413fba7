"""One Compose file in its long form: every short syntax spelled out, every path from the top.

A path inside the repository becomes ``./…``; one that leads out of it keeps its ``/``, ``~`` or
``..`` at the front, for the policy to see. Keys nobody knows are kept for the policy, too.
"""

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from guesthouse.errors import Problem
from guesthouse.stacks.readings import (
    Unreadable,
    as_flag,
    as_list,
    as_mapping,
    as_pairs,
    as_text,
    as_texts,
    shorten,
)
from guesthouse.stacks.yamlfile import Yaml

Model: TypeAlias = dict[str, Any]
Shape: TypeAlias = Callable[[Yaml, str], Any]

SECTIONS = ("services", "networks", "volumes", "secrets", "configs")
REMOTE = ("http://", "https://", "git://", "ssh://", "github.com/", "git@", "oci://")
SELINUX = {"z", "Z"}
PROPAGATION = {"shared", "rshared", "slave", "rslave", "private", "rprivate"}
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,62}")
"""Of a service, network, volume, secret or config; it becomes part of names and paths."""
SHORT_VOLUME_PARTS = 3


@dataclass
class Normalised:
    """One file in its long form."""

    model: Model
    problems: list[Problem] = field(default_factory=list)


def normalise(raw: Mapping[str, Yaml], base: str, where: str) -> Normalised:
    """Return a file in its long form.

    Args:
        raw: The file, filled in.
        base: Folder its relative paths start from.
        where: Path of the file, for problems.
    """
    done = Normalised({})
    for key, value in raw.items():
        if key.startswith("x-"):
            continue
        if key in SECTIONS:
            done.model[key] = _section(key, value, base, where, done.problems)
        else:
            done.model[key] = value
    return done


def rooted(base: str, path: str) -> str:
    """Return a path from the repository's top, ``./…``, unless it leads out of the repository."""
    if path.startswith(("/", "~")) or is_remote(path):
        return path
    whole = posixpath.normpath(posixpath.join(base or ".", path or "."))
    return whole if whole.startswith("..") and whole[2:3] in {"", "/"} else f"./{whole}"


def is_remote(path: str) -> bool:
    """Whether Compose would fetch it from the network."""
    return path.startswith(REMOTE) or "://" in path


def _section(
    section: str, value: Yaml, base: str, where: str, problems: list[Problem]
) -> dict[str, Model]:
    try:
        named = as_mapping(value)
    except Unreadable as exc:
        problems.append(Problem(f"{where}: {section}", str(exc)))
        return {}
    shapes = SERVICE_SHAPES if section == "services" else RESOURCE_SHAPES
    things = {}
    for name, thing in named.items():
        if name.startswith("x-"):
            continue
        if NAME.fullmatch(name) is None:
            what = "should be named with letters, digits, dots, dashes and underscores"
            problems.append(Problem(f"{where}: {section}.{shorten(name)}", what))
            continue
        things[name] = _thing(thing, shapes, base, f"{where}: {section}.{name}", problems)
    return things


def _thing(
    value: Yaml, shapes: Mapping[str, Shape], base: str, where: str, problems: list[Problem]
) -> Model:
    try:
        written = as_mapping(value)
    except Unreadable as exc:
        problems.append(Problem(where, str(exc)))
        return {}
    thing: Model = {}
    for key, item in written.items():
        if key.startswith("x-"):
            continue
        try:
            thing[key] = shapes[key](item, base) if key in shapes else item
        except Unreadable as exc:
            problems.append(Problem(f"{where}.{key}", str(exc), f"written: {exc.written}"))
    return thing


def _plain_keys(value: Yaml) -> dict[str, Yaml]:
    return {k: v for k, v in as_mapping(value).items() if not k.startswith("x-")}


def _pairs(value: Yaml, _base: str) -> dict[str, str | None]:
    return as_pairs(value)


def _texts(value: Yaml, _base: str) -> list[str]:
    return as_texts(value)


def _mapping(value: Yaml, _base: str) -> dict[str, Yaml]:
    return _plain_keys(value)


def _hosts(value: Yaml, _base: str) -> dict[str, str | None]:
    """``name:address``, ``name=address`` or a mapping; an address may hold colons itself."""
    if isinstance(value, dict):
        return {name: ",".join(as_texts(item)) for name, item in value.items()}
    pairs: dict[str, str | None] = {}
    for item in as_texts(value):
        separator = "=" if "=" in item else ":"
        name, _, address = item.partition(separator)
        pairs[name] = address or None
    return pairs


def _command(value: Yaml, _base: str) -> Any:  # noqa: ANN401 - text, list or nothing
    return as_text(value) if isinstance(value, str) else value and as_texts(value)


def _build(value: Yaml, base: str) -> Model:
    build: Model = {"context": value} if isinstance(value, str) else _plain_keys(value)
    build["context"] = rooted(base, as_text(build.get("context", ".")))
    for key in ("args", "labels", "additional_contexts"):
        if key in build:
            build[key] = as_pairs(build[key])
    contexts = build.get("additional_contexts", {})
    build |= {"additional_contexts": _contexts(contexts, base)} if contexts else {}
    for key in ("tags", "cache_from", "cache_to", "platforms", "entitlements"):
        if key in build:
            build[key] = as_texts(build[key])
    if "extra_hosts" in build:
        build["extra_hosts"] = _hosts(build["extra_hosts"], base)
    if "secrets" in build:
        build["secrets"] = _references(build["secrets"], base)
    return build


def _contexts(contexts: dict[str, str | None], base: str) -> dict[str, str]:
    return {
        name: path if path.startswith("service:") else rooted(base, path)
        for name, path in ((name, path or ".") for name, path in contexts.items())
    }


def _env_files(value: Yaml, base: str) -> list[Model]:
    files: list[Model] = []
    for item in as_list(value):
        entry = _plain_keys(item) if isinstance(item, dict) else {"path": item}
        files.append({**entry, "path": rooted(base, as_text(entry.get("path")))})
    return files


def _depends(value: Yaml, _base: str) -> dict[str, Model]:
    if isinstance(value, dict):
        return {name: _plain_keys(item) for name, item in value.items()}
    return {name: {"condition": "service_started"} for name in as_texts(value)}


def _networks(value: Yaml, _base: str) -> dict[str, Model]:
    if isinstance(value, dict):
        return {name: _plain_keys(item) for name, item in value.items()}
    return {name: {} for name in as_texts(value)}


def _references(value: Yaml, _base: str) -> list[Model]:
    return [
        _plain_keys(item) if isinstance(item, dict) else {"source": as_text(item)}
        for item in as_list(value)
    ]


def _volumes(value: Yaml, base: str) -> list[Model]:
    return [_volume(item, base) for item in as_list(value)]


def _volume(item: Yaml, base: str) -> Model:
    volume = _plain_keys(item) if isinstance(item, dict) else _short_volume(as_text(item))
    if volume.get("type") == "bind" and volume.get("source") is not None:
        volume["source"] = rooted(base, as_text(volume["source"]))
    volume["target"] = posixpath.normpath(as_text(volume.get("target")))
    return volume


def _short_volume(text: str) -> Model:
    parts = text.split(":")
    if len(parts) == 1:
        return {"type": "volume", "target": text}
    if len(parts) > SHORT_VOLUME_PARTS or not all(parts[:2]):
        raise Unreadable(text, "should be SOURCE:TARGET or SOURCE:TARGET:ro")
    source, target = parts[:2]
    volume: Model = {"source": source, "target": target}
    volume["type"] = "bind" if source.startswith((".", "/", "~")) else "volume"
    for mode in parts[2].split(",") if len(parts) == SHORT_VOLUME_PARTS else ():
        volume |= _volume_mode(mode)
    return volume


def _volume_mode(mode: str) -> Model:
    if mode in {"ro", "readonly"}:
        return {"read_only": True}
    if mode in SELINUX:
        return {"bind": {"selinux": mode}}
    if mode in PROPAGATION:
        return {"bind": {"propagation": mode}}
    return {}


def _ports(value: Yaml, _base: str) -> list[Model]:
    return [
        _plain_keys(item) if isinstance(item, dict) else _short_port(as_text(item))
        for item in as_list(value)
    ]


def _short_port(text: str) -> Model:
    """``[[address:]published:]target[/protocol]``; the address may be in brackets."""
    before, _, protocol = text.partition("/")
    rest, _, target = before.rpartition(":")
    address, _, published = rest.rpartition(":")
    port: Model = {"target": target, "protocol": protocol or "tcp"}
    if published:
        port["published"] = published
    if address:
        port["host_ip"] = address.strip("[]")
    return port


def _ulimits(value: Yaml, _base: str) -> dict[str, Model]:
    return {
        name: _plain_keys(item) if isinstance(item, dict) else {"soft": item, "hard": item}
        for name, item in as_mapping(value).items()
    }


def _healthcheck(value: Yaml, _base: str) -> Model:
    check = _plain_keys(value)
    if "test" in check and isinstance(check["test"], str):
        check["test"] = ["CMD-SHELL", check["test"]]
    if "disable" in check:
        check["disable"] = as_flag(check["disable"])
    return check


def _extends(value: Yaml, _base: str) -> Model:
    return {"service": value} if isinstance(value, str) else _plain_keys(value)


def _deploy(value: Yaml, _base: str) -> Model:
    deploy: Model = _plain_keys(value)
    if "labels" in deploy:
        deploy["labels"] = as_pairs(deploy["labels"])
    for key in ("resources", "restart_policy"):
        if key in deploy:
            deploy[key] = _plain_keys(deploy[key])
    for key in ("limits", "reservations"):
        if key in deploy.get("resources", {}):
            deploy["resources"][key] = _plain_keys(deploy["resources"][key])
    return deploy


def _file(value: Yaml, base: str) -> str:
    return rooted(base, as_text(value))


SERVICE_SHAPES: Mapping[str, Shape] = {
    "annotations": _pairs,
    "build": _build,
    "cap_add": _texts,
    "cap_drop": _texts,
    "command": _command,
    "configs": _references,
    "depends_on": _depends,
    "deploy": _deploy,
    "dns": _texts,
    "dns_opt": _texts,
    "dns_search": _texts,
    "entrypoint": _command,
    "env_file": _env_files,
    "environment": _pairs,
    "expose": _texts,
    "extends": _extends,
    "extra_hosts": _hosts,
    "group_add": _texts,
    "healthcheck": _healthcheck,
    "labels": _pairs,
    "label_file": lambda value, base: [rooted(base, path) for path in as_texts(value)],
    "links": _texts,
    "logging": _mapping,
    "networks": _networks,
    "ports": _ports,
    "profiles": _texts,
    "secrets": _references,
    "security_opt": _texts,
    "sysctls": _pairs,
    "tmpfs": _texts,
    "ulimits": _ulimits,
    "volumes": _volumes,
}
RESOURCE_SHAPES: Mapping[str, Shape] = {"file": _file, "labels": _pairs}
