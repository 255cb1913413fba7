"""Reads `git ls-tree --long`: judges every path of a commit before anything is written. Pure."""

import re

from guesthouse.adapters.git.model import Entry, GitLimits, SourceTooLarge, SourceUnsafe

LINE = re.compile(r"([0-7]{6}) (\w+) ([0-9a-f]{40}) +(\d+|-)\t(.+)")
ESCAPE = re.compile(r'\\([abfnrtv"\\]|[0-7]{3})')
LETTERS = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, '"': 34, "\\": 92}


class Listing:
    """The files of a commit, counted and judged line by line.

    A tree can name itself many times over and so list more files than fit anywhere; the limits
    hold while the listing is read.
    """

    def __init__(self, url: str, limits: GitLimits) -> None:
        self._url = url
        self._limits = limits
        self._bytes = 0
        self.files: list[Entry] = []
        self.left_out: list[Entry] = []
        """Links and submodules."""

    def add(self, line: str) -> None:
        """Take one line.

        Raises:
            SourceTooLarge: There are too many files, or they are too big together.
            SourceUnsafe: A path could reach out of the folder.
        """
        found = LINE.fullmatch(line)
        if found is None:
            raise SourceUnsafe(line)
        size = 0 if found[4] == "-" else int(found[4])
        entry = Entry(mode=found[1], sha=found[3], size=size, path=found[5])
        check_path(unquoted(entry.path))
        self._count(entry)
        (self.files if entry.is_file else self.left_out).append(entry)

    def index_lines(self) -> bytes:
        """Return what `git update-index --index-info` reads: the plain files alone."""
        return "".join(f"{file.mode} {file.sha}\t{file.path}\n" for file in self.files).encode()

    def _count(self, entry: Entry) -> None:
        self._bytes += entry.size
        if self._bytes > self._limits.tree_bytes:
            raise SourceTooLarge(self._url, f"{self._limits.tree_bytes // 2**20} MiB of files")
        if len(self.files) + len(self.left_out) >= self._limits.files:
            raise SourceTooLarge(self._url, f"{self._limits.files} files")


def unquoted(path: str) -> str:
    """Return the path git wrote in quotes as it is."""
    if not path.startswith('"'):
        return path

    def plain(found: re.Match[str]) -> str:
        text = found[1]
        return chr(LETTERS[text]) if text in LETTERS else chr(int(text, 8))

    # Escapes stand for bytes; what they come to together is UTF-8.
    octets = ESCAPE.sub(plain, path[1:-1]).encode("latin-1", errors="replace")
    return octets.decode("utf-8", errors="replace")


def check_path(path: str) -> None:
    """Refuse a path that is not plainly below its folder.

    Raises:
        SourceUnsafe: It has a part like ``..`` or ``.git``, a control character or bad UTF-8.
    """
    parts = path.split("/")
    # git~1 is what case-folding file systems call .git.
    if any(part.lower() in {"", ".", "..", ".git", "git~1"} for part in parts):
        raise SourceUnsafe(path)
    if not path.isprintable() or "\N{REPLACEMENT CHARACTER}" in path or "\\" in path:
        raise SourceUnsafe(path)
