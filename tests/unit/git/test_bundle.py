import os
import tarfile
from pathlib import Path

import pytest

from guesthouse.adapters.git import SourceUnsafe
from guesthouse.adapters.git.bundle import bundle


def _tree(place: Path) -> Path:
    (place / "api/src").mkdir(parents=True)
    (place / "api/Dockerfile").write_text("FROM debian\n")
    (place / "api/src/run").write_text("x")
    (place / "api/src/run").chmod(0o700)
    (place / "web").mkdir()
    (place / "web/page").write_text("y")
    return place


def _names(tar: Path) -> list[str]:
    with tarfile.open(tar) as archive:
        return archive.getnames()


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = _tree(tmp_path / "first"), _tree(tmp_path / "second")
    os.utime(second / "web/page", (1, 1))
    (second / "web/page").chmod(0o600)
    bundle(first, tmp_path / "first.tar")
    bundle(second, tmp_path / "second.tar")
    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()


def test_members_are_sorted_and_carry_nothing_of_this_machine(tmp_path: Path) -> None:
    bundle(_tree(tmp_path / "tree"), tmp_path / "all.tar")
    with tarfile.open(tmp_path / "all.tar") as archive:
        members = archive.getmembers()
    assert [(member.name, oct(member.mode)) for member in members] == [
        ("api", "0o755"),
        ("api/Dockerfile", "0o644"),
        ("api/src", "0o755"),
        ("api/src/run", "0o755"),
        ("web", "0o755"),
        ("web/page", "0o644"),
    ]
    assert {(m.uid, m.gid, m.uname, m.mtime) for m in members} == {(0, 0, "", 0)}


def test_only_what_is_asked_for_is_packed(tmp_path: Path) -> None:
    bundle(_tree(tmp_path / "tree"), tmp_path / "some.tar", paths=("api/src", "api/src/run"))
    assert _names(tmp_path / "some.tar") == ["api", "api/src", "api/src/run"]


def test_links_are_left_out_and_never_followed(tmp_path: Path) -> None:
    tree = _tree(tmp_path / "tree")
    (tree / "web/secret").symlink_to("/etc/hostname")
    (tree / "folder").symlink_to("/etc")
    bundle(tree, tmp_path / "all.tar")
    assert "web/secret" not in _names(tmp_path / "all.tar")
    assert "folder" not in _names(tmp_path / "all.tar")
    with pytest.raises(SourceUnsafe):
        bundle(tree, tmp_path / "one.tar", paths=("folder/hostname",))


@pytest.mark.parametrize("path", ["../other", "/etc/hostname", "api/../../x"])
def test_a_path_that_leads_out_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(SourceUnsafe):
        bundle(_tree(tmp_path / "tree"), tmp_path / "out.tar", paths=(path,))


def test_a_missing_path_leaves_no_tar(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        bundle(_tree(tmp_path / "tree"), tmp_path / "out.tar", paths=("nothing",))
    assert not (tmp_path / "out.tar").exists()
