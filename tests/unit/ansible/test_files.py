"""The module `files`: what it leaves on the machine, and what it calls changed."""

import grp
import importlib
import json
import os
import pwd
import stat
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from guesthouse.kit import process
from tests.unit.ansible.parts import COLLECTIONS, part

part("archive")  # finds the collection
files = importlib.import_module("ansible_collections.guesthouse.platform.plugins.modules.files")
# The module as Ansible runs it, but for the system log, which goes to a file.
LOGGED = """
import os
from pathlib import Path
from ansible.module_utils import basic
from ansible_collections.guesthouse.platform.plugins.modules import files
log = Path(os.environ["LOG"])
basic.AnsibleModule.log = lambda self, text, **more: log.open("a").write(str(text))
files.main()
"""
ME = {
    "owner": pwd.getpwuid(os.getuid()).pw_name,
    "group": grp.getgrgid(os.getgid()).gr_name,
}


def wished(path: Path, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as a task says it
    return {"path": str(path), "mode": None, "content": "text\n", "validate": [], **ME, **more}


def test_a_file_is_written_once(tmp_path: Path) -> None:
    file = tmp_path / "rules"
    assert files.write_file(wished(file, mode="0600"), check=False)
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("text\n", 0o600)
    assert not files.write_file(wished(file, mode="0600"), check=False)


@pytest.mark.parametrize(
    "change", [{"content": "other\n"}, {"mode": "0640"}], ids=["text", "mode"]
)
def test_what_differs_is_changed(tmp_path: Path, change: dict[str, str]) -> None:
    file = tmp_path / "rules"
    files.write_file(wished(file), check=False)
    assert files.write_file(wished(file, **change), check=True)
    assert file.read_text() == "text\n"
    assert files.write_file(wished(file, **change), check=False)
    assert not files.write_file(wished(file, **change), check=False)


def test_what_is_not_accepted_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    file = tmp_path / "rules"
    files.write_file(wished(file), check=False)
    refusing = wished(file, content="bad\n", validate=["grep", "-q", "text", "%s"])
    with pytest.raises(files.Refused, match=str(file)):
        files.write_file(refusing, check=False)
    assert file.read_text() == "text\n"
    assert list(tmp_path.iterdir()) == [file]
    assert files.write_file({**refusing, "content": "other text\n"}, check=False)


def test_a_link_is_replaced_and_what_it_names_is_left(tmp_path: Path) -> None:
    theirs, file = tmp_path / "theirs", tmp_path / "rules"
    theirs.write_text("text\n")
    file.symlink_to(theirs)
    assert files.write_file(wished(file, content="ours\n"), check=False)
    assert (theirs.read_text(), file.is_symlink()) == ("text\n", False)


def test_a_directory_is_made_with_its_parents(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b"
    assert files.make_directory(wished(place, mode="0700"), check=False)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert not files.make_directory(wished(place, mode="0700"), check=False)
    assert files.make_directory(wished(place), check=False)


def test_something_else_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(files.InTheWay):
            files.make_directory(wished(tmp_path / name), check=False)
    with pytest.raises(files.InTheWay):
        files.write_file(wished(tmp_path), check=False)


def test_a_link_in_the_place_of_a_directory_is_not_followed(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(theirs)
    with pytest.raises(files.InTheWay):
        files.make_directory(wished(tmp_path / "link", mode="0700"), check=False)
    assert stat.S_IMODE(theirs.stat().st_mode) == 0o755


@pytest.mark.parametrize("mode", ["420", "644", "0999", "rw"])
def test_a_mode_that_is_no_octal_text_is_told(tmp_path: Path, mode: str) -> None:
    with pytest.raises(files.BadMode):
        files.write_file(wished(tmp_path / "rules", mode=mode), check=False)


def test_nothing_that_files_say_is_in_the_log_or_the_answer(tmp_path: Path) -> None:
    text = "-----BEGIN KEY-----\nthe-secret\n-----END KEY-----\n"
    log = tmp_path / "log"
    arguments = {"files": [{"path": str(tmp_path / "key"), "content": text, **ME}]}
    done = process.run(
        [sys.executable, "-c", LOGGED],
        limit=timedelta(seconds=60),
        env={**process.base_environment(), "PYTHONPATH": str(COLLECTIONS), "LOG": str(log)},
        stdin=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode(),
    )
    assert done.ok, done.output + done.errors
    assert json.loads(done.output)["paths"] == [str(tmp_path / "key")]
    assert (tmp_path / "key").read_text() == text
    assert "Invoked with" in log.read_text()
    assert "the-secret" not in log.read_text() + done.output
