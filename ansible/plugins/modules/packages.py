#!/usr/bin/python
"""Installs packages in one transaction, without starting what they bring."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.guesthouse.platform.plugins.module_utils import archive

DOCUMENTATION = r"""
module: packages
short_description: Packages, in one transaction
description:
  - Installs what is missing with C(apt-get) and reads the package lists only then, so a second
    run takes a moment and needs no network. Needs no Python binding of APT on the machine.
  - Services of the packages are neither started nor, with O(dormant), enabled.
  - With O(suite), another suite of the distribution stands beside the host's own, at the very
    addresses APT uses already; only the packages O(pinned) are ever taken from it.
options:
  names: {description: Packages to have., type: list, elements: str, required: true}
  dormant:
    description: Services not to be enabled, by the package that brings them, if it is new.
    type: dict
    default: {}
  suite: {description: A suite to put beside the host's own., type: str, default: ""}
  codename: {description: "The host's own suite, needed with O(suite).", type: str, default: ""}
  pinned: {description: Packages preferred from O(suite)., type: list, elements: str, default: []}
  keyring:
    description: What signs O(suite).
    type: str
    default: /usr/share/keyrings/debian-archive-keyring.gpg
  repository: {description: Address of a further repository., type: str, default: ""}
  repository_suite: {description: Its suite., type: str, default: ""}
  repository_key: {description: "Its signing key, a file on the machine.", type: str, default: ""}
  record: {description: File that keeps the names of what was new., type: str, default: ""}
author: [Guesthouse maintainers]
"""

EXAMPLES = r"""
- name: Install nginx and leave its own service alone
  guesthouse.platform.packages:
    names: [nginx]
    dormant: {nginx: nginx}
"""

RETURN = r"""
installed:
  description: Packages that were missing
  type: list
  elements: str
  returned: always
  sample: [nginx]
"""

APT_SECONDS = 1500
LAST_LINES = 25
SOURCES = Path("/etc/apt/sources.list.d")
PREFERENCES = Path("/etc/apt/preferences.d")
POLICY = Path("/usr/sbin/policy-rc.d")
NOTHING = "#!/bin/sh\n# Guesthouse installs packages; removed when it is done.\nexit 101\n"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "NEEDRESTART_SUSPEND": "1",
}


class AptFailed(Exception):
    """A package tool ended badly."""


def run(*argv: str, limit: int = 60) -> str:
    """Run a program and return what it says.

    Raises:
        AptFailed: It failed; the message has its last lines.
    """
    # The proxies of the machine's owner are part of how its APT works.
    proxies = {k: v for k, v in os.environ.items() if k.lower().endswith("_proxy")}
    done = subprocess.run(  # noqa: S603 - argv lists only
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**ENVIRONMENT, **proxies},
        text=True,
        errors="replace",
        timeout=limit,
        check=False,
    )
    if done.returncode != 0:
        lines = "\n".join(done.stdout.splitlines()[-LAST_LINES:])
        raise AptFailed(f"{' '.join(argv[:2])} ended with {done.returncode}: {lines}")
    return done.stdout


def missing(names: list[str]) -> list[str]:
    """Return those of the packages that are not installed."""
    try:
        text = run("dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Abbrev}\n")
    except AptFailed:
        return names
    rows = (line.split() for line in text.splitlines())
    there = {row[0] for row in rows if len(row) > 1 and row[1] == "ii"}
    return [name for name in names if name not in there]


def write(path: Path, text: str) -> None:
    """Write a file of APT's in one step."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o644)
    draft.replace(path)


def add_suite(parameters: dict[str, Any]) -> None:
    """Put another suite beside the host's own.

    Raises:
        AptFailed: APT does not read the host's own suite, so there is no address to derive.
    """
    suite, codename = parameters["suite"], parameters["codename"]
    own = SOURCES / f"guesthouse-{suite}.sources"
    text = run(*archive.TARGETS)
    configured = archive.targets(text)
    if not any(target.release == codename for target in configured):
        raise AptFailed(f"APT reads no archive of {codename}, so none of {suite} can be derived")
    archives = archive.beside(configured, codename=codename, suite=suite)
    if archives:
        write(own, archive.sources(archives, keyring=parameters["keyring"]))
    pins = archive.preferences(suite, parameters["pinned"])
    write(PREFERENCES / f"guesthouse-{suite}", pins)


def add_repository(parameters: dict[str, Any]) -> None:
    """Add a further repository, with the key that signs it."""
    archives = [(parameters["repository"], parameters["repository_suite"])]
    text = archive.sources(archives, keyring=parameters["repository_key"])
    text = text.replace("Components: main", "Components: stable")
    write(SOURCES / "guesthouse-docker.sources", text)


@contextmanager
def nothing_starts() -> Iterator[None]:
    """Keep packages from starting their services while the block runs."""
    kept = POLICY.with_name("policy-rc.d.guesthouse-kept")
    # One of ours that an interrupted run left behind is nobody's wish.
    if POLICY.exists() and POLICY.read_text(encoding="utf-8") != NOTHING:
        shutil.copy2(POLICY, kept)
    POLICY.write_text(NOTHING, encoding="utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        if kept.exists():
            kept.replace(POLICY)
        else:
            POLICY.unlink()


def disable(service: str) -> None:
    """Keep the machine from starting a service at boot."""
    if shutil.which("systemctl", path=ENVIRONMENT["PATH"]):
        run("systemctl", "disable", "--quiet", service)
    if Path("/etc/init.d", service).exists() and shutil.which(
        "update-rc.d", path=ENVIRONMENT["PATH"]
    ):
        run("update-rc.d", service, "disable")


def install(parameters: dict[str, Any], names: list[str]) -> None:
    """Install packages in one transaction.

    Raises:
        AptFailed: APT could not.
    """
    if parameters["suite"]:
        add_suite(parameters)
    if parameters["repository"]:
        add_repository(parameters)
    options = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3", "--quiet"]
    run("apt-get", "update", *options, limit=APT_SECONDS)
    kept = ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
    with nothing_starts():
        run(
            "apt-get",
            "install",
            *options,
            *kept,
            "--yes",
            "--no-install-recommends",
            *names,
            limit=APT_SECONDS,
        )
    for package, service in parameters["dormant"].items():
        if package in names:
            disable(service)


def record(path: Path, names: list[str]) -> None:
    """Add names to the list of what was installed for us."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.writelines(f"{name}\n" for name in names)


def main() -> None:
    """Do as the task says."""
    words = {"type": "list", "elements": "str", "default": []}
    text = {"type": "str", "default": ""}
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "dormant": {"type": "dict", "default": {}},
            "suite": text,
            "codename": text,
            "pinned": words,
            "keyring": {
                "type": "str",
                "default": "/usr/share/keyrings/debian-archive-keyring.gpg",
                "no_log": False,
            },
            "record": text,
            "repository": text,
            "repository_suite": text,
            "repository_key": {"type": "str", "default": "", "no_log": False},
        },
        supports_check_mode=True,
    )
    names = missing(module.params["names"])
    if names and not module.check_mode:
        try:
            install(module.params, names)
            if module.params["record"]:
                record(Path(module.params["record"]), names)
        except (AptFailed, subprocess.TimeoutExpired) as exc:
            module.fail_json(msg=str(exc), missing=names)
    module.exit_json(changed=bool(names), installed=names)


if __name__ == "__main__":
    main()
