#!/usr/bin/python
"""Makes and removes a machine in a container: a nested Docker host with an sshd of its own."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.guesthouse.platform.plugins.module_utils import keys, machine_network
from ansible_collections.guesthouse.platform.plugins.module_utils.resolvers import resolvers

DOCUMENTATION = r"""
module: container_host
short_description: A nested Docker host that stands in for a cloud machine
description:
  - Runs on the control plane. Makes the image, the network, the volume, a key pair and the
    container, each only when it is missing, and reads the machine's host key out of the container
    rather than believing the network. Answers how it is reached, under the key C(guesthouse).
options:
  name: {description: Name of the instance., type: str, required: true}
  state:
    description: Whether it should be there.
    type: str
    choices: [running, absent]
    default: running
  work: {description: "Directory for its SSH key and known_hosts.", type: str, required: true}
  image_files: {description: Directory of the image's Dockerfile., type: str}
  base: {description: Image it is built on., type: str, default: "debian:bookworm"}
  gateway_port: {description: "Published on 127.0.0.1, and where its gateway listens.", type: int}
  console:
    description: Host name of the console; resolves to this machine inside.
    type: str
    default: ""
  pool:
    description: Where the machines' own containers have their networks; theirs is none of it.
    type: str
    default: 10.201.0.0/16
  prefix:
    description: What names of containers, volumes and networks start with.
    type: str
    default: guesthouse
author: [Guesthouse maintainers]
"""

EXAMPLES = r"""
- name: Launch
  guesthouse.platform.container_host:
    name: box
    work: /srv/guesthouse/keys/box
    image_files: files
    gateway_port: 8444
"""

RETURN = r"""
guesthouse:
  description: Address, port, user, host key; or what was removed.
  type: dict
  returned: always
"""

LABEL = "app.guesthouse.machine"
COMMAND_SECONDS = 600
START_SECONDS = 60


class DockerFailed(Exception):
    """Docker said no."""


@dataclass(frozen=True)
class Names:
    """What the parts of one machine are called."""

    instance: str
    prefix: str

    @property
    def container(self) -> str:
        """Name of the container, and of its host."""
        return f"{self.prefix}-{self.instance}"

    @property
    def volume(self) -> str:
        """Holds /var/lib/docker, where an overlay on an overlay would fail."""
        return f"{self.prefix}-{self.instance}-docker"

    @property
    def network(self) -> str:
        """The bridge all machines of this kind share."""
        return f"{self.prefix}-machines"


class Docker:
    """The engine of the control plane, through its command line."""

    def __init__(self) -> None:
        # The socket belongs to root or a group; who is in neither asks through sudo.
        path = Path("/var/run/docker.sock")
        refused = path.exists() and not os.access(path, os.W_OK)
        self._argv = ["sudo", "-n", "docker"] if refused else ["docker"]

    def ask(self, *words: str) -> tuple[int, str]:
        """Run a command; return its code and what it says."""
        done = subprocess.run(  # noqa: S603 - argv lists only
            [*self._argv, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_SECONDS,
            check=False,
        )
        return done.returncode, (done.stdout if done.returncode == 0 else done.stderr).strip()

    def do(self, *words: str) -> str:
        """Run a command that must succeed; return what it says.

        Raises:
            DockerFailed: It did not.
        """
        code, text = self.ask(*words)
        if code != 0:
            raise DockerFailed(f"docker {words[0]} failed: {text[-2000:]}")
        return text

    def field(self, kind: str, name: str, template: str) -> str | None:
        """Return a field of an object; None where there is no such object."""
        code, text = self.ask(kind, "inspect", "--format", template, name)
        return text if code == 0 else None


def image_for(docker: Docker, parameters: dict[str, Any]) -> tuple[str, bool]:
    """Return the image's name, named by its content, and whether it was made just now."""
    directory = Path(parameters["image_files"])
    digest = hashlib.sha256(parameters["base"].encode())
    digest.update((docker.field("image", parameters["base"], "{{.Id}}") or "").encode())
    for path in sorted(directory.iterdir()):
        digest.update(path.read_bytes())
    name = f"guesthouse-machine:{digest.hexdigest()[:12]}"
    if docker.field("image", name, "{{.Id}}") is not None:
        return name, False
    docker.do(
        "build",
        "--quiet",
        "--build-arg",
        f"BASE={parameters['base']}",
        "--label",
        f"{LABEL}=image",
        "--tag",
        name,
        str(directory),
    )
    return name, True


def network_of(docker: Docker, names: Names, pool: str) -> str:
    """Have the machines' network; return the address of this machine on it.

    It is of no network that containers within the machines have: the engine here may hand out the
    very same ones, and then the machine would take this machine's address for one of its own.

    Raises:
        DockerFailed: It could not be made.
        NoNetworkFree: There is no network left for it.
    """
    if docker.field("network", names.network, "{{.Id}}") is None:
        network = machine_network.free_here(pool)
        subnet, gateway = str(network), str(next(network.hosts()))
        label = ("--label", f"{LABEL}=shared")
        space = ("--subnet", subnet, "--gateway", gateway)
        docker.do("network", "create", *label, *space, names.network)
    here = docker.field("network", names.network, "{{(index .IPAM.Config 0).Gateway}}")
    if not here or ipaddress.ip_address(here) in ipaddress.ip_network(pool):
        raise DockerFailed(
            f"network {names.network} is of {pool}, where the machines' own containers are; "
            "destroy the instances of provider container, and it is made anew"
        )
    return here


def run_argv(names: Names, image: str, parameters: dict[str, Any], here: str) -> list[str]:
    """Return the words that make the container; `here` is this machine's address to it."""
    port = parameters["gateway_port"]
    hosts = ["--add-host", f"{parameters['console']}:{here}"] if parameters["console"] else []
    # The engine's own name server answers on loopback, where containers of the machine cannot ask.
    names_at = " ".join(resolvers())
    return [
        *("run", "--detach", "--init", "--privileged", "--restart", "unless-stopped"),
        *("--name", names.container, "--hostname", names.container),
        *("--label", f"{LABEL}={names.instance}", "--network", names.network),
        *("--volume", f"{names.volume}:/var/lib/docker"),
        *("--publish", f"127.0.0.1:{port}:{port}"),
        *("--env", f"MACHINE_RESOLVERS={names_at}"),
        *hosts,
        image,
    ]


def launch(docker: Docker, names: Names, parameters: dict[str, Any]) -> bool:
    """Have the container run; return whether that changed anything.

    Raises:
        DockerFailed: It could not be made.
    """
    state = docker.field("container", names.container, "{{.State.Running}}")
    if state == "true":
        return False
    if state == "false":
        docker.do("start", names.container)
        return True
    image, _ = image_for(docker, parameters)
    here = network_of(docker, names, parameters["pool"])
    docker.do("volume", "create", "--label", f"{LABEL}={names.instance}", names.volume)
    code, text = docker.ask(*run_argv(names, image, parameters, here))
    if code != 0:
        # A container that could not start (its port is taken) would be in the way next time.
        docker.ask("rm", "--force", "--volumes", names.container)
        raise DockerFailed(f"the machine could not be started: {text[-2000:]}")
    return True


def admit(docker: Docker, names: Names, public_key: str) -> None:
    """Let our key in: it is written through Docker, before anybody listens to the network."""
    script = 'umask 077; mkdir -p /root/.ssh; printf "%s\\n" "$1" > /root/.ssh/authorized_keys'
    docker.do("exec", names.container, "sh", "-c", script, "sh", public_key)


def host_key(docker: Docker, names: Names) -> str:
    """Return the machine's host key, read out of the container itself.

    Raises:
        DockerFailed: It has none after a while, or the container ended.
    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        code, text = docker.ask(
            "exec", names.container, "cat", "/etc/ssh/ssh_host_ed25519_key.pub"
        )
        if code == 0 and text:
            return " ".join(text.split()[:2])
        if time.monotonic() > deadline:
            raise DockerFailed(f"{names.container} has no host key: {text}")
        time.sleep(0.2)


def running(docker: Docker, names: Names, parameters: dict[str, Any]) -> dict[str, Any]:
    """Bring the machine up and tell how it is reached."""
    work = Path(parameters["work"])
    public_key, made = keys.key_pair(work)
    changed = launch(docker, names, parameters)
    if changed or made:
        admit(docker, names, public_key)
    key = host_key(docker, names)
    template = f'{{{{(index .NetworkSettings.Networks "{names.network}").IPAddress}}}}'
    address = docker.field("container", names.container, template) or ""
    changed |= keys.pin(work, address=address, port=22, key=key)
    answer = {
        "address": address,
        "port": 22,
        "user": "root",
        "host_key": key,
        "gateway_address": "127.0.0.1",
        "gateway_port": parameters["gateway_port"],
    }
    return {"changed": changed or made, "guesthouse": answer}


def absent(docker: Docker, names: Names, parameters: dict[str, Any]) -> dict[str, Any]:
    """Take the machine away, the network with the last one, and its keys."""
    removed = []
    if docker.field("container", names.container, "{{.Id}}") is not None:
        docker.do("rm", "--force", "--volumes", names.container)
        removed.append(f"container {names.container}")
    if docker.field("volume", names.volume, "{{.Name}}") is not None:
        docker.do("volume", "rm", names.volume)
        removed.append(f"volume {names.volume}")
    members = docker.field("network", names.network, "{{len .Containers}}")
    if members == "0" and not _machines(docker, names):
        docker.do("network", "rm", names.network)
        removed.append(f"network {names.network}")
    removed += keys.forget(Path(parameters["work"]))
    return {"changed": bool(removed), "guesthouse": {"removed": removed}}


def _machines(docker: Docker, names: Names) -> str:
    """Return the machines on our network, stopped ones included."""
    return docker.do("ps", "--all", "--quiet", "--filter", f"network={names.network}")


def main() -> None:
    """Do as the task says."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["running", "absent"], "default": "running"},
            "work": {"type": "str", "required": True},
            "image_files": {"type": "str"},
            "base": {"type": "str", "default": "debian:bookworm"},
            "gateway_port": {"type": "int"},
            "console": {"type": "str", "default": ""},
            "pool": {"type": "str", "default": "10.201.0.0/16"},
            "prefix": {"type": "str", "default": "guesthouse"},
        },
        required_if=[("state", "running", ["image_files", "gateway_port"])],
    )
    names = Names(module.params["name"], module.params["prefix"])
    act = running if module.params["state"] == "running" else absent
    try:
        module.exit_json(**act(Docker(), names, module.params))
    except (
        DockerFailed,
        machine_network.NoNetworkFree,
        subprocess.SubprocessError,
        OSError,
    ) as exc:
        module.fail_json(msg=str(exc))


if __name__ == "__main__":
    main()
