import asyncio
import datetime as dt
import json
import os
from pathlib import Path

import pytest
import yaml

from guesthouse.adapters.ansible.events import PlayRecord
from guesthouse.adapters.ansible.files import inventory_file, variables_file
from guesthouse.adapters.ansible.follow import LogFollower, follow_argv
from guesthouse.instances import Connection, Play

REMOTE = Connection("192.0.2.7", 2222, "ops", Path("/keys/id"), Path("/keys/known_hosts"))


def test_every_text_is_marked_unsafe() -> None:
    text = variables_file({"a": "{{ lookup('pipe', 'id') }}", "b": {"c": ["{% x %}", ""]}, "n": 3})
    assert json.loads(text) == {
        "a": {"__ansible_unsafe": "{{ lookup('pipe', 'id') }}"},
        "b": {"c": [{"__ansible_unsafe": "{% x %}"}, {"__ansible_unsafe": ""}]},
        "n": 3,
    }


@pytest.mark.parametrize("key", ["__ansible_vault", "__ansible_unsafe", "{{ 1 }}", "{% x %}"])
def test_keys_that_mean_something_to_ansible_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match="would mean something"):
        variables_file({"files": {key: "text"}})


@pytest.mark.parametrize("name", ["ansible_python_interpreter", "vault_x"])
def test_names_that_steer_ansible_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        variables_file({name: "/evil"})


def test_a_remote_machine_must_show_the_pinned_key() -> None:
    host = yaml.safe_load(inventory_file(REMOTE))["all"]["hosts"]["instance"]
    assert "StrictHostKeyChecking=yes" in host["ansible_ssh_common_args"]
    assert "UserKnownHostsFile=/keys/known_hosts" in host["ansible_ssh_common_args"]
    assert host["ansible_become"] is True


def test_this_machine_is_reached_without_ssh() -> None:
    host = yaml.safe_load(inventory_file(Connection("")))["all"]["hosts"]["instance"]
    assert host["ansible_connection"] == "local"
    assert "ansible_become" not in host


def test_a_sudo_user_becomes_root_on_this_machine() -> None:
    text = inventory_file(Connection(""), is_root=False)
    assert yaml.safe_load(text)["all"]["hosts"]["instance"]["ansible_become"] is True
    assert follow_argv(Connection(""), "/x.log", is_root=False)[:3] == ["sudo", "-n", "tail"]
    assert f"--pid={os.getpid()}" in follow_argv(Connection(""), "/x.log")


def test_the_log_is_followed_by_ssh_on_a_remote_machine() -> None:
    argv = follow_argv(REMOTE, "/var/lib/guesthouse/x.log")
    assert argv[0] == "ssh"
    assert argv[argv.index("--") + 1] == "192.0.2.7"
    assert argv[-1] == "/var/lib/guesthouse/x.log"


async def test_the_end_of_a_log_is_read_whatever_bytes_come_before_it(tmp_path: Path) -> None:
    log, first, lines = tmp_path / "x.log", asyncio.Event(), list[str]()
    log.write_bytes(b"\xff" * 100 + b"\n")

    def on_line(line: str) -> None:
        if not lines:
            with log.open("ab") as file:
                file.write(b"end\n")
        lines.append(line)
        first.set()

    play = Play("x.yml", "here", Connection(""), {}, dt.timedelta(minutes=1), str(log))
    async with LogFollower(play, on_line) as follower:
        await first.wait()
        follower.expect(105)
    assert lines[1:] == ["end"]


def test_the_last_answer_of_a_task_counts() -> None:
    record = PlayRecord()
    for number in (1, 2):
        answer = {"event": "ok", "task": "t", "guesthouse": {"n": number}}
        assert record.read(json.dumps(answer)) is None
    assert record.answer == {"n": 2}


def test_a_failed_task_is_told_with_its_output() -> None:
    record = PlayRecord()
    event = {"event": "failed", "task": "Install", "message": "no space", "output": "E: full"}
    assert "E: full" in (record.read(json.dumps(event)) or "")
    assert record.failure == "Install: no space"


def test_an_ignored_failure_fails_nothing() -> None:
    record = PlayRecord()
    record.read(json.dumps({"event": "ignored", "task": "Pull", "message": "no registry"}))
    assert record.failure == ""


@pytest.mark.parametrize("line", ["[WARNING]: odd", '{"event" broken', '{"event"]'])
def test_what_is_no_event_is_logged_as_it_is(line: str) -> None:
    assert PlayRecord().read(line) == line
