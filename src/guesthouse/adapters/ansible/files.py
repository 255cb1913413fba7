"""What Ansible is handed: an inventory of one machine and a file of variables. Texts only."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from guesthouse.instances import Connection

HOST = "instance"
UNSAFE = "__ansible_unsafe"
REFUSED_PREFIXES = ("ansible_", "vault_")


def variables_file(variables: Mapping[str, Any]) -> str:
    """Return JSON in which every text is data, never a template.

    Extra variables are templated wherever they come from, so each text is marked unsafe; that is
    what stops it. In YAML, ``!unsafe "123"`` would come out as a number (ansible-core 2.19); the
    JSON mark keeps texts texts.

    Args:
        variables: Plain values by name.

    Raises:
        ValueError: A name is one Ansible gives a meaning of its own.
    """
    refused = [name for name in variables if name.startswith(REFUSED_PREFIXES)]
    if refused:
        message = f"variables named {', '.join(refused)} would steer Ansible itself"
        raise ValueError(message)
    return json.dumps(_unsafe(dict(variables)), sort_keys=True)


def inventory_file(connection: Connection, *, is_root: bool = True) -> str:
    """Return the inventory of one machine.

    Args:
        connection: How it is reached.
        is_root: Whether we are root here; elsewhere the connection says who we are.
    """
    settings: dict[str, Any] = {"ansible_python_interpreter": "/usr/bin/python3"}
    if connection.is_local:
        settings["ansible_connection"] = "local"
    else:
        settings |= {
            "ansible_host": connection.address,
            "ansible_port": connection.port,
            "ansible_user": connection.user,
            "ansible_ssh_common_args": " ".join(ssh_options(connection)),
        }
        if connection.key_file is not None:
            settings["ansible_ssh_private_key_file"] = str(connection.key_file)
    if not (is_root if connection.is_local else connection.user == "root"):
        settings["ansible_become"] = True
    return yaml.safe_dump({"all": {"hosts": {HOST: settings}}}, sort_keys=True)


def ssh_options(connection: Connection) -> list[str]:
    """Return the options that pin the host key and ask nobody anything."""
    return [
        "-o",
        "StrictHostKeyChecking=yes",
        "-o",
        f"UserKnownHostsFile={connection.known_hosts}",
        "-o",
        "GlobalKnownHostsFile=/dev/null",
        "-o",
        "BatchMode=yes",
        "-o",
        "IdentitiesOnly=yes",
        "-o",
        "ConnectTimeout=10",
    ]


def _unsafe(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return {UNSAFE: value}
    if isinstance(value, Mapping):
        return {_plain_key(key): _unsafe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_unsafe(item) for item in value]
    return value


def _plain_key(key: object) -> str:
    """Return a key as text; one that Ansible would read as a mark of its own is refused."""
    text = str(key)
    if text.startswith("__ansible") or "{{" in text or "{%" in text:
        message = f"a key called {text!r} would mean something to Ansible"
        raise ValueError(message)
    return text
