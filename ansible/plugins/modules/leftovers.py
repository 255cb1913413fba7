#!/usr/bin/python
"""Takes away what environments left in an engine: containers, networks, volumes, images."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.guesthouse.platform.plugins.module_utils import programs

DOCUMENTATION = r"""
module: leftovers
short_description: Take away what environments left in an engine
description:
  - Removes the Compose projects whose files are below O(root), with their containers, networks,
    volumes and images. Projects of others on the same engine are never touched. Answers what was
    removed, under the key C(guesthouse).
options:
  root: {description: The directory everything of ours is in., type: str, required: true}
  also_removed:
    description: Further things the playbook removed, for the answer.
    type: list
    elements: str
    default: []
author: [Guesthouse maintainers]
"""

EXAMPLES = r"""
- name: Remove what environments left
  guesthouse.platform.leftovers:
    root: /var/lib/guesthouse
"""

RETURN = r"""
guesthouse:
  description: What was removed, and which packages stay.
  type: dict
  returned: always
"""

DIRECTORY_LABEL = "com.docker.compose.project.working_dir"
PROJECT_LABEL = "com.docker.compose.project"
COMMAND_SECONDS = 300
KINDS = {
    "container": (("ps", "--all"), ("rm", "--force", "--volumes")),
    "network": (("network", "ls"), ("network", "rm")),
    "volume": (("volume", "ls"), ("volume", "rm", "--force")),
    "image": (("image", "ls"), ("image", "rm", "--force")),
}


class DockerFailed(Exception):
    """Docker said no."""


def docker(*words: str) -> str:
    """Run a command that must succeed; return what it says.

    Raises:
        DockerFailed: It did not.
    """
    done = subprocess.run(  # noqa: S603 - argv lists only
        ["docker", *words],  # noqa: S607 - found on the fixed path below
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=COMMAND_SECONDS,
        check=False,
        env={"PATH": programs.PATHS, "HOME": "/nonexistent", "LANG": "C.UTF-8"},
    )
    if done.returncode != 0:
        raise DockerFailed(f"docker {words[0]} failed: {done.stderr.strip()[-1000:]}")
    return done.stdout


def projects(root: str) -> set[str]:
    """Return the Compose projects whose files are below a directory."""
    ids = docker("ps", "--all", "--quiet", "--filter", f"label={DIRECTORY_LABEL}").split()
    found = set()
    for inspected in json.loads(docker("inspect", *ids)) if ids else []:
        labels = inspected["Config"]["Labels"]
        directory = Path(labels[DIRECTORY_LABEL])
        if Path(root) in directory.parents and PROJECT_LABEL in labels:
            found.add(labels[PROJECT_LABEL])
    # Without its containers a project is known by the directory that made it.
    found |= {f"gh-{path.name}" for path in Path(root, "environments").glob("*") if path.is_dir()}
    return found


def remove(project: str) -> list[str]:
    """Remove all of one project; return what there was."""
    removed = []
    for kind, (listing, removal) in KINDS.items():
        wanted = ("--quiet", "--filter", f"label={PROJECT_LABEL}={project}")
        ids = sorted(set(docker(*listing, *wanted).split()))
        if ids:
            docker(*removal, *ids)
            removed += [f"{kind} {identity} of {project}" for identity in ids]
    return removed


def kept_packages(root: str) -> list[str]:
    """Return the packages that were installed for us, and stay."""
    try:
        return sorted(set(Path(root, "packages").read_text(encoding="utf-8").split()))
    except OSError:
        return []


def act(parameters: dict[str, Any]) -> dict[str, Any]:
    """Remove, and tell."""
    removed: list[str] = []
    if shutil.which("docker", path=programs.PATHS) and Path("/var/run/docker.sock").exists():
        removed = [row for name in sorted(projects(parameters["root"])) for row in remove(name)]
    answer = {
        "removed": removed + parameters["also_removed"],
        "kept_packages": kept_packages(parameters["root"]),
    }
    return {"changed": bool(removed), "guesthouse": answer}


def main() -> None:
    """Do as the task says."""
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "str", "required": True},
            "also_removed": {"type": "list", "elements": "str", "default": []},
        }
    )
    try:
        module.exit_json(**act(module.params))
    except (DockerFailed, subprocess.SubprocessError, OSError) as exc:
        module.fail_json(msg=str(exc))


if __name__ == "__main__":
    main()
