"""One service of the canonical file, with what ``inspect`` must show of it."""

from dataclasses import dataclass
from typing import Any

from guesthouse.stacks.draft import Draft
from guesthouse.stacks.environment import environment, labels
from guesthouse.stacks.health import completes, depends_on, grace_period, health_check, restart
from guesthouse.stacks.images import Image, image
from guesthouse.stacks.limits import Limits, limits, replicas, sizes, sysctls, tmpfs, ulimits
from guesthouse.stacks.model import TEST_PROFILE
from guesthouse.stacks.mounts import mounts
from guesthouse.stacks.networks import links, networks, ports
from guesthouse.stacks.normalise import Model
from guesthouse.stacks.readings import as_command, as_flag, as_text
from guesthouse.stacks.security import (
    NO_NEW_PRIVILEGES,
    capabilities,
    check_security_options,
    names_and_addresses,
    namespaces,
)

LOGGING: Model = {
    "driver": "local",
    # The engine's default keeps everything a service writes until the disk is full.
    "options": {"max-size": "10m", "max-file": "3", "compress": "true"},
}
TEXTS = ("working_dir", "user", "stop_signal")
FLAGS = ("tty", "stdin_open", "read_only")


@dataclass(frozen=True)
class Emitted:
    """A service as it goes into the canonical file."""

    section: Model
    expected: dict[str, Any]
    image: Image


def emit(draft: Draft, name: str) -> Emitted:
    """Return a service of the canonical file."""
    check_security_options(draft, name)
    made, within = image(draft, name), limits(draft, name)
    section: Model = {"image": made.name}
    section |= {"build": made.section, "pull_policy": "never"} if made.section else {}
    if made.name.startswith("gh/"):
        # Ours are made here; a registry that answers to the same name must not be asked.
        section["pull_policy"] = "never"
    section |= {"profiles": [TEST_PROFILE]} if name in draft.test_services else {}
    section |= _program(draft, name) | _dependencies(draft, name, made)
    section |= _file_system(draft, name)
    section |= namespaces(draft, name) | networks(draft, name) | names_and_addresses(draft, name)
    section |= ports(draft, name) | links(draft, name)
    section |= _walls(draft, name, within)
    section["labels"] = labels(draft, name)
    return Emitted(section, _expected(draft, name, section, within), made)


def _program(draft: Draft, name: str) -> Model:
    service, path = draft.service(name), f"services.{name}"
    emitted: Model = {}
    for key in ("entrypoint", "command"):
        words = draft.ledger.read(as_command, service.get(key), f"{path}.{key}", None)
        emitted |= {} if words is None else {key: words}
    variables = environment(draft, name)
    emitted |= {"environment": variables} if variables else {}
    for key in TEXTS:
        if service.get(key) is not None:
            emitted[key] = draft.ledger.read(as_text, service[key], f"{path}.{key}", "")
    for key in FLAGS:
        if draft.ledger.read(as_flag, service.get(key) or False, f"{path}.{key}", False):  # noqa: FBT003 - a reading's default
            emitted[key] = True
    return emitted


def _dependencies(draft: Draft, name: str, made: Image) -> Model:
    check = health_check(draft, name, made.health)
    dependencies, count = depends_on(draft, name), replicas(draft, name)
    emitted: Model = {"healthcheck": check} if check else {}
    emitted |= {"depends_on": dependencies} if dependencies else {}
    emitted |= {"deploy": {"replicas": count}} if count != 1 else {}
    return emitted | {"restart": restart(draft, name)} | grace_period(draft, name)


def _file_system(draft: Draft, name: str) -> Model:
    mounted, in_memory = mounts(draft, name), tmpfs(draft, name)
    emitted: Model = {"volumes": mounted} if mounted else {}
    return emitted | ({"tmpfs": in_memory} if in_memory else {})


def _walls(draft: Draft, name: str, within: Limits) -> Model:
    """Return what every container has, whatever its author wrote."""
    settings = sysctls(draft, name)
    emitted: Model = {
        "init": _has_init(draft, name),
        "cap_drop": ["ALL"],
        "cap_add": capabilities(draft, name),
        # A program with the set-user-id bit could regain what was dropped.
        "security_opt": [NO_NEW_PRIVILEGES],
        **within.emitted(),
        **sizes(draft, name, within.memory_bytes),
        "ulimits": ulimits(draft, name),
        "logging": LOGGING,
    }
    return emitted | ({"sysctls": settings} if settings else {})


def _has_init(draft: Draft, name: str) -> bool:
    written = draft.service(name).get("init")
    if written is None or not draft.policy.may_skip_init:
        return True
    return draft.ledger.read(as_flag, written, f"services.{name}.init", True)  # noqa: FBT003 - a reading's default


def _expected(draft: Draft, name: str, section: Model, within: Limits) -> dict[str, Any]:
    attached = [draft.network_name(key) for key in section.get("networks", {})]
    # The engine lists a container without network as attached to one called none.
    names = sorted(attached) if attached else ["none"]
    # An own init is what every service has; only one that does without it is listed.
    without_init: dict[str, Any] = {} if section["init"] else {"init": False}
    return without_init | {
        "cap_add": section["cap_add"],
        "cap_drop": section["cap_drop"],
        "memory_bytes": within.memory_bytes,
        "memory_swap_bytes": within.memory_bytes,
        "pids": within.pids,
        "nano_cpus": within.nano_cpus,
        "read_only": bool(section.get("read_only")),
        "networks": names,
        "mounts": _expected_mounts(draft, section),
        "replicas": replicas_of(section),
        "completes": completes(draft, name),
        "has_health_check": bool({"test", "start_interval"} & set(section.get("healthcheck", {}))),
    }


def replicas_of(section: Model) -> int:
    """Return how many containers an emitted service has."""
    count: int = section.get("deploy", {}).get("replicas", 1)
    return count


def _expected_mounts(draft: Draft, section: Model) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for mount in section.get("volumes", []):
        source = mount.get("source", "")
        if mount["type"] == "volume":
            source = draft.volume_name(source)
        found[mount["target"]] = {
            "type": mount["type"],
            "source": source.removeprefix("./"),
            "read_only": bool(mount.get("read_only")),
        }
    for entry in section.get("tmpfs", []):
        found[entry.partition(":")[0]] = {"type": "tmpfs", "source": "", "read_only": False}
    return {target: found[target] for target in sorted(found)}
