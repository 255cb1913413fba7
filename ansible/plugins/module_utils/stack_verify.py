"""Compares what runs with what was asked for. Pure: takes what inspect shows, gives differences.

The Compose file was ours, but between it and a running container lie Compose, the engine and
whoever else has its socket. What could hurt is therefore looked at once more.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from ansible_collections.guesthouse.platform.plugins.module_utils.stack_engine import service_of

CHECKED_ELSEWHERE = frozenset({"mounts", "replicas", "completes", "init"})
ANONYMOUS_VOLUME = re.compile(r"^[0-9a-f]{64}$")
HARMLESS_SECURITY_OPTIONS = frozenset({"no-new-privileges", "no-new-privileges:true"})
NAMESPACES = ("NetworkMode", "PidMode", "IpcMode", "UTSMode", "UsernsMode", "CgroupnsMode")
OWN_DRIVERS = {"network": "bridge", "volume": "local"}


def _capabilities(names: list[str] | None) -> list[str]:
    return sorted(name.removeprefix("CAP_") for name in names or [])


def _has_no_new_privileges(container: dict) -> bool:
    return bool(HARMLESS_SECURITY_OPTIONS & set(container["HostConfig"]["SecurityOpt"] or []))


def _other_security_options(container: dict) -> list[str]:
    return sorted(set(container["HostConfig"]["SecurityOpt"] or []) - HARMLESS_SECURITY_OPTIONS)


def _devices(container: dict) -> list[Any]:
    settings = container["HostConfig"]
    names = ("Devices", "DeviceRequests", "DeviceCgroupRules")
    return [device for name in names for device in settings.get(name) or []]


def _published(container: dict) -> list[str]:
    tables = (container["HostConfig"]["PortBindings"], container["NetworkSettings"].get("Ports"))
    ports = sorted({port for table in tables for port, bound in (table or {}).items() if bound})
    return [*ports, "all"] if container["HostConfig"]["PublishAllPorts"] else ports


def _host_namespaces(container: dict) -> list[str]:
    settings = container["HostConfig"]
    return [name for name in NAMESPACES if _is_shared(settings.get(name) or "", name)]


def _is_shared(mode: str, name: str) -> bool:
    if name == "CgroupnsMode":
        # On cgroup v1 the engine's own default is `host`, and hides nothing.
        return False
    return mode == "host" or mode.startswith("container:")


READERS: dict[str, Callable[[dict], Any]] = {
    "cap_add": lambda c: _capabilities(c["HostConfig"]["CapAdd"]),
    "cap_drop": lambda c: _capabilities(c["HostConfig"]["CapDrop"]),
    "memory_bytes": lambda c: c["HostConfig"]["Memory"],
    "memory_swap_bytes": lambda c: c["HostConfig"]["MemorySwap"],
    "pids": lambda c: c["HostConfig"]["PidsLimit"],
    "nano_cpus": lambda c: c["HostConfig"]["NanoCpus"],
    "read_only": lambda c: c["HostConfig"]["ReadonlyRootfs"],
    "networks": lambda c: sorted(c["NetworkSettings"]["Networks"]),
    "has_health_check": lambda c: bool(c["Config"].get("Healthcheck")),
}
"""How each expected value is read from inspect."""

ALWAYS: dict[str, tuple[Any, Callable[[dict], Any]]] = {
    "privileged": (False, lambda c: c["HostConfig"]["Privileged"]),
    "no_new_privileges": (True, _has_no_new_privileges),
    "other security options": ([], _other_security_options),
    "init": (True, lambda c: bool(c["HostConfig"]["Init"])),
    "log driver": ("local", lambda c: c["HostConfig"]["LogConfig"]["Type"]),
    "devices": ([], _devices),
    "published ports": ([], _published),
    "host namespaces": ([], _host_namespaces),
    "cgroup parent": ("", lambda c: c["HostConfig"]["CgroupParent"]),
    "volumes from": ([], lambda c: c["HostConfig"].get("VolumesFrom") or []),
}
"""What holds for every container, without being listed."""


def container_differences(container: dict, expected: dict | None, *, root: str) -> list[str]:
    """Return how a container differs from what was asked for, one sentence part each.

    Args:
        container: What inspect shows.
        expected: What the contract lists for its service; None where the service is not listed,
            as for functional tests: then only what always holds is looked at.
        root: Directory of the environment: nothing outside is mounted.
    """
    wishes = expected or {}
    pairs = [
        # An image that brings its own init may do without the engine's, if the contract says so.
        (name, wishes.get(name, wanted) if name == "init" else wanted, reader(container))
        for name, (wanted, reader) in ALWAYS.items()
    ]
    for name, wanted in wishes.items():
        if name in CHECKED_ELSEWHERE:
            continue
        reader = READERS.get(name)
        # A wish nobody can check is a difference, or a control would be skipped in silence.
        found = reader(container) if reader else "something this version cannot check"
        if name == "has_health_check" and not wanted:
            continue  # The image may bring one of its own.
        pairs.append((name, _normal(wanted), found))
    different = [
        f"{name} is {found!r}, not {want!r}" for name, want, found in pairs if found != want
    ]
    return different + _mount_differences(container, (expected or {}).get("mounts"), root=root)


def count_differences(containers: list[dict], expected: dict[str, dict]) -> list[str]:
    """Return services that are missing, too many, or not asked for."""
    counts: dict[str, int] = {}
    for container in containers:
        name = service_of(container)
        counts[name] = counts.get(name, 0) + 1
    extra = [f"service {name or '?'} was not asked for" for name in counts if name not in expected]
    wrong = [
        f"service {name} has {counts.get(name, 0)} containers, not {wish.get('replicas', 1)}"
        for name, wish in expected.items()
        if counts.get(name, 0) != wish.get("replicas", 1)
    ]
    return extra + wrong


def part_names(container: dict) -> set[str]:
    """Return the names of the networks and volumes a container uses."""
    volumes = {mount["Name"] for mount in container["Mounts"] if mount.get("Name")}
    return volumes | set(container["NetworkSettings"]["Networks"])


def part_differences(kind: str, part: dict) -> list[str]:
    """Return how a network or volume differs from ours: a plain one, without options to escape."""
    name, driver = part["Name"], part["Driver"]
    found = [] if driver == OWN_DRIVERS[kind] else [f"{kind} {name} has driver {driver}"]
    if kind == "volume" and part.get("Options"):
        found.append(f"volume {name} has driver options")
    return found


def _normal(wanted: Any) -> Any:  # noqa: ANN401 - whatever the contract lists
    return sorted(wanted) if isinstance(wanted, list) else wanted


def _mount_differences(container: dict, expected: dict | None, *, root: str) -> list[str]:
    found = mounts_of(container, root=root)
    outside = [
        f"{target} is mounted from {mount['source']}, outside of {root}"
        for target, mount in found.items()
        if mount["type"] == "bind" and mount["source"].startswith("/")
    ]
    if expected is None:
        return outside
    missing = [f"{target} is not mounted" for target in expected if target not in found]
    extra = [f"{target} is mounted" for target in found if target not in expected]
    changed = [
        f"{target} is mounted as {found[target]}, not {wanted}"
        for target, wanted in expected.items()
        if target in found and any(found[target].get(k) != v for k, v in wanted.items())
    ]
    return outside + missing + extra + changed


def mounts_of(container: dict, *, root: str) -> dict[str, dict]:
    """Return a container's mounts by target; sources of ours are relative to the root.

    Unnamed volumes that an image declares are left out: they hold nothing and reach nowhere.
    """
    mounts = {
        target: {"type": "tmpfs", "source": "", "read_only": _is_read_only(options)}
        for target, options in (container["HostConfig"].get("Tmpfs") or {}).items()
    }
    for mount in container["Mounts"]:
        kind = mount["Type"]
        source = mount.get("Name", "") if kind == "volume" else mount.get("Source", "")
        if kind == "volume" and ANONYMOUS_VOLUME.match(source):
            continue
        if kind == "bind":
            source = _below(source, root)
        read_only = not mount["RW"]
        mounts[mount["Destination"]] = {"type": kind, "source": source, "read_only": read_only}
    return mounts


def _below(path: str, root: str) -> str:
    inside = os.path.normpath(path)
    return os.path.relpath(inside, root) if inside.startswith(f"{root}/") else inside


def _is_read_only(options: str) -> bool:
    return "ro" in options.split(",")
