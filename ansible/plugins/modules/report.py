#!/usr/bin/python
"""Tells what a machine has: engine, Compose, nginx, who starts services, whether it is current."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.guesthouse.platform.plugins.module_utils import programs
from ansible_collections.guesthouse.platform.plugins.module_utils.resolvers import resolvers

DOCUMENTATION = r"""
module: report
short_description: What an instance has, in one task
description:
  - Answers the few facts the roles need and the control plane keeps, under the key C(guesthouse),
    and once more as the fact C(guesthouse_host). Changes nothing, save with O(remember).
  - A current machine is told from what was remembered, without asking any program.
options:
  root: {description: The directory everything of ours is in., type: str, default: ""}
  fingerprint: {description: What provisioning would leave as fingerprint., type: str, default: ""}
  gateway_port: {description: Where the gateway answers if it should., type: int, default: 0}
  answer:
    description: What a playbook has to say, passed on as it is; nothing else is looked at.
    type: dict
  instance:
    description: Name of the instance; several may share a machine.
    type: str
    default: instance
  remember: {description: Whether to keep fingerprint and facts., type: bool, default: false}
author: [Guesthouse maintainers]
"""

EXAMPLES = r"""
- name: Look at the machine
  guesthouse.platform.report:
    root: /var/lib/guesthouse
"""

RETURN = r"""
guesthouse:
  description: Versions (null where a thing is missing), the system, and whether it is current.
  type: dict
  returned: always
"""

SOCKET = "/var/run/docker.sock"
CLOCKS = {"chronyd", "ntpd", "systemd-timesyn", "ntpd-rs", "ptp4l", "timesyncd"}
VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?")


def said(*argv: str) -> str:
    """Return what a program says; nothing where it is missing or fails."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed argv lists
            argv,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=20,
            check=False,
            env={"PATH": programs.PATHS, "HOME": "/nonexistent", "LANG": "C.UTF-8"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr if done.returncode == 0 else ""


def version(text: str) -> str | None:
    """Return the first version number in a text."""
    found = VERSION.search(text)
    return found.group() if found else None


def versions() -> dict[str, str | None]:
    """Return the versions of what an instance is made of."""
    has_docker = shutil.which("docker", path=programs.PATHS) is not None
    engine = said("docker", "version", "--format", "{{.Server.Version}}") if has_docker else ""
    return {
        "engine": version(engine),
        "compose": version(said("docker", "compose", "version", "--short")),
        "buildx": version(said("docker", "buildx", "version").partition(" ")[2]),
        "nginx": version(said("nginx", "-v")),
        "dockerd": version(said("dockerd", "--version")),
    }


def operating_system() -> dict[str, str]:
    """Return the distribution: id, version, codename, name."""
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    pairs = dict(line.partition("=")[::2] for line in lines if "=" in line)
    values = {name: value.strip("\"'") for name, value in pairs.items()}
    return {
        "id": values.get("ID", ""),
        "version": values.get("VERSION_ID", ""),
        "codename": values.get("VERSION_CODENAME", ""),
        "name": values.get("PRETTY_NAME", ""),
    }


def processes() -> set[str]:
    """Return the names of the programs that run."""
    names = set()
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            names.add(path.read_text(encoding="utf-8").strip())
        except OSError:
            continue  # It ended while we looked.
    return names


def ssh_connection() -> tuple[str, int]:
    """Return who talks to us over SSH and at which port, from the nearest ancestor that knows.

    `sudo` drops the variable, so it is looked for in the processes above ours.
    """
    pid = os.getpid()
    while pid > 1:
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            break
        for entry in environment:
            if entry.startswith(b"SSH_CONNECTION="):
                words = entry.decode(errors="replace").partition("=")[2].split()
                if len(words) == 4:  # noqa: PLR2004 - client, its port, server, its port
                    return words[0].partition("%")[0], int(words[3])
        pid = int(status.rpartition(")")[2].split()[1])
    return "", 22


def answers(port: int) -> bool:
    """Whether something takes connections at a port of loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        return client.connect_ex(("127.0.0.1", port)) == 0


def engine_answers() -> bool:
    """Whether an engine takes connections here."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        return client.connect_ex(SOCKET) == 0


def memory(parameters: dict[str, Any]) -> Path:
    """Return the file that keeps the fingerprint and, in its second line, the facts."""
    return Path(parameters["root"], "fingerprints", parameters["instance"])


def remembered(parameters: dict[str, Any]) -> dict[str, Any] | None:
    """Return the facts of a machine that is current: as provisioned, and still answering."""
    try:
        lines = memory(parameters).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    port = parameters["gateway_port"]
    if not parameters["fingerprint"] or lines[:1] != [parameters["fingerprint"]]:
        return None
    if not engine_answers() or (port and not answers(port)):
        return None
    try:
        return {**json.loads("".join(lines[1:])), "current": True}
    except ValueError:
        return None


def remember(parameters: dict[str, Any], facts: dict[str, Any]) -> bool:
    """Keep fingerprint and facts; return whether that was news."""
    path, text = memory(parameters), f"{parameters['fingerprint']}\n{json.dumps(facts)}\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    return True


def report() -> dict[str, Any]:
    """Ask the machine for the facts."""
    found = versions()
    client, port = ssh_connection()
    in_container = any(Path(name).exists() for name in ("/.dockerenv", "/run/.containerenv"))
    return {
        **found,
        "os": operating_system(),
        "init": "systemd" if Path("/run/systemd/system").is_dir() else "sysv",
        "in_container": in_container,
        # The engine refuses a limit above what it may use itself.
        "cpus": len(os.sched_getaffinity(0)),
        "clock": next(iter(sorted(processes() & CLOCKS)), None),
        "ssh_client": client,
        "ssh_port": port,
        "resolvers": resolvers(),
        "current": False,
    }


def main() -> None:
    """Answer."""
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "str", "default": ""},
            "fingerprint": {"type": "str", "default": ""},
            "gateway_port": {"type": "int", "default": 0},
            "answer": {"type": "dict"},
            "instance": {"type": "str", "default": "instance"},
            "remember": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    if module.params["answer"] is not None:
        module.exit_json(changed=False, guesthouse=module.params["answer"])
    wants_memory = module.params["remember"] and bool(module.params["fingerprint"])
    facts = (None if wants_memory else remembered(module.params)) or report()
    facts["current"] |= wants_memory
    changed = wants_memory and not module.check_mode and remember(module.params, facts)
    module.exit_json(changed=changed, guesthouse=facts, ansible_facts={"guesthouse_host": facts})


if __name__ == "__main__":
    main()
