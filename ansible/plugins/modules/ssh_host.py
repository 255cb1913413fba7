#!/usr/bin/python
"""Pins an existing machine's host key and tries whether it lets us in."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.guesthouse.platform.plugins.module_utils import keys

DOCUMENTATION = r"""
module: ssh_host
short_description: A machine that exists already
description:
  - Runs on the control plane. Writes the known_hosts of an instance from the host key its owner
    declared, never from what the network says, and connects once. Answers how it is reached, under
    the key C(guesthouse).
options:
  name: {description: Name of the instance., type: str, required: true}
  state:
    description: Whether we know it.
    type: str
    choices: [reachable, absent]
    default: reachable
  work: {description: Directory for its key and known_hosts., type: str, required: true}
  address: {description: Where it is., type: str}
  port: {description: Port of its sshd., type: int, default: 22}
  user: {description: Who we are there., type: str, default: root}
  host_key:
    description: Its host key, as in /etc/ssh/ssh_host_ed25519_key.pub.
    type: str
    default: ""
  key_file: {description: A private key that opens it; empty makes one., type: str, default: ""}
  gateway_port: {description: Where its gateway listens., type: int, default: 443}
author: [Guesthouse maintainers]
"""

EXAMPLES = r"""
- name: Take an existing machine
  guesthouse.platform.ssh_host:
    name: vm1
    work: /srv/guesthouse/keys/vm1
    address: 203.0.113.7
    host_key: ssh-ed25519 AAAA…
"""

RETURN = r"""
guesthouse:
  description: Address, port, user, host key; or what was removed.
  type: dict
  returned: always
"""

CONNECT_SECONDS = 30
WORD = re.compile(r"^[A-Za-z0-9_.:%-]+$")
HOST_KEY = re.compile(r"^(?:ssh-ed25519|ecdsa-sha2-nistp\d+|ssh-rsa) [A-Za-z0-9+/=]+$")


class Refused(Exception):
    """The machine is not reached as declared."""


def host_key(text: str) -> str:
    """Return the type and the key, without the comment.

    Raises:
        Refused: It is not a public key.
    """
    key = " ".join(text.split()[:2])
    if not key:
        raise Refused(
            "its host_key is not declared; read it on the machine itself: "
            "cat /etc/ssh/ssh_host_ed25519_key.pub"
        )
    if not HOST_KEY.match(key):
        raise Refused("its host_key is not a public key such as `ssh-ed25519 AAAA…`")
    return key


def argv(parameters: dict[str, Any], private: Path) -> list[str]:
    """Return the words that try the door."""
    settings = {
        "BatchMode": "yes",
        "ConnectTimeout": "10",
        "GlobalKnownHostsFile": "/dev/null",
        "IdentitiesOnly": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(Path(parameters["work"], "known_hosts")),
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    place = ["-i", str(private), "-p", str(parameters["port"]), "-l", parameters["user"]]
    return ["ssh", "-F", "none", *options, *place, "--", parameters["address"], "true"]


def sentence(name: str, said: str, public_key: str) -> str:
    """Return what is wrong with the machine, from what ssh said."""
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in said or "Host key verification failed" in said:
        return (
            f"{name} showed another host key than the one declared; it is not the machine we know"
        )
    if "Permission denied" in said:
        return (
            f"{name} refused our key; let it in there by adding to authorized_keys: {public_key}"
        )
    last = said.strip().splitlines()[-1:] or ["ssh said nothing"]
    return f"{name} cannot be reached: {last[0]}"


def reachable(parameters: dict[str, Any]) -> dict[str, Any]:
    """Pin the host key, connect once, tell how it is reached.

    Raises:
        Refused: The key is missing or another, ours is refused, or the machine is away.
    """
    work, key = Path(parameters["work"]), host_key(parameters["host_key"])
    for field in ("address", "user"):
        if not WORD.match(parameters[field] or "") or parameters[field].startswith("-"):
            raise Refused(f"its {field} {parameters[field]!r} is not a plain word")
    public_key, made, private = "", False, Path(parameters["key_file"] or work / "id_ed25519")
    if not parameters["key_file"]:
        public_key, made = keys.key_pair(work)
    pinned = keys.pin(work, address=parameters["address"], port=parameters["port"], key=key)
    done = subprocess.run(  # noqa: S603 - an argv list
        argv(parameters, private),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=CONNECT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise Refused(sentence(parameters["name"], done.stderr, public_key))
    answer = {
        "address": parameters["address"],
        "port": parameters["port"],
        "user": parameters["user"],
        "host_key": key,
        "gateway_address": parameters["address"],
        "gateway_port": parameters["gateway_port"],
    }
    return {"changed": made or pinned, "guesthouse": answer}


def main() -> None:
    """Do as the task says."""
    text = {"type": "str", "default": ""}
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["reachable", "absent"], "default": "reachable"},
            "work": {"type": "str", "required": True},
            "address": {"type": "str"},
            "port": {"type": "int", "default": 22},
            "user": {"type": "str", "default": "root"},
            "host_key": {**text, "no_log": False},
            "key_file": {**text, "no_log": False},
            "gateway_port": {"type": "int", "default": 443},
        },
        required_if=[("state", "reachable", ["address"])],
    )
    try:
        if module.params["state"] == "absent":
            removed = keys.forget(Path(module.params["work"]))
            module.exit_json(changed=bool(removed), guesthouse={"removed": removed})
        module.exit_json(**reachable(module.params))
    except (Refused, subprocess.SubprocessError, OSError) as exc:
        module.fail_json(msg=str(exc))


if __name__ == "__main__":
    main()
