"""Packs files into a tar whose bytes depend on nothing but names, contents and executability."""

import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from guesthouse.adapters.git.listing import check_path
from guesthouse.adapters.git.model import SourceUnsafe

EXECUTABLE, PLAIN = 0o755, 0o644


def bundle(directory: Path, tar: Path, *, paths: Iterable[str] | None = None) -> None:
    """Pack files and folders below a directory.

    Args:
        directory: Where the paths start.
        tar: The file to write; it appears only once it is complete.
        paths: Files and folders, relative; None is everything. Links are left out.

    Raises:
        SourceUnsafe: A path leads out of the directory.
        FileNotFoundError: There is no such path.
    """
    names = sorted(_wanted(directory, paths))
    unfinished = tar.with_name(f"{tar.name}.part")
    with tarfile.open(unfinished, "w", format=tarfile.GNU_FORMAT) as archive:
        for name in names:
            _add(archive, directory, name)
    unfinished.replace(tar)


def _wanted(directory: Path, paths: Iterable[str] | None) -> set[str]:
    """Return the files and folders to pack, each once, with the folders they are in."""
    found: set[str] = set()
    for start in ("",) if paths is None else paths:
        clean = str(PurePosixPath(start)) if start not in {"", "."} else ""
        if clean:
            check_path(clean)
        for name in _below(directory, clean):
            found |= {name, *(str(parent) for parent in PurePosixPath(name).parents)} - {"."}
    return found


def _below(directory: Path, start: str) -> Iterator[str]:
    """Yield what is at a path and below it, links left out."""
    if start:
        _refuse_links(directory, start)
        yield start
    if not (directory / start).is_dir():
        return
    with os.scandir(directory / start) as entries:
        for entry in entries:
            name = f"{start}/{entry.name}" if start else entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _below(directory, name)
            elif entry.is_file(follow_symlinks=False):
                yield name


def _refuse_links(directory: Path, start: str) -> None:
    place = directory
    for part in start.split("/"):
        place = place / part
        if stat.S_ISLNK(place.lstat().st_mode):
            raise SourceUnsafe(start)


def _add(archive: tarfile.TarFile, directory: Path, name: str) -> None:
    path = directory / name
    if path.is_dir():
        archive.addfile(_member(name, tarfile.DIRTYPE, EXECUTABLE))
        return
    # Opened without following links: what was a file a moment ago must still be one.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        found = os.fstat(file.fileno())
        mode = EXECUTABLE if found.st_mode & stat.S_IXUSR else PLAIN
        member = _member(name, tarfile.REGTYPE, mode)
        member.size = found.st_size
        archive.addfile(member, file)


def _member(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode = kind, mode
    return member
