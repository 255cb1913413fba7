"""Paths inside a repository: always relative, ``/``-separated, without ``.`` and ``..``."""

import posixpath


def join(folder: str, path: str) -> str | None:
    """Return a path written in a folder as a path from the repository's top.

    Args:
        folder: Folder of the file the path stands in; empty is the top.
        path: What is written there.

    Returns:
        The path, empty for the top itself, or None where it leads out of the repository.
    """
    if path.startswith(("/", "~")) or "\\" in path or "\0" in path:
        return None
    whole = posixpath.normpath(posixpath.join(folder or ".", path or "."))
    if whole == ".." or whole.startswith(("../", "/")):
        return None
    return "" if whole == "." else whole


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder or inside it."""
    return folder in {"", path} or path.startswith(f"{folder}/")
