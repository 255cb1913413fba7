import io
import tarfile
from pathlib import Path

import pytest

from tests.unit.ansible.parts import part

bundle = part("stack_bundle")


class Quiet:
    """A watch nobody interrupts."""

    def check(self) -> None:
        pass


def member(
    name: str, *, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644
) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, link, mode
    return made


def archive(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for entry, content in members:
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        pytest.param(member("/etc/passwd"), "relative", id="absolute"),
        pytest.param(member("../out"), "outside", id="parent"),
        pytest.param(member("a/../../out"), "outside", id="parent-inside"),
        pytest.param(member("l", kind=tarfile.SYMTYPE, link="/etc"), "neither", id="symlink"),
        pytest.param(
            member("l", kind=tarfile.LNKTYPE, link="/etc/passwd"), "neither", id="hardlink"
        ),
        pytest.param(member("d", kind=tarfile.CHRTYPE), "neither", id="device"),
        pytest.param(member("p", kind=tarfile.FIFOTYPE), "neither", id="pipe"),
    ],
)
def test_member_that_could_leave_its_place_is_refused(
    tmp_path: Path,
    entry: tarfile.TarInfo,
    reason: str,
) -> None:
    tar = archive(tmp_path / "b.tar", (entry, b""))
    with pytest.raises(bundle.UnsafeBundle, match=reason):
        bundle.unpack(tar, tmp_path / "out", Quiet())
    with pytest.raises(bundle.UnsafeBundle, match=reason):
        bundle.digest(tar, Quiet())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.tar", "out"]
    assert list((tmp_path / "out").iterdir()) == []


def test_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    tar = archive(tmp_path / "b.tar", (member("a"), b"1"), (member("a"), b"2"))
    with pytest.raises(bundle.UnsafeBundle, match="twice"):
        bundle.unpack(tar, tmp_path / "out", Quiet())


def test_file_in_place_of_a_directory_is_refused(tmp_path: Path) -> None:
    tar = archive(tmp_path / "b.tar", (member("a"), b"1"), (member("a/b"), b"2"))
    with pytest.raises((bundle.UnsafeBundle, OSError)):
        bundle.unpack(tar, tmp_path / "out", Quiet())


def test_bytes_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "LIMIT_BYTES", 10)
    tar = archive(tmp_path / "b.tar", (member("a"), b"123456"), (member("b"), b"123456"))
    with pytest.raises(bundle.BundleTooLarge):
        bundle.unpack(tar, tmp_path / "out", Quiet())


def test_members_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "LIMIT_MEMBERS", 1)
    tar = archive(tmp_path / "b.tar", (member("a"), b""), (member("b"), b""))
    with pytest.raises(bundle.BundleTooLarge):
        bundle.unpack(tar, tmp_path / "out", Quiet())


def test_what_is_no_tar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.tar").write_bytes(b"not a tar file, whatever its name says" * 40)
    with pytest.raises(bundle.UnsafeBundle):
        bundle.digest(tmp_path / "b.tar", Quiet())


def test_files_keep_content_and_executable_bit_and_lose_the_rest(tmp_path: Path) -> None:
    tar = archive(
        tmp_path / "b.tar",
        (member("a/run", mode=0o4777), b"run"),
        (member("a/text", mode=0o600), b"text"),
    )
    bundle.unpack(tar, tmp_path / "out", Quiet())
    modes = {p.name: oct(p.stat().st_mode & 0o7777) for p in (tmp_path / "out" / "a").iterdir()}
    assert modes == {"run": "0o755", "text": "0o644"}
    assert (tmp_path / "out" / "a" / "run").read_text() == "run"


def test_digest_is_of_names_contents_and_executable_bits_only(tmp_path: Path) -> None:
    def digest(entry: tarfile.TarInfo, content: bytes = b"x") -> str:
        return str(bundle.digest(archive(tmp_path / "b.tar", (entry, content)), Quiet()))

    later = member("a")
    later.mtime = 5
    assert digest(member("a")) == digest(later)
    different = [digest(member("a")), digest(member("b")), digest(member("a"), b"y")]
    different.append(digest(member("a", mode=0o755)))
    assert len(set(different)) == len(different)
