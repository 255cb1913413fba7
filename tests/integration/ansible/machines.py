"""Drives the playbooks as a person does: `ansible-playbook`, an inventory, a file of variables."""

import json
import secrets
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from guesthouse.adapters.ansible.files import inventory_file, variables_file
from guesthouse.instances import Connection
from guesthouse.kit import process

REPOSITORY = Path(__file__).parents[3]
COLLECTION = REPOSITORY / "ansible"
PLAY_LIMIT = timedelta(minutes=15)
COMMAND_LIMIT = timedelta(minutes=3)
ROOT = "/var/lib/guesthouse"


def free_port() -> int:
    """Return a port nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Played:
    """What a playbook run left behind."""

    code: int
    output: str
    events: Sequence[Mapping[str, Any]]

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks that ran to an end, in order."""
        return [str(e["task"]) for e in self.events if e["event"] == "ok"]

    @property
    def changed(self) -> list[str]:
        """Names of the tasks that changed something."""
        return [str(e["task"]) for e in self.events if e["event"] == "ok" and e["changed"]]

    @property
    def answer(self) -> dict[str, Any]:
        """The last dictionary `guesthouse`."""
        found = [e["guesthouse"] for e in self.events if e.get("guesthouse")]
        return dict(found[-1]) if found else {}


@dataclass(frozen=True)
class Machine:
    """One nested Docker host, with names nobody else has."""

    directory: Path
    prefix: str = field(default_factory=lambda: f"gh{secrets.token_hex(3)}")
    instance: str = "box"
    gateway_port: int = field(default_factory=free_port)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def container(self) -> str:
        return f"{self.prefix}-{self.instance}"

    @property
    def work(self) -> Path:
        return self.directory / "work"

    @property
    def address(self) -> str:
        return (self.work / "known_hosts").read_text().split()[0]

    @property
    def connection(self) -> Connection:
        return Connection(
            self.address,
            key_file=self.work / "id_ed25519",
            known_hosts=self.work / "known_hosts",
        )

    def variables(self, **more: object) -> dict[str, Any]:
        return {
            "guesthouse_instance": self.instance,
            "guesthouse_provider": "container",
            "guesthouse_prefix": self.prefix,
            "guesthouse_root": ROOT,
            "guesthouse_work": str(self.work),
            "guesthouse_gateway_port": self.gateway_port,
            "guesthouse_domain": "localhost",
            **self.extra,
            **more,
        }

    def launch(self) -> Played:
        return self.play("providers/container/launch.yml", Connection(""))

    def destroy(self) -> Played:
        return self.play("providers/container/destroy.yml", Connection(""))

    def provision(self, fingerprint: str) -> Played:
        return self.play(
            "playbooks/provision.yml", self.connection, guesthouse_fingerprint=fingerprint
        )

    def play(
        self, playbook: str, connection: Connection, *, home: str = "ansible", **more: object
    ) -> Played:
        """Run a playbook; another home shares no open connection."""
        inventory, variables = self.directory / "inventory.yml", self.directory / "variables.yml"
        inventory.write_text(inventory_file(connection))
        variables.write_text(variables_file(self.variables(**more)))
        done = process.run(
            [
                str(Path(sys.executable).with_name("ansible-playbook")),
                *("--inventory", str(inventory), "--extra-vars", f"@{variables}"),
                str(COLLECTION / playbook),
            ],
            limit=PLAY_LIMIT,
            env={
                **process.base_environment(),
                "ANSIBLE_CONFIG": str(COLLECTION / "ansible.cfg"),
                "ANSIBLE_HOME": str(self.directory / home),
                "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.directory / home / "cp"),
                "ANSIBLE_CALLBACK_PLUGINS": str(COLLECTION / "plugins" / "callback"),
                "ANSIBLE_STDOUT_CALLBACK": "events",
            },
        )
        return Played(done.code, done.output + done.errors, list(_events(done.output)))

    def hang_up(self) -> None:
        """End the connections that SSH keeps open."""
        for path in self.directory.glob("*/cp/*"):
            process.run(
                ["ssh", "-O", "exit", "-o", f"ControlPath={path}", "-"], limit=COMMAND_LIMIT
            )

    def run(self, *argv: str) -> process.Completed:
        """Run a program on the machine, around the network."""
        return docker("exec", self.container, *argv)

    def said(self, *argv: str) -> str:
        """Run a program on the machine that must succeed; return what it says."""
        done = self.run(*argv)
        assert done.ok, f"{argv}: {done.output}{done.errors}"
        return done.output.strip()


def docker(*words: str) -> process.Completed:
    """Run a command of this machine's engine."""
    return process.run(["docker", *words], limit=COMMAND_LIMIT)


def names(kind: str, prefix: str) -> list[str]:
    """Return the containers, volumes or networks whose names start so."""
    words = {"container": ("ps", "--all", "--format", "{{.Names}}")}
    done = docker(*words.get(kind, (kind, "ls", "--format", "{{.Name}}")))
    return [name for name in done.output.split() if name.startswith(prefix)]


def answers(address: str, port: int, *, seconds: float = 1.0) -> bool:
    """Whether something takes connections there."""
    with socket.socket() as client:
        client.settimeout(seconds)
        return client.connect_ex((address, port)) == 0


def image_from_machine(machine: Machine, tag: str) -> None:
    """Make an image with Python in the machine's own engine: no registry is needed for it."""
    parts = "bin lib lib64 usr/lib usr/lib64 usr/bin/python3 usr/bin/python3.11 etc/ld.so.cache"
    left_out = "--exclude=usr/lib/nginx --exclude=usr/lib/git-core --exclude=usr/lib/locale"
    machine.said("sh", "-c", f"tar -C / {left_out} -c {parts} | docker import - {tag}")


def _events(output: str) -> Sequence[Mapping[str, Any]]:
    lines = (line for line in output.splitlines() if line.startswith('{"event"'))
    return [json.loads(line) for line in lines]
