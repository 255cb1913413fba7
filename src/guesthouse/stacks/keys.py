"""The table: what becomes of each key a Compose file may hold.

A key that is not here is refused. The table is compared with the Compose schema by a test, so a
key that is new in Compose is decided on by a person before anyone can use it.

A refused or rewritten key stands for all below it; an allowed one that holds keys of its own has a
section of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Verdict(Enum):
    """What becomes of a key."""

    ALLOW = "allow"
    """Emitted as it is, once its type is right."""
    WITHIN = "allow within limits"
    """Emitted when its value keeps the limits, which code of its own checks."""
    REWRITE = "rewrite"
    """Harmless, but we decide its value or leave it out; a notice says so."""
    REFUSE = "refuse"
    """Could hurt."""


@dataclass(frozen=True)
class Rule:
    """What becomes of one key, and what a person is told."""

    verdict: Verdict
    why: str = ""
    """Why it is unsafe (refuse)."""
    instead: str = ""
    """What to write instead (refuse), or what was made of it (rewrite)."""
    is_silent: bool = False
    """Whether code of its own says what there is to say."""


Section: TypeAlias = Mapping[str, Rule]

ALLOW = Rule(Verdict.ALLOW)
WITHIN = Rule(Verdict.WITHIN)


def _refuse(why: str, instead: str = "leave it out") -> Rule:
    return Rule(Verdict.REFUSE, why, instead)


def _decided(instead: str) -> Rule:
    """Return the rule of a key of which code of its own tells what was made."""
    return Rule(Verdict.REWRITE, instead=instead, is_silent=True)


def _dropped(instead: str) -> Rule:
    return Rule(Verdict.REWRITE, instead=instead)


_RUNS_OUTSIDE = "it runs programs outside of any container"
_NAMESPACE = "it shares a namespace of the instance or of another container"
_DEVICE = "it hands a device of the instance to the container"
_STARVES = "it lets the container starve the rest of the instance"
_HOOK = "the hook's container or process does not have the service's limits"
_FOREIGN = "it names something of the engine that belongs to others"
_MAKE_SERVICE = "make it a service of its own that others depend on"
_LABELS = _dropped("left out; labels are kept on services")
_SWARM = _dropped("left out; it means something to Docker Swarm only")
_BUILDER = _dropped("left out; the builder decides")

TOP: Section = {
    "version": _dropped("left out; Compose no longer reads it"),
    "name": _dropped("left out; the project is named after the environment"),
    "include": ALLOW,
    "services": ALLOW,
    "networks": ALLOW,
    "volumes": ALLOW,
    "secrets": ALLOW,
    "configs": ALLOW,
    "models": _refuse(_RUNS_OUTSIDE, "run the model in a service of its own"),
    "jobs": _refuse("jobs start containers outside the service's limits", _MAKE_SERVICE),
}
SERVICE: Section = {
    "annotations": _refuse(
        "runtimes turn annotations into settings of the instance", "use labels"
    ),
    "attach": _dropped("left out; every log is kept"),
    "blkio_config": ALLOW,
    "build": ALLOW,
    "cap_add": WITHIN,
    "cap_drop": _decided("taken from the few that every service has"),
    "cgroup": _refuse(_NAMESPACE),
    "cgroup_parent": _dropped("left out; the platform groups containers"),
    "command": ALLOW,
    "configs": ALLOW,
    "container_name": _dropped("left out; others reach it by its service name"),
    "cpu_count": _dropped("left out; write cpus"),
    "cpu_percent": _dropped("left out; write cpus"),
    "cpu_period": _dropped("left out; write cpus"),
    "cpu_quota": _dropped("left out; write cpus"),
    "cpu_rt_period": _refuse(_STARVES, "write cpus"),
    "cpu_rt_runtime": _refuse(_STARVES, "write cpus"),
    "cpu_shares": WITHIN,
    "cpus": WITHIN,
    "cpuset": _dropped("left out; write cpus"),
    "credential_spec": _refuse("it reads a file of the instance"),
    "depends_on": ALLOW,
    "deploy": ALLOW,
    "develop": _dropped("left out; it is for docker compose watch only"),
    "device_cgroup_rules": _refuse(_DEVICE),
    "devices": _refuse(_DEVICE),
    "dns": WITHIN,
    "dns_opt": WITHIN,
    "dns_search": WITHIN,
    "domainname": ALLOW,
    "entrypoint": ALLOW,
    "env_file": _decided("read by the platform, inside the repository, into environment"),
    "environment": ALLOW,
    "expose": ALLOW,
    "extends": ALLOW,
    "external_links": _refuse(_FOREIGN, "put both services into one stack"),
    "extra_hosts": WITHIN,
    "gpus": _refuse(_DEVICE),
    "group_add": WITHIN,
    "healthcheck": ALLOW,
    "hostname": WITHIN,
    "image": WITHIN,
    "init": _decided("set; a core stack may switch it off"),
    "ipc": WITHIN,
    "isolation": _refuse("it exists on Windows only"),
    "label_file": _decided("read by the platform, inside the repository, into labels"),
    "labels": WITHIN,
    "links": WITHIN,
    "logging": _dropped("left out; logs go to the driver local, capped, and to the platform"),
    "mac_address": _dropped("left out; the engine gives one"),
    "mem_limit": WITHIN,
    "mem_reservation": WITHIN,
    "mem_swappiness": _dropped("left out; containers have no swap"),
    "memswap_limit": _dropped("set to mem_limit; containers have no swap"),
    "models": _refuse(_RUNS_OUTSIDE, "run the model in a service of its own"),
    "network_mode": WITHIN,
    "networks": WITHIN,
    "oom_kill_disable": _refuse(_STARVES, "raise mem_limit"),
    "oom_score_adj": _refuse(_STARVES, "raise mem_limit"),
    "pid": _refuse(_NAMESPACE),
    "pids_limit": WITHIN,
    "platform": _dropped("left out; images are of the instance's own kind"),
    "ports": _decided("not published; declare a route"),
    "post_start": _refuse(_HOOK, _MAKE_SERVICE),
    "pre_start": _refuse(_HOOK, _MAKE_SERVICE),
    "pre_stop": _refuse(_HOOK, "handle stop_signal in the program"),
    "privileged": _refuse("it is root on the instance", "ask for the one capability with cap_add"),
    "profiles": ALLOW,
    "provider": _refuse(_RUNS_OUTSIDE, "run it as a service with an image"),
    "pull_policy": _dropped("left out; images are pulled when they are not there"),
    "pull_refresh_after": _dropped("left out; images are pulled when they are not there"),
    "read_only": ALLOW,
    "restart": _decided("what serves comes back, what ends stays ended"),
    "runtime": _dropped("left out; the platform chooses the runtime"),
    "scale": WITHIN,
    "secrets": ALLOW,
    "security_opt": WITHIN,
    "shm_size": WITHIN,
    "stdin_open": ALLOW,
    "stop_grace_period": WITHIN,
    "stop_signal": ALLOW,
    "storage_opt": _dropped("left out; the platform limits disk space"),
    "sysctls": WITHIN,
    "tmpfs": WITHIN,
    "tty": ALLOW,
    "ulimits": WITHIN,
    "umask": _dropped("left out; set it in the program"),
    "use_api_socket": _refuse("it hands over the engine and its registry credentials"),
    "user": ALLOW,
    "userns_mode": _refuse(_NAMESPACE),
    "uts": _refuse(_NAMESPACE),
    "volumes": WITHIN,
    "volumes_from": _refuse("it takes over mounts unseen", "name the volumes under volumes"),
    "working_dir": ALLOW,
}
BUILD: Section = {
    "additional_contexts": WITHIN,
    "args": ALLOW,
    "cache_from": _BUILDER,
    "cache_to": _BUILDER,
    "context": WITHIN,
    "dockerfile": WITHIN,
    "dockerfile_inline": ALLOW,
    "entitlements": _refuse("it gives the build rights on the instance"),
    "extra_hosts": WITHIN,
    "isolation": _refuse("it exists on Windows only"),
    "labels": _LABELS,
    "network": WITHIN,
    "no_cache": _BUILDER,
    "no_cache_filter": _BUILDER,
    "platforms": _dropped("left out; images are of the instance's own kind"),
    "privileged": _refuse("the build would be root on the instance"),
    "provenance": _BUILDER,
    "pull": _BUILDER,
    "sbom": _BUILDER,
    "secrets": ALLOW,
    "shm_size": WITHIN,
    "ssh": _refuse("it lends the control plane's SSH keys to the build", "use build.secrets"),
    "tags": _dropped("left out; images are named after environment and service"),
    "target": ALLOW,
    "ulimits": _BUILDER,
}
DEPLOY: Section = {
    "endpoint_mode": _SWARM,
    "labels": _LABELS,
    "mode": _SWARM,
    "placement": _SWARM,
    "replicas": WITHIN,
    "resources": ALLOW,
    "restart_policy": _decided("read as restart"),
    "rollback_config": _SWARM,
    "update_config": _SWARM,
}
FILE_REFERENCE: Section = {
    "source": ALLOW,
    "target": WITHIN,
    "uid": _dropped("left out; every user of the container may read the file"),
    "gid": _dropped("left out; every user of the container may read the file"),
    "mode": _dropped("left out; every user of the container may read the file"),
}
SECTIONS: Mapping[str, Section] = {
    "": TOP,
    "include[]": {"path": WITHIN, "project_directory": WITHIN, "env_file": _decided("not read")},
    "services.*": SERVICE,
    "services.*.blkio_config": {
        "weight": _dropped("left out; the platform shares the disk"),
        "weight_device": _refuse(_DEVICE),
        "device_read_bps": _refuse(_DEVICE),
        "device_read_iops": _refuse(_DEVICE),
        "device_write_bps": _refuse(_DEVICE),
        "device_write_iops": _refuse(_DEVICE),
    },
    "services.*.build": BUILD,
    "services.*.build.secrets[]": FILE_REFERENCE,
    "services.*.configs[]": FILE_REFERENCE,
    "services.*.depends_on.*": {"condition": WITHIN, "required": ALLOW, "restart": ALLOW},
    "services.*.deploy": DEPLOY,
    "services.*.deploy.resources": {"limits": ALLOW, "reservations": ALLOW},
    "services.*.deploy.resources.limits": {"cpus": WITHIN, "memory": WITHIN, "pids": WITHIN},
    "services.*.deploy.resources.reservations": {
        "cpus": _SWARM,
        "memory": WITHIN,
        "devices": _refuse(_DEVICE),
        "generic_resources": _refuse(_DEVICE),
    },
    "services.*.env_file[]": {"path": WITHIN, "required": ALLOW, "format": ALLOW},
    "services.*.extends": {"service": ALLOW, "file": WITHIN},
    "services.*.healthcheck": {
        "disable": ALLOW,
        "interval": WITHIN,
        "retries": WITHIN,
        "start_interval": WITHIN,
        "start_period": WITHIN,
        "test": ALLOW,
        "timeout": WITHIN,
    },
    "services.*.networks.*": {
        "aliases": ALLOW,
        "driver_opts": _refuse("drivers turn options into settings of the instance"),
        "gw_priority": _dropped("left out; the engine chooses the way out"),
        "interface_name": _dropped("left out; the engine names interfaces"),
        "ipv4_address": _dropped("left out; addresses come from the platform's pool"),
        "ipv6_address": _dropped("left out; addresses come from the platform's pool"),
        "link_local_ips": _dropped("left out; addresses come from the platform's pool"),
        "mac_address": _dropped("left out; the engine gives one"),
        "priority": _dropped("left out; the engine chooses the order"),
        "use_service_name_alias": _dropped("left out; the service name is always an alias"),
    },
    "services.*.secrets[]": FILE_REFERENCE,
    "services.*.ulimits.*": {"soft": WITHIN, "hard": WITHIN},
    "services.*.volumes[]": {
        "type": WITHIN,
        "source": WITHIN,
        "target": WITHIN,
        "read_only": ALLOW,
        "consistency": _dropped("left out; it means something on macOS only"),
        "bind": _decided("left out; files of the repository are read-only copies"),
        "volume": ALLOW,
        "tmpfs": ALLOW,
        "image": _refuse("it reads the files of any image on the instance", "use a named volume"),
    },
    "services.*.volumes[].volume": {
        "labels": _LABELS,
        "nocopy": ALLOW,
        "subpath": WITHIN,
    },
    "services.*.volumes[].tmpfs": {"size": WITHIN, "mode": ALLOW},
    "networks.*": {
        "attachable": _SWARM,
        "driver": WITHIN,
        "driver_opts": _refuse("drivers turn options into settings of the instance"),
        "enable_ipv4": _dropped("left out; networks speak IPv4"),
        "enable_ipv6": _dropped("left out; networks speak IPv4"),
        "external": _refuse(_FOREIGN, "leave the network out and declare a route for the service"),
        "internal": ALLOW,
        "ipam": _dropped("left out; addresses come from the platform's pool"),
        "labels": WITHIN,
        "name": _dropped("left out; the network is named after environment and stack"),
    },
    "volumes.*": {
        "driver": WITHIN,
        "driver_opts": _refuse(
            "the local driver's options mount any folder or file system of the instance",
            "leave the options out: a plain named volume",
        ),
        "external": _refuse(_FOREIGN, "leave external out: the environment gets its own volume"),
        "labels": WITHIN,
        "name": _dropped("left out; the volume is named after environment and stack"),
    },
    "secrets.*": {
        "driver": _refuse("it asks a plugin of the engine"),
        "driver_opts": _refuse("it asks a plugin of the engine"),
        "environment": WITHIN,
        "external": _decided("refused, but where a secret of the manifest has its name"),
        "file": WITHIN,
        "labels": _LABELS,
        "name": _dropped("left out; it is known by its key"),
        "template_driver": _SWARM,
    },
    "configs.*": {
        "content": ALLOW,
        "environment": WITHIN,
        "external": _refuse(_FOREIGN, "write file, content or environment"),
        "file": WITHIN,
        "labels": _LABELS,
        "name": _dropped("left out; it is known by its key"),
        "template_driver": _SWARM,
    },
}
"""Keys by the place they stand in; ``*`` is any name, ``[]`` any entry of a list."""

SWITCHES = frozenset({"external", "oom_kill_disable", "privileged", "use_api_socket"})
"""Refused keys of which ``false`` in any spelling asks for nothing."""
HARMLESS: Mapping[str, frozenset[str]] = {
    "cgroup": frozenset({"private"}),
    "mode": frozenset({"replicated"}),
    "userns_mode": frozenset({"private"}),
}
"""Values that say what is the case anyway."""
