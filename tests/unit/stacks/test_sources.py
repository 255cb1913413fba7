"""One suite for the folder on disk and its fake."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from guesthouse.stacks.model import SourceInvalid
from guesthouse.stacks.sources import FolderTree, MemoryTree, SourceTree

FILES = {"compose.yaml": "a", "api/Dockerfile": "b", "api/run.sh": "c"}
LINKS = {"link": "compose.yaml", "out": "/etc/passwd", "folder": "api"}
Maker = Callable[[Mapping[str, str], Mapping[str, str]], SourceTree]


@pytest.fixture(params=["folder", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    def memory(files: Mapping[str, str], links: Mapping[str, str]) -> SourceTree:
        return MemoryTree(files, links, frozenset({"api/run.sh"}))

    def folder(files: Mapping[str, str], links: Mapping[str, str]) -> SourceTree:
        for name, text in files.items():
            place = tmp_path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            place.chmod(0o755 if name.endswith(".sh") else 0o644)
        for name, target in links.items():
            (tmp_path / name).symlink_to(target)
        return FolderTree(tmp_path)

    return memory if request.param == "memory" else folder


def test_files_are_read(make: Maker) -> None:
    tree = make(FILES, {})
    assert tree.read("api/Dockerfile") == b"b"
    assert tree.has_file("compose.yaml")
    assert not tree.has_file("api")
    assert tree.has_folder("api")
    assert tree.has_folder("")
    assert not tree.has_folder("compose.yaml")


def test_files_are_listed_sorted(make: Maker) -> None:
    tree = make(FILES, {})
    assert list(tree.files()) == ["api/Dockerfile", "api/run.sh", "compose.yaml"]
    assert list(tree.files("api")) == ["api/Dockerfile", "api/run.sh"]
    assert list(tree.files("nowhere")) == []


def test_execute_bits_are_known(make: Maker) -> None:
    tree = make(FILES, {})
    assert tree.is_executable("api/run.sh")
    assert not tree.is_executable("compose.yaml")


def test_a_missing_file_is_told(make: Maker) -> None:
    with pytest.raises(SourceInvalid, match="nothing: is not in the repository"):
        make(FILES, {}).read("nothing")


@pytest.mark.parametrize("path", ["link", "out", "folder/Dockerfile"])
def test_links_are_never_followed(make: Maker, path: str) -> None:
    tree = make(FILES, LINKS)
    assert not tree.has_file(path)
    with pytest.raises(SourceInvalid, match="never followed"):
        tree.read(path)
    with pytest.raises(SourceInvalid, match="never followed"):
        list(tree.files())


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a//b", "./a", "a\0b"])
def test_paths_cannot_leave_the_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(SourceInvalid, match="no path inside"):
        FolderTree(tmp_path).read(path)


def test_gits_own_folder_is_no_source(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x")
    assert list(FolderTree(tmp_path).files()) == []


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(65 * 2**20)
    with pytest.raises(SourceInvalid, match="larger than 64 MiB"):
        FolderTree(tmp_path).read("big")
