"""Sources as they arrive: a tar file whose members are not trusted.

Only regular files and directories are taken, only below the target, and bytes are counted while
they are written, not believed from a header.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.guesthouse.platform.plugins.module_utils.stack_failure import Failure
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_watch import Watch

LIMIT_BYTES = 2 * 1024 * 1024 * 1024
LIMIT_MEMBERS = 200_000
LIMIT_NAME = 4096
PIECE_BYTES = 1024 * 1024
EXECUTABLE = 0o100


class UnsafeBundle(Failure):
    """A member of the bundle may not be unpacked."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__("build", f"The sources hold {name!r}, which {why}.")


class BundleTooLarge(Failure):
    """The bundle holds more than an environment may have."""

    def __init__(self, what: str) -> None:
        super().__init__("build", f"The sources are too large: {what}.")


def digest(path: Path, watch: Watch) -> str:
    """Return a hash of a bundle's names, contents and executable bits; times don't count."""
    whole = hashlib.sha256()
    with _open(path) as archive:
        for member, pieces in _members(archive, watch):
            bit = "x" if member.mode & EXECUTABLE else "-"
            kind = "d" if member.isdir() else "f"
            whole.update(f"{kind}{bit}{len(member.name)}:{member.name}:{member.size}:".encode())
            for piece in pieces:
                whole.update(piece)
    return whole.hexdigest()


def unpack(path: Path, target: Path, watch: Watch) -> None:
    """Unpack a bundle below a directory that is made for it.

    Raises:
        UnsafeBundle: A member is no regular file or directory, or would land elsewhere.
        BundleTooLarge: Too many members or bytes.
    """
    target.mkdir(parents=True, mode=0o700)
    with _open(path) as archive:
        for member, pieces in _members(archive, watch):
            place = target / member.name
            if member.isdir():
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(place, pieces, mode=0o755 if member.mode & EXECUTABLE else 0o644)


def _open(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path, mode="r:*")
    except tarfile.TarError as exc:
        raise UnsafeBundle(path.name, "is no tar file") from exc


def _members(
    archive: tarfile.TarFile, watch: Watch
) -> Iterator[tuple[tarfile.TarInfo, Iterator[bytes]]]:
    """Yield each member that may be unpacked, with its content; refuse the bundle otherwise."""
    seen: set[str] = set()
    budget = _Budget()
    try:
        for member in archive:
            watch.check()
            member.name = _safe_name(member)
            if member.name in ("", "."):
                continue
            if member.name in seen and not member.isdir():
                raise UnsafeBundle(member.name, "comes twice")
            seen.add(member.name)
            budget.count(member)
            yield member, _pieces(archive, member, budget)
    except tarfile.TarError as exc:
        what = "a member"
        raise UnsafeBundle(what, "cannot be read") from exc


def _safe_name(member: tarfile.TarInfo) -> str:
    name = member.name
    if not (member.isreg() or member.isdir()):
        raise UnsafeBundle(name, "is neither a regular file nor a directory")
    if name.startswith("/") or "\x00" in name or len(name) > LIMIT_NAME:
        raise UnsafeBundle(name[:80], "has no relative path")
    if ".." in name.split("/"):
        raise UnsafeBundle(name, "points outside of the sources")
    return os.path.normpath(name)


def _pieces(archive: tarfile.TarFile, member: tarfile.TarInfo, budget: _Budget) -> Iterator[bytes]:
    content = archive.extractfile(member) if member.isreg() else None
    while content is not None:
        piece = content.read(PIECE_BYTES)
        if not piece:
            return
        budget.spend(len(piece))
        yield piece


def _write(place: Path, pieces: Iterator[bytes], *, mode: int) -> None:
    # O_EXCL and O_NOFOLLOW: what is there already was not put there by this bundle.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(place, flags, 0o600), "wb") as target:
        for piece in pieces:
            target.write(piece)
        os.fchmod(target.fileno(), mode)


class _Budget:
    def __init__(self) -> None:
        self._bytes = 0
        self._members = 0

    def count(self, member: tarfile.TarInfo) -> None:
        self._members += 1
        if self._members > LIMIT_MEMBERS:
            what = f"more than {LIMIT_MEMBERS} files"
            raise BundleTooLarge(what)
        if member.size > LIMIT_BYTES:
            what = f"{member.name} alone has {member.size} bytes"
            raise BundleTooLarge(what)

    def spend(self, count: int) -> None:
        self._bytes += count
        if self._bytes > LIMIT_BYTES:
            what = f"more than {LIMIT_BYTES} bytes"
            raise BundleTooLarge(what)
