"""Where files come from: the source tree port, a fake of it and the folder on disk.

Nothing outside the tree can be named, and a link is an error rather than a way out of it.
"""

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from guesthouse.errors import Problem
from guesthouse.stacks.model import SourceInvalid

MAX_FILE_BYTES = 64 * 2**20
MAX_FILES = 50_000
GIT_FOLDER = ".git"


class SourceTree(Protocol):
    """Files of one commit by path. Paths use ``/``, are relative and hold no ``.`` or ``..``."""

    def read(self, path: str) -> bytes:
        """Return a file's content.

        Raises:
            SourceInvalid: It is missing, a link, not a plain file, or too big.
        """
        ...

    def has_file(self, path: str) -> bool:
        """Whether a plain file is there; a link is none."""
        ...

    def has_folder(self, path: str) -> bool:
        """Whether a folder is there; the empty path is the top."""
        ...

    def files(self, folder: str = "") -> Iterator[str]:
        """Yield the paths of all files below a folder, sorted.

        Raises:
            SourceInvalid: A link or special file is among them, or there are too many.
        """
        ...

    def is_executable(self, path: str) -> bool:
        """Whether its owner may execute the file."""
        ...


@dataclass(frozen=True)
class MemoryTree:
    """Sources held in memory; for tests and for what was never on disk."""

    contents: Mapping[str, bytes | str]
    links: Mapping[str, str] = field(default_factory=dict)
    """Path → target, to try what a link does."""
    executables: frozenset[str] = frozenset()

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        _refuse_link(self._link_above(path))
        if path not in self.contents:
            raise _missing(path)
        content = self.contents[path]
        return content.encode() if isinstance(content, str) else content

    def has_file(self, path: str) -> bool:
        """Whether a plain file is there."""
        return path in self.contents and not self._link_above(path)

    def has_folder(self, path: str) -> bool:
        """Whether a folder is there."""
        return path == "" or any(name.startswith(f"{path}/") for name in self.contents)

    def files(self, folder: str = "") -> Iterator[str]:
        """Yield the paths of all files below a folder, sorted."""
        for name in sorted({*self.contents, *self.links}):
            if folder == "" or name.startswith(f"{folder}/"):
                _refuse_link(name if name in self.links else "")
                yield name

    def is_executable(self, path: str) -> bool:
        """Whether its owner may execute the file."""
        return path in self.executables

    def _link_above(self, path: str) -> str:
        parts = path.split("/")
        prefixes = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
        return next((prefix for prefix in prefixes if prefix in self.links), "")


@dataclass(frozen=True)
class FolderTree:
    """Sources in a folder on disk."""

    root: Path

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        place = self._place(path)
        if not place.is_file():
            raise _missing(path)
        if place.stat().st_size > MAX_FILE_BYTES:
            raise SourceInvalid(Problem(path, f"is larger than {MAX_FILE_BYTES // 2**20} MiB"))
        return place.read_bytes()

    def has_file(self, path: str) -> bool:
        """Whether a plain file is there."""
        return self._is(path, stat.S_ISREG)

    def has_folder(self, path: str) -> bool:
        """Whether a folder is there."""
        return self._is(path, stat.S_ISDIR)

    def files(self, folder: str = "") -> Iterator[str]:
        """Yield the paths of all files below a folder, sorted."""
        found = sorted(self._below(self._place(folder))) if self.has_folder(folder) else []
        if len(found) > MAX_FILES:
            raise SourceInvalid(Problem(folder or ".", f"holds more than {MAX_FILES} files"))
        yield from found

    def is_executable(self, path: str) -> bool:
        """Whether its owner may execute the file."""
        return bool(self._place(path).stat().st_mode & stat.S_IXUSR)

    def _below(self, folder: Path) -> Iterator[str]:
        for place in folder.iterdir():
            name = place.relative_to(self.root).as_posix()
            mode = place.lstat().st_mode
            if stat.S_ISDIR(mode):
                if name != GIT_FOLDER:
                    yield from self._below(place)
            elif stat.S_ISREG(mode):
                yield name
            else:
                _refuse_link(name)

    def _is(self, path: str, test: "ModeTest") -> bool:
        try:
            place = self._place(path)
        except SourceInvalid:
            return False
        return place.exists() and test(place.lstat().st_mode)

    def _place(self, path: str) -> Path:
        """Return the place of a path, having looked at every part of it for links."""
        place = self.root
        for part in path.split("/") if path else ():
            if part in ("", ".", "..") or "\0" in part:
                raise SourceInvalid(Problem(path, "is no path inside the repository"))
            place = place / part
            if place.is_symlink():
                _refuse_link(path)
        return place


class ModeTest(Protocol):
    """One of ``stat.S_ISREG``, ``stat.S_ISDIR``."""

    def __call__(self, mode: int, /) -> bool:
        """Whether the mode is of that type."""
        ...


def _missing(path: str) -> SourceInvalid:
    return SourceInvalid(Problem(path, "is not in the repository"))


def _refuse_link(path: str) -> None:
    if path:
        sentence = "is a link or special file, which is never followed"
        raise SourceInvalid(Problem(path, sentence, "put the file itself there"))
