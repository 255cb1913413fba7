#!/usr/bin/python
"""Installs, starts and removes a service of ours, under systemd or with an init script."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.guesthouse.platform.plugins.module_utils import programs, units

DOCUMENTATION = r"""
module: service
short_description: A service of ours, whatever starts services here
description:
  - Writes a systemd unit where systemd runs, an LSB init script elsewhere, starts the service
    and waits until it answers. In one task, because every task costs time.
  - Init scripts are called themselves, so a C(policy-rc.d) made for packages does not stop them.
options:
  name: {description: Name of the service., type: str, required: true}
  state:
    description: Whether it should be there.
    type: str
    choices: [started, absent]
    default: started
  description: {description: One line on what it is., type: str, default: ""}
  argv:
    description: Program and arguments in the foreground.
    type: list
    elements: str
    default: []
  oneshot: {description: Whether it sets something up and ends., type: bool, default: false}
  stop: {description: With O(oneshot), what takes it away., type: list, elements: str, default: []}
  user: {description: Who runs it., type: str, default: root}
  environment: {description: Variables of the program., type: dict, default: {}}
  log: {description: Where an init script sends its output., type: str, default: ""}
  open_files: {description: Limit of open files., type: int, default: 65536}
  after: {description: Services that come first., type: list, elements: str, default: []}
  kill_mode:
    description: What systemd ends with it.
    type: str
    choices: [control-group, process, mixed]
    default: control-group
  grace_seconds: {description: How long it may take to end., type: int, default: 30}
  reload:
    description: Whether a running one reads its configuration anew.
    type: bool
    default: false
  wait_port: {description: TCP port on loopback that it answers at., type: int}
  wait_socket: {description: Unix socket that it answers at., type: str}
  wait_seconds: {description: How long until it answers., type: int, default: 30}
author: [Guesthouse maintainers]
"""

EXAMPLES = r"""
- name: Run the gateway
  guesthouse.platform.service:
    name: guesthouse-gateway
    description: Guesthouse gateway
    argv: [/usr/sbin/nginx, -c, /var/lib/guesthouse/gateway/nginx.conf, -g, "daemon off;"]
    wait_port: 443
"""

RETURN = r"""
init: {description: What starts services here, type: str, returned: always, sample: systemd}
did:
  description: What was done to it; start, restart, reload, or nothing.
  type: str
  returned: when it should be there
"""

LAST_LINES = 15
COMMAND_SECONDS = 90
SETTLE_SECONDS = 1.5


class StartFailed(Exception):
    """A service did not come up."""


class PortTaken(StartFailed):
    """Another program listens where a service of ours should; nothing was changed for it."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(
            f"port {port} is taken by another program, so {name} was not started; "
            f"`ss -ltnp 'sport = :{port}'` names it: end it, or choose another port"
        )


@dataclass(frozen=True)
class Init:
    """What starts services on this machine: paths and words."""

    name: str
    systemd: bool

    @property
    def path(self) -> Path:
        """Where its file is."""
        if self.systemd:
            return Path("/etc/systemd/system") / f"{self.name}.service"
        return Path("/etc/init.d") / self.name

    def text(self, service: units.Service) -> str:
        """Return the file."""
        return units.systemd_unit(service) if self.systemd else units.init_script(service)

    def do(self, verb: str) -> None:
        """Start, stop, restart or reload it.

        Raises:
            StartFailed: It said no.
        """
        argv = ["systemctl", verb, self.name] if self.systemd else [str(self.path), verb]
        done = _run(argv)
        if done.returncode != 0:
            raise StartFailed(f"{' '.join(argv)} ended with {done.returncode}: {done.stdout}")

    def is_running(self) -> bool:
        """Whether it is up."""
        if not self.path.exists():
            return False
        argv = ["systemctl", "is-active", "--quiet", self.name]
        return _run(argv if self.systemd else [str(self.path), "status"]).returncode == 0

    def is_enabled(self) -> bool:
        """Whether the machine starts it."""
        if self.systemd:
            return _run(["systemctl", "is-enabled", "--quiet", self.name]).returncode == 0
        return any(Path("/etc/rc2.d").glob(f"S??{self.name}"))

    def enable(self) -> None:
        """Have the machine start it."""
        if self.systemd:
            _run(["systemctl", "daemon-reload"])
            _run(["systemctl", "enable", "--quiet", self.name])
        else:
            _run(["update-rc.d", self.name, "defaults"])

    def remove(self) -> None:
        """Stop it and take its file away."""
        if self.is_running():
            self.do("stop")
        if self.systemd:
            _run(["systemctl", "disable", "--quiet", self.name])
        self.path.unlink(missing_ok=True)
        _run(
            ["systemctl", "daemon-reload"]
            if self.systemd
            else ["update-rc.d", self.name, "remove"]
        )

    def last_lines(self, log: str) -> str:
        """Return the end of what it said."""
        if self.systemd:
            return _run(["journalctl", "-u", self.name, "-n", str(LAST_LINES), "-o", "cat"]).stdout
        try:
            text = Path(log).read_text(encoding="utf-8", errors="replace") if log else ""
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-LAST_LINES:])


