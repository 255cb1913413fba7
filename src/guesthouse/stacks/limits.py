"""What a service may use: memory, processors, processes, files, sizes."""

import posixpath
import re
from dataclasses import dataclass
from typing import Any

from guesthouse.stacks.draft import Draft
from guesthouse.stacks.interpolate import marked_names
from guesthouse.stacks.normalise import Model
from guesthouse.stacks.readings import as_bytes, as_integer, as_number

MIB = 2**20
LEAST_MEMORY = 6 * MIB
LEAST_CPUS = 0.01
NANO = 1_000_000_000
DEFAULT_TMPFS_BYTES = 64 * MIB
MOST_SHARES = 2048
KNOWN_ULIMITS = frozenset(
    {"core", "cpu", "data", "fsize", "memlock", "msgqueue", "nofile", "nproc", "sigpending"}
    | {"stack", "locks", "rss"}
)
TMPFS_OPTIONS = frozenset({"exec", "noexec", "nosuid", "nodev", "rw", "ro", "noatime"})
TMPFS_VALUES = frozenset({"size", "mode", "uid", "gid"})


@dataclass(frozen=True)
class Limits:
    """What a service is limited to."""

    memory_bytes: int
    cpus: float
    pids: int

    @property
    def nano_cpus(self) -> int:
        """Processors as the engine counts them."""
        return round(self.cpus * NANO)

    def emitted(self) -> Model:
        """Return the keys of the canonical file; swap is as big as memory, so there is none."""
        return {
            "mem_limit": self.memory_bytes,
            "memswap_limit": self.memory_bytes,
            "cpus": self.cpus,
            "pids_limit": self.pids,
        }


def limits(draft: Draft, name: str) -> Limits:
    """Return a service's limits: what it asks for, within the policy's bounds."""
    service = draft.service(name)
    path = f"services.{name}"
    return Limits(
        memory_bytes=_memory(draft, service, path),
        cpus=_cpus(draft, service, path),
        pids=_pids(draft, service, path),
    )


def _asked(service: Model, path: str, key: str, deploy_key: str) -> tuple[Any, str]:
    """Return a limit and its place, from the service or from its deploy section."""
    if service.get(key) is not None:
        return service[key], f"{path}.{key}"
    written = service.get("deploy", {}).get("resources", {}).get("limits", {})
    return written.get(deploy_key), f"{path}.deploy.resources.limits.{deploy_key}"


def _memory(draft: Draft, service: Model, path: str) -> int:
    policy = draft.policy
    written, place = _asked(service, path, "mem_limit", "memory")
    if written is None:
        return policy.memory_bytes
    asked = draft.ledger.read(as_bytes, written, place, policy.memory_bytes)
    return int(_within(draft, place, asked, LEAST_MEMORY, policy.memory_bytes_most))


def _cpus(draft: Draft, service: Model, path: str) -> float:
    most = float(draft.context.cpu_count)
    written, place = _asked(service, path, "cpus", "cpus")
    if written is None:
        return most
    asked = draft.ledger.read(as_number, written, place, most)
    if asked == 0:  # Compose's way to say: no limit of its own
        return most
    return _within(draft, place, round(asked, 3), LEAST_CPUS, most)


def _pids(draft: Draft, service: Model, path: str) -> int:
    policy = draft.policy
    written, place = _asked(service, path, "pids_limit", "pids")
    if written is None:
        return policy.pids
    asked = draft.ledger.read(as_integer, written, place, policy.pids)
    if asked <= 0:
        draft.ledger.note("pids-limit", place, written, f"set to {policy.pids_most}")
        return policy.pids_most
    return int(_within(draft, place, asked, 1, policy.pids_most))


def _within(draft: Draft, place: str, asked: float, least: float, most: float) -> float:
    """Return a number brought within bounds, with a notice when that changed it."""
    kept = min(max(asked, least), most)
    if kept != asked:
        code = place.rpartition(".")[2].partition("[")[0].replace("_", "-")
        draft.ledger.note(code, place, size_text(asked), f"set to {size_text(kept)}")
    return kept


def size_text(number: float) -> str:
    """Return a number as a person writes it: a power of two with its unit."""
    for unit, letter in ((2**30, "g"), (MIB, "m"), (2**10, "k")):
        if number >= unit and number % unit == 0:
            return f"{number // unit:.0f}{letter}"
    return f"{number:g}"


def sizes(draft: Draft, name: str, memory_bytes: int) -> Model:
    """Return the emitted keys that are sizes or weights."""
    service, path = draft.service(name), f"services.{name}"
    emitted: Model = {}
    reservation, place = _reservation(service, path)
    if reservation is not None:
        asked = draft.ledger.read(as_bytes, reservation, place, 0)
        emitted["mem_reservation"] = int(_within(draft, place, asked, 0, memory_bytes))
    if service.get("shm_size") is not None:
        emitted["shm_size"] = shm_bytes(draft, f"{path}.shm_size", service["shm_size"])
    if service.get("cpu_shares") is not None:
        place = f"{path}.cpu_shares"
        asked = draft.ledger.read(as_integer, service["cpu_shares"], place, 1024)
        emitted["cpu_shares"] = int(_within(draft, place, asked, 2, MOST_SHARES))
    return emitted


