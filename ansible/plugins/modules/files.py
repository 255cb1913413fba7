#!/usr/bin/python
"""Makes directories and writes files: what a role puts on a machine, in one task."""

from __future__ import annotations

import functools
import grp
import os
import pwd
import stat
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: files
short_description: Directories and files of a role, all in one task
description:
  - Makes directories, then writes files, in the order they are given. Each file takes its place by
    rename, whole and with its owner and mode, or the old one stays. In one task, because every
    task costs time; what changed is told path by path, so that a service starts anew for its own
    files alone.
options:
  directories:
    description: Directories that should be there; their parents are made as needed.
    type: list
    elements: dict
    default: []
    suboptions: &place
      path: {description: Where., type: path, required: true}
      mode: {description: Its permissions, octal., type: str}
      owner: {description: Whose it is., type: str, default: root}
      group: {description: Its group., type: str, default: root}
  files:
    description: Files that should read so.
    type: list
    elements: dict
    default: []
    suboptions:
      <<: *place
      content: {description: What it says., type: str, required: true}
      validate:
        description: Program that has to accept a draft first; C(%s) stands for its path.
        type: list
        elements: str
        default: []
author: [Guesthouse maintainers]
"""

EXAMPLES = r"""
- name: Write the rules
  guesthouse.platform.files:
    directories: [{path: /srv/guesthouse/firewall}]
    files:
      - path: /srv/guesthouse/firewall/rules.nft
        content: "{{ lookup('ansible.builtin.template', 'rules.nft.j2') }}"
        validate: [/usr/sbin/nft, --check, --file, "%s"]
"""

RETURN = r"""
paths:
  description: Which directories and files were made or changed.
  type: list
  elements: str
  returned: always
"""

DIRECTORY_MODE, FILE_MODE = "0755", "0644"
VALIDATE_SECONDS = 60
PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Refused(Exception):
    """A program did not accept what was to be written; the old file is in place."""

    def __init__(self, path: Path, said: str) -> None:
        super().__init__(f"{path} would not be accepted: {said.strip()}")


class InTheWay(Exception):
    """Something else stands where a directory or a file should be."""

    def __init__(self, path: Path, wanted: str) -> None:
        super().__init__(f"{path} is there and is no {wanted}")


def wish(entry: dict[str, Any], default: str) -> tuple[int, int, int]:
    """Return the mode and the numbers of owner and group that are asked for."""
    mode = int(entry["mode"] or default, 8)
    return mode, pwd.getpwnam(entry["owner"]).pw_uid, grp.getgrnam(entry["group"]).gr_gid


def standing(path: Path) -> tuple[int, int, int] | None:
    """Return mode, owner and group of what is there; a link is not followed."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid


def make_directory(entry: dict[str, Any], *, check: bool) -> bool:
    """Have a directory; return whether that changes anything.

    Raises:
        InTheWay: Something else stands there.
    """
    path, wanted = Path(entry["path"]), wish(entry, DIRECTORY_MODE)
    there = standing(path)
    if there is not None and (path.is_symlink() or not path.is_dir()):
        raise InTheWay(path, "directory")
    if there == wanted:
        return False
    if not check:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        own(path, wanted)
    return True


def write_file(entry: dict[str, Any], *, check: bool) -> bool:
    """Have a file read so; return whether that changes anything.

    Raises:
        Refused: What validates it does not accept it.
        InTheWay: A directory stands there.
    """
    path, wanted = Path(entry["path"]), wish(entry, FILE_MODE)
    content = entry["content"].encode()
    there = standing(path)
    if there is not None and path.is_dir() and not path.is_symlink():
        raise InTheWay(path, "file")
    if there == wanted and not path.is_symlink() and path.read_bytes() == content:
        return False
    if check:
        return True
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(draft, flags, 0o600), "wb") as stream:
            stream.write(content)
        own(draft, wanted)
        if entry["validate"]:
            accept(path, draft, entry["validate"])
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return True


def own(path: Path, wanted: tuple[int, int, int]) -> None:
    """Set owner, group and mode, in the order that never opens it to others in between."""
    mode, uid, gid = wanted
    os.chown(path, uid, gid)
    path.chmod(mode)


def accept(path: Path, draft: Path, argv: list[str]) -> None:
    """Ask a program whether it accepts a draft.

    Raises:
        Refused: It does not.
    """
    done = subprocess.run(  # noqa: S603 - argv lists only
        [str(draft) if word == "%s" else word for word in argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": PATHS, "LANG": "C.UTF-8"},
        text=True,
        errors="replace",
        timeout=VALIDATE_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise Refused(path, done.stdout)


def main() -> None:
    """Do as the task says."""
    place = {
        "path": {"type": "path", "required": True},
        "mode": {"type": "str"},
        "owner": {"type": "str", "default": "root"},
        "group": {"type": "str", "default": "root"},
    }
    text = {"type": "str", "required": True, "no_log": True}
    words = {"type": "list", "elements": "str", "default": []}
    several = {"type": "list", "elements": "dict", "default": []}
    module = AnsibleModule(
        argument_spec={
            "directories": {**several, "options": place},
            "files": {**several, "options": {**place, "content": text, "validate": words}},
        },
        supports_check_mode=True,
    )
    check = module.check_mode
    made = functools.partial(make_directory, check=check)
    written = functools.partial(write_file, check=check)
    try:
        changed = [
            *filter(made, module.params["directories"]),
            *filter(written, module.params["files"]),
        ]
    except (Refused, InTheWay, KeyError, OSError, subprocess.TimeoutExpired) as exc:
        module.fail_json(msg=str(exc))
    paths = [entry["path"] for entry in changed]
    module.exit_json(changed=bool(paths), paths=paths)


if __name__ == "__main__":
    main()