def _run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    return programs.run(argv, limit_seconds=COMMAND_SECONDS)


def answers(*, port: int | None, path: str | None) -> bool:
    """Whether something takes connections there."""
    family = socket.AF_UNIX if path else socket.AF_INET
    if not path and port is None:
        return True
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        try:
            client.connect(path or ("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait(init: Init, parameters: dict[str, Any]) -> None:
    """Wait until the service answers.

    Raises:
        StartFailed: It ended, or did not answer in time.
    """
    deadline = time.monotonic() + parameters["wait_seconds"]
    while not answers(port=parameters["wait_port"], path=parameters["wait_socket"]):
        if time.monotonic() > deadline:
            raise StartFailed(f"{init.name} did not answer within {parameters['wait_seconds']} s")
        time.sleep(0.1)
    # Somebody else may answer at that port while ours has given up. And for a moment a daemon that
    # was started in the background is start-stop-daemon still, not yet the program.
    settled = time.monotonic() + SETTLE_SECONDS
    while not init.is_running():
        if time.monotonic() > settled:
            raise StartFailed(f"{init.name} ended at once; is its port taken?")
        time.sleep(0.1)


def write(path: Path, text: str, *, mode: int) -> bool:
    """Write a file in one step; return whether that changed anything."""
    try:
        if path.read_text(encoding="utf-8") == text and path.stat().st_mode & 0o777 == mode:
            return False
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(mode)
    draft.replace(path)
    return True


def present(init: Init, service: units.Service, parameters: dict[str, Any]) -> tuple[bool, str]:
    """Bring the service up; return whether that changed anything, and what was done to it.

    Raises:
        PortTaken: Another program listens at its port; nothing was changed.
        StartFailed: It does not run, or does not answer.
    """
    port, was_running = parameters["wait_port"], init.is_running()
    if port is not None and not was_running and answers(port=port, path=None):
        raise PortTaken(init.name, port)
    written = write(init.path, init.text(service), mode=0o644 if init.systemd else 0o755)
    enabled = written or not init.is_enabled()
    if enabled:
        init.enable()
    if not was_running:
        verb = "start"
    elif written:
        verb = "restart"
    else:
        verb = "reload" if parameters["reload"] else ""
    if verb:
        init.do(verb)
    wait(init, parameters)
    return bool(verb) or enabled, verb


def absolute(argv: list[str]) -> tuple[str, ...]:
    """Return the words with the program's whole path, which units and scripts need."""
    if not argv:
        return ()
    return (shutil.which(argv[0], path=programs.PATHS) or argv[0], *argv[1:])


def service_of(parameters: dict[str, Any]) -> units.Service:
    """Return the service the task describes."""
    return units.Service(
        name=parameters["name"],
        description=parameters["description"] or parameters["name"],
        argv=absolute(parameters["argv"]),
        oneshot=parameters["oneshot"],
        stop=tuple(parameters["stop"]),
        user=parameters["user"],
        environment={str(k): str(v) for k, v in parameters["environment"].items()},
        log=parameters["log"],
        open_files=parameters["open_files"],
        after=tuple(parameters["after"]),
        kill_mode=parameters["kill_mode"],
        grace_seconds=parameters["grace_seconds"],
    )


def arguments() -> dict[str, Any]:
    """Return what the task may say."""
    words = {"type": "list", "elements": "str", "default": []}
    flag = {"type": "bool", "default": False}
    text = {"type": "str", "default": ""}
    return {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["started", "absent"], "default": "started"},
        "description": text,
        "argv": words,
        "oneshot": flag,
        "stop": words,
        "user": {"type": "str", "default": "root"},
        "environment": {"type": "dict", "default": {}},
        "log": text,
        "open_files": {"type": "int", "default": 65536},
        "after": words,
        "kill_mode": {
            "type": "str",
            "choices": ["control-group", "process", "mixed"],
            "default": "control-group",
        },
        "grace_seconds": {"type": "int", "default": 30},
        "reload": flag,
        "wait_port": {"type": "int"},
        "wait_socket": {"type": "str"},
        "wait_seconds": {"type": "int", "default": 30},
    }


def main() -> None:
    """Do as the task says."""
    module = AnsibleModule(argument_spec=arguments())
    service = service_of(module.params)
    init = Init(module.params["name"], systemd=Path("/run/systemd/system").is_dir())
    kind = "systemd" if init.systemd else "sysv"
    try:
        if module.params["state"] == "absent":
            there = init.path.exists()
            if there:
                init.remove()
            module.exit_json(changed=there, init=kind)
        found = units.problems(service)
        if found:
            module.fail_json(msg="; ".join(found))
        changed, verb = present(init, service, module.params)
        module.exit_json(changed=changed, init=kind, did=verb)
    except (StartFailed, subprocess.TimeoutExpired, OSError) as exc:
        module.fail_json(msg=str(exc), last_lines=init.last_lines(service.log))


if __name__ == "__main__":
    main()