def shm_bytes(draft: Draft, place: str, written: object) -> int:
    """Return the size of ``/dev/shm`` within the policy's bounds."""
    asked = draft.ledger.read(as_bytes, written, place, DEFAULT_TMPFS_BYTES)
    return int(_within(draft, place, asked, 1, draft.policy.shm_bytes_most))


def _reservation(service: Model, path: str) -> tuple[Any, str]:
    if service.get("mem_reservation") is not None:
        return service["mem_reservation"], f"{path}.mem_reservation"
    reserved = service.get("deploy", {}).get("resources", {}).get("reservations", {})
    return reserved.get("memory"), f"{path}.deploy.resources.reservations.memory"


def ulimits(draft: Draft, name: str) -> Model:
    """Return a service's ulimits; ``nofile`` is always among them."""
    most = draft.context.open_files
    emitted: Model = {"nofile": {"soft": most, "hard": most}}
    for limit, pair in draft.service(name).get("ulimits", {}).items():
        place = f"services.{name}.ulimits.{limit}"
        if limit not in KNOWN_ULIMITS:
            why = "it is not a limit that only ever restrains the container"
            draft.ledger.refuse("ulimit", place, pair, why, "leave it out")
            continue
        soft = draft.ledger.read(as_integer, pair.get("soft", pair.get("hard")), place, most)
        hard = draft.ledger.read(as_integer, pair.get("hard", soft), place, most)
        if limit == "nofile":
            soft, hard = (_files(draft, place, number, most) for number in (soft, hard))
        emitted[limit] = {"soft": min(soft, hard) if hard >= 0 else soft, "hard": hard}
    return {key: emitted[key] for key in sorted(emitted)}


def _files(draft: Draft, place: str, asked: int, most: int) -> int:
    if 0 < asked <= most:
        return asked
    draft.ledger.note("nofile", place, asked, f"set to {most}")
    return most


def tmpfs(draft: Draft, name: str) -> list[str]:
    """Return a service's ``tmpfs`` entries, each with a size."""
    entries = []
    for index, text in enumerate(draft.service(name).get("tmpfs", [])):
        place = f"services.{name}.tmpfs[{index}]"
        target, _, options = text.partition(":")
        target = clean_path(target)
        if not is_mount_target(target):
            draft.ledger.problem(place, "should be an absolute path", f"written: {text}")
            continue
        entries.append(_tmpfs_entry(draft, place, target, options))
    return entries


def _tmpfs_entry(draft: Draft, place: str, target: str, options: str) -> str:
    size = DEFAULT_TMPFS_BYTES
    kept = []
    for option in filter(None, options.split(",")):
        key, _, value = option.partition("=")
        if key == "size":
            size = tmpfs_bytes(draft, place, value)
        elif (key in TMPFS_VALUES and value.isdecimal()) or (option in TMPFS_OPTIONS):
            kept.append(option)
        else:
            draft.ledger.note("tmpfs", place, option, "left out")
    return f"{target}:{','.join([f'size={size}', *kept])}"


def tmpfs_bytes(draft: Draft, place: str, written: object) -> int:
    """Return the size of a tmpfs mount within the policy's bounds."""
    asked = draft.ledger.read(as_bytes, written, place, DEFAULT_TMPFS_BYTES)
    return int(_within(draft, place, asked, 1, draft.policy.tmpfs_bytes_most))


def clean_path(path: str) -> str:
    """Return a path inside a container without what the engine would leave out anyway."""
    return re.sub(r"^/+", "/", posixpath.normpath(path)) if path else path


def is_mount_target(target: str) -> bool:
    """Whether something may be mounted there inside a container.

    A secret is no part of it: its value is filled in where nobody looks at it any more.
    """
    parts = [part for part in target.split("/") if part not in ("", ".")]
    if not target.startswith("/") or not parts or ".." in parts or marked_names(target):
        return False
    return parts[0] not in {"proc", "sys"} and (parts[0] != "dev" or parts == ["dev", "shm"])


def sysctls(draft: Draft, name: str) -> Model:
    """Return a service's kernel settings; only those of its own namespaces pass."""
    emitted: Model = {}
    for key, value in draft.service(name).get("sysctls", {}).items():
        place = f"services.{name}.sysctls.{key}"
        if key not in draft.policy.sysctls:
            why = "it is not a kernel setting known to stay inside the container"
            allowed = ", ".join(sorted(draft.policy.sysctls))
            draft.ledger.refuse("sysctl", place, value, why, f"leave it out; allowed: {allowed}")
        else:
            emitted[key] = value or ""
    return emitted


def replicas(draft: Draft, name: str) -> int:
    """Return how many containers a service has; a routed one has a fixed address, so one."""
    service, path = draft.service(name), f"services.{name}"
    written, place = service.get("scale"), f"{path}.scale"
    if written is None:
        written = service.get("deploy", {}).get("replicas")
        place = f"{path}.deploy.replicas"
    if written is None:
        return 1
    asked = draft.ledger.read(as_integer, written, place, 1)
    if name in draft.routed and asked > 1:
        draft.ledger.note("replicas", place, asked, "set to 1: a routed service has one address")
        return 1
    return int(_within(draft, place, asked, 0, draft.policy.replicas_most))
