"""Starts ``ansible-playbook`` and ends it: files, environment, log, cancel.

When Ansible is not installed or a playbook is missing, every play fails with PlaybookFailed; a
machine that is away or is not the one we know gives InstanceUnreachable.
"""

import datetime as dt
import hashlib
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typing_extensions import override

from guesthouse.adapters.ansible.events import PlayRecord
from guesthouse.adapters.ansible.files import HOST, inventory_file, variables_file
from guesthouse.adapters.ansible.follow import LogFollower
from guesthouse.instances import HostAutomation, OnLine, Play
from guesthouse.instances.model import InstanceUnreachable, PlaybookFailed
from guesthouse.kit import process

GRACE = dt.timedelta(seconds=90)
"""How long a cancelled deployment may take to bring the old version back."""


class AnsiblePlaybooks(HostAutomation):
    """Plays of the collection in one directory."""

    def __init__(self, collection: Path, work: Path) -> None:
        """Remember where things are.

        Args:
            collection: The directory ``ansible/``.
            work: Where files for a play, and SSH's control sockets, may be written.
        """
        self._collection = collection
        self._work = work
        self._digest: str | None = None

    @override
    def digest(self) -> str:
        if self._digest is None:
            self._digest = _digest(self._collection)
        return self._digest

    @override
    async def play(self, play: Play, *, on_line: OnLine) -> Mapping[str, Any]:
        self._work.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=self._work, prefix="play-") as name:
            directory = Path(name)
            inventory = inventory_file(play.connection, is_root=os.geteuid() == 0)
            _write(directory / "inventory.yml", inventory)
            _write(directory / "variables.json", variables_file(play.variables))
            record = PlayRecord()
            async with LogFollower(play, on_line) as follower:
                code = await self._run(play, directory, record, on_line)
                follower.expect(record.answer.get("log_bytes"))
        return _outcome(play, record, code)

    async def _run(self, play: Play, directory: Path, record: PlayRecord, on_line: OnLine) -> int:
        def read(line: str) -> None:
            text = record.read(line)
            # Where the module's own log is followed, the task's name adds nothing.
            if text is not None and (play.follow is None or record.failure or record.unreachable):
                on_line(text)

        try:
            return await process.stream(
                self._argv(play, directory),
                on_line=read,
                limit=play.limit,
                cwd=self._collection,
                env=self._environment(),
                grace=GRACE,
            )
        except process.ProcessTimeout as exc:
            raise PlaybookFailed(play.playbook, f"it took longer than {play.limit}") from exc
        except process.ProgramMissing as exc:
            raise PlaybookFailed(play.playbook, str(exc)) from exc

    def _argv(self, play: Play, directory: Path) -> list[str]:
        return [
            # When the control plane is killed, what it started must not go on without it.
            "setpriv",
            "--pdeathsig",
            "TERM",
            "--",
            str(Path(sys.executable).with_name("ansible-playbook")),
            "--inventory",
            str(directory / "inventory.yml"),
            "--limit",
            HOST,
            "--extra-vars",
            f"@{directory / 'variables.json'}",
            str(self._collection / play.playbook),
        ]

    def _environment(self) -> dict[str, str]:
        sockets = self._work / "ssh"
        sockets.mkdir(exist_ok=True, mode=0o700)
        kept = process.base_environment()
        return {
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}",
            "ANSIBLE_CONFIG": str(self._collection / "ansible.cfg"),
            "ANSIBLE_CALLBACK_PLUGINS": str(self._collection / "plugins" / "callback"),
            "ANSIBLE_STDOUT_CALLBACK": "events",
            # It is always this; to try it as a script and more costs a fifth of a second.
            "ANSIBLE_INVENTORY_ENABLED": "yaml",
            "ANSIBLE_LOCAL_TEMP": str(self._work / "tmp"),
            "ANSIBLE_HOME": str(self._work / "home"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_RETRY_FILES_ENABLED": "0",
            "ANSIBLE_LOCALHOST_WARNING": "0",
        }


def _outcome(play: Play, record: PlayRecord, code: int) -> Mapping[str, Any]:
    if record.unreachable:
        raise InstanceUnreachable(play.instance, record.unreachable)
    if record.failure:
        raise PlaybookFailed(play.playbook, record.failure, record.output)
    if code != 0:
        raise PlaybookFailed(play.playbook, f"ansible-playbook ended with {code}")
    return {**record.answer, "changed": record.answer.get("changed", record.changed > 0)}


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)


def _digest(directory: Path) -> str:
    """Return a hash over the files that decide what a playbook does."""
    total = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            total.update(str(path.relative_to(directory)).encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
