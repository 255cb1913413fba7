"""Runs after everything else, for its folder sorts last: what the suite made is gone again."""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker
OURS = ("gh-", "guesthouse-test", "ghrt-", "gh1")


def said(*argv: str) -> list[str]:
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "argv",
    [
        ("ps", "--all", "--format", "{{.Names}}"),
        ("network", "ls", "--format", "{{.Name}}"),
        ("volume", "ls", "--format", "{{.Name}}"),
    ],
    ids=["containers", "networks", "volumes"],
)
def test_no_object_of_the_engine_is_left(argv: tuple[str, ...]) -> None:
    assert [name for name in said("docker", *argv) if name.startswith(OURS)] == []


def test_no_table_of_the_filter_is_left() -> None:
    assert [table for table in said("nft", "list", "tables") if "guesthouse" in table] == []


def test_no_process_of_a_control_plane_is_left() -> None:
    left = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        if any(word.endswith((b"bin/guesthouse", b"influxd", b"telegraf")) for word in words):
            left.append(b" ".join(words).decode())
    assert left == []
