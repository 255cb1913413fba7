"""One environment on this machine's engine: what the module is given, and a way to call it."""

import asyncio
import io
import json
import sys
import tarfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from guesthouse.kit import process

REPOSITORY = Path(__file__).parents[3]
DRIVER = [sys.executable, "-I", "-S", str(Path(__file__).with_name("drive.py"))]
LIMIT = timedelta(seconds=120)
BASE_IMAGE = "gh-stack-tests-base:1"
FOREVER = ["sleep", "1000"]

Json = dict[str, Any]


def service(command: list[str], **more: Any) -> Json:  # noqa: ANN401 - any Compose key
    """Return a service with what the platform always emits."""
    # A network of its own costs a second on this engine; few tests are about that.
    network = {} if {"networks", "ports"} & set(more) else {"network_mode": "none"}
    return {
        **network,
        "image": BASE_IMAGE,
        "command": command,
        "init": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "logging": {"driver": "local"},
        "restart": "unless-stopped",
        **more,
    }


def healthy_when(*test: str) -> Json:
    """Return a health check that asks often."""
    return {"test": ["CMD", *test], "interval": "300ms", "retries": 3, "start_period": "0s"}


def shell(script: str) -> list[str]:
    """Return a command that runs a script; Compose must not read its dollar signs."""
    return ["sh", "-c", script.replace("$", "$$")]


def bundle(path: Path, files: dict[str, str]) -> Path:
    """Write a tar of sources."""
    with tarfile.open(path, "w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


AWAY = '''
"""This machine, as if it were another: files are copied to it."""
import os
from ansible.plugins.connection.local import Connection as Local
DOCUMENTATION = "name: away\\nshort_description: this machine as another\\noptions: {}"
class Connection(Local):
    transport = "away"
    def put_file(self, in_path, out_path):
        with open(os.environ["COPIED"], "a") as file:
            file.write(out_path + "\\n")
        return super().put_file(in_path, out_path)
'''


def playbook(directory: Path, deployment: Json) -> list[str]:
    """Return the words that run the real playbook on this machine, as if it were another."""
    plugins = directory / "connections"
    plugins.mkdir()
    (plugins / "away.py").write_text(AWAY)
    variables = directory / "variables.json"
    variables.write_text(json.dumps({"deployment": deployment}))
    inventory = directory / "inventory.json"
    host = {"ansible_connection": "away", "ansible_python_interpreter": "/usr/bin/python3"}
    inventory.write_text(json.dumps({"all": {"hosts": {"instance": host}}}))
    return [
        str(Path(sys.executable).with_name("ansible-playbook")),
        *("--inventory", str(inventory), "--extra-vars", f"@{variables}"),
        str(REPOSITORY / "ansible" / "playbooks" / "deploy.yml"),
    ]


def playbook_environment(directory: Path) -> dict[str, str]:
    """Return the environment that playbook runs in."""
    return {
        **process.base_environment(),
        "ANSIBLE_CONFIG": str(REPOSITORY / "ansible" / "ansible.cfg"),
        "ANSIBLE_HOME": str(directory / "home"),
        "ANSIBLE_LOCAL_TEMP": str(directory / "tmp"),
        "ANSIBLE_CONNECTION_PLUGINS": str(directory / "connections"),
        "COPIED": str(directory / "copied"),
        "ANSIBLE_NOCOLOR": "1",
    }


def docker(*words: str) -> str:
    """Return what a docker command says."""
    done = process.run(["docker", *words], limit=LIMIT)
    assert done.ok, done.errors
    return done.output.strip()


@dataclass
class Box:
    """An environment's directory and Compose project, removed after the test."""

    project: str
    root: Path
    directory: Path
    """For what is not the instance's: bundles, sites."""
    runs: int = 0
    last_log: Path = field(default_factory=Path)

    def deployment(self, services: Json, *, top: Json | None = None, **more: Any) -> Json:  # noqa: ANN401
        """Return a deployment of services, expected as they are, under a run of its own."""
        self.runs += 1
        run = f"run-{self.runs}"
        self.last_log = self.root / "runs" / f"{run}.log"
        started = {name: s for name, s in services.items() if "profiles" not in s}
        base = {
            "action": "deploy",
            "root": str(self.root),
            "project": self.project,
            "environment": self.project,
            "run": run,
            "log": str(self.last_log),
            "compose": json.dumps({"services": services, **(top or {})}),
            "expected": {name: {"cap_drop": ["ALL"], "replicas": 1} for name in started},
            "wait_seconds": 20,
            "settle_seconds": 0.3,
        }
        return {**base, **more}

    def action(self, action: str, **more: Any) -> Json:  # noqa: ANN401
        """Return what an action other than deploy is given, under the last run's id."""
        return {
            "action": action,
            "root": str(self.root),
            "project": self.project,
            "environment": self.project,
            "run": f"run-{self.runs}",
            "log": str(self.directory / f"{action}.log"),
            **more,
        }

    def call(self, deployment: Json, **variables: str) -> Json:
        """Run the module to its end and return its answer."""
        done = process.run(
            DRIVER,
            limit=LIMIT,
            env={**process.base_environment(), **variables},
            stdin=json.dumps(deployment).encode(),
        )
        assert done.ok, done.output + done.errors
        return answer_in(done.output)

    def deploy(self, services: Json, **more: Any) -> Json:  # noqa: ANN401
        """Deploy services and return the answer."""
        return self.call(self.deployment(services, **more))

    async def start(
        self, deployment: Json, *, output: int = asyncio.subprocess.PIPE
    ) -> asyncio.subprocess.Process:
        """Start the module and leave it at work."""
        child = await asyncio.create_subprocess_exec(
            *DRIVER,
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
        )
        assert child.stdin is not None
        child.stdin.write(json.dumps(deployment).encode())
        await child.stdin.drain()
        child.stdin.close()
        return child

    def log(self) -> str:
        """Return the log of the last deployment."""
        return log_text(self.last_log)

    def containers(self) -> list[str]:
        """Return the ids of all containers of the project."""
        label = f"label=com.docker.compose.project={self.project}"
        return sorted(docker("ps", "-aq", "--no-trunc", "--filter", label).split())

    def volumes(self) -> list[str]:
        """Return the names of all volumes of the project."""
        label = f"label=com.docker.compose.project={self.project}"
        return docker("volume", "ls", "--quiet", "--filter", label).split()

    def command_of(self, name: str) -> str:
        """Return what the one container of a service runs, or nothing where it does not run."""
        label = f"label=com.docker.compose.project={self.project}"
        own = f"label=com.docker.compose.service={name}"
        return docker(
            "ps", "--no-trunc", "--filter", label, "--filter", own, "--format", "{{.Command}}"
        )

    def remove(self) -> None:
        """Remove all of it."""
        answer = self.call(self.action("destroy"))
        assert answer["failure"] is None, answer


async def says(path: Path, text: str) -> None:
    """Wait until a log holds a text."""
    async with asyncio.timeout(LIMIT.total_seconds()):
        while text not in log_text(path):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)


def log_text(path: Path) -> str:
    """Return what a log holds; nothing where there is none yet."""
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def answer_in(output: str) -> Json:
    """Return the answer in what was printed; empty lines come before it."""
    answer: Json = json.loads(output)
    return answer
