#!/usr/bin/python
"""Makes directories and writes files: what a role puts on a machine, in one task."""

from __future__ import annotations

import functools
import grp
import os
import pwd
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.guesthouse.platform.plugins.module_utils import programs

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


class Refused(Exception):
    """A program did not accept what was to be written; the old file is in place."""

    def __init__(self, path: Path, said: str) -> None:
        super().__init__(f"{path} would not be accepted: {said.strip()}")


class BadMode(Exception):
    """A mode is no four octal digits in quotes."""

    def __init__(self, text: str) -> None:
        super().__init__(f"mode {text!r} is not of the form '0644', in quotes")


class InTheWay(Exception):
    """Something else stands where a directory or a file should be."""

    def __init__(self, path: Path, wanted: str) -> None:
        super().__init__(f"{path} is there and is no {wanted}")


def wish(entry: dict[str, Any], default: str) -> tuple[int, int, int]:
    """Return the mode and the numbers of owner and group that are asked for.

    Raises:
        BadMode: The mode is not written as four octal digits: YAML makes 420 of an unquoted 0644.
    """
    text = entry["mode"] or default
    if not re.fullmatch("0[0-7]{3}", text):
        raise BadMode(text)
    return int(text, 8), pwd.getpwnam(entry["owner"]).pw_uid, grp.getgrnam(entry["group"]).gr_gid


def standing(path: Path) -> tuple[int, int, int] | None:
    """Return mode, owner and group of what is there; a link is not followed."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid


def make_directory(entry: dict[str, Any], *, check: bool) -> bool:
    """Have a directory; return whether that changes anything.

    It is opened and never followed: others may own its parent, and put a link in its place.

    Raises:
        InTheWay: Something else stands there.
    """
    path = Path(entry["path"])
    is_new = not os.path.lexists(path)
    if is_new:
        if check:
            return True
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as exc:
        raise InTheWay(path, "directory") from exc
    try:
        wanted, found = wish(entry, DIRECTORY_MODE), os.fstat(descriptor)
        if (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == wanted:
            return is_new
        if not check:
            own(descriptor, wanted)
    finally:
        os.close(descriptor)
    return True


def write_file(entry: dict[str, Any], *, check: bool) -> bool:
    """Have a file read so; return whether that changes anything.

    Raises:
        Refused: What validates it does not accept it.
        InTheWay: A directory stands there.
    """
    path, content = Path(entry["path"]), entry["content"].encode()
    there = standing(path)
    if there is None and check:
        return True
    if there is not None and path.is_dir() and not path.is_symlink():
        raise InTheWay(path, "file")
    wanted = wish(entry, FILE_MODE)
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
            stream.flush()
            own(stream.fileno(), wanted)
        if entry["validate"]:
            accept(path, draft, entry["validate"])
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return True


def own(descriptor: int, wanted: tuple[int, int, int]) -> None:
    """Set owner, group and mode, in the order that never opens it to others in between."""
    mode, uid, gid = wanted
    os.fchown(descriptor, uid, gid)
    os.fchmod(descriptor, mode)


def accept(path: Path, draft: Path, argv: list[str]) -> None:
    """Ask a program whether it accepts a draft.

    Raises:
        Refused: It does not.
    """
    words = [str(draft) if word == "%s" else word for word in argv]
    done = programs.run(words, limit_seconds=VALIDATE_SECONDS)
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
    text = {"type": "str", "required": True, "no_log": False}
    words = {"type": "list", "elements": "str", "default": []}
    several = {"type": "list", "elements": "dict", "default": []}
    module = AnsibleModule(
        argument_spec={
            "directories": {**several, "options": place},
            # `no_log` keeps what files say out of the machine's system log, keys and passwords
            # among it. It stands here because the log heeds it for whole parameters alone.
            "files": {
                **several,
                "no_log": True,
                "options": {**place, "content": text, "validate": words},
            },
        },
        supports_check_mode=True,
    )
    # It would also blot out every path in the answer, which holds nothing that files say, and in
    # which the arguments are not repeated.
    module.no_log_values.clear()
    check = module.check_mode
    made = functools.partial(make_directory, check=check)
    written = functools.partial(write_file, check=check)
    try:
        changed = [
            *filter(made, module.params["directories"]),
            *filter(written, module.params["files"]),
        ]
    except (Refused, InTheWay, BadMode, KeyError, OSError, subprocess.TimeoutExpired) as exc:
        module.fail_json(msg=str(exc), invocation={})
    paths = [entry["path"] for entry in changed]
    module.exit_json(changed=bool(paths), paths=paths, invocation={})


if __name__ == "__main__":
    main()
