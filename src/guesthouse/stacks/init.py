"""Write a first manifest from the Compose files of a repository."""

from guesthouse.stacks.sources import SourceTree


def first_manifest(tree: SourceTree, *, folder: str = "", product: str = "") -> str:
    """Return the text of a manifest in which each guess is marked with a comment.

    Args:
        tree: The product's repository.
        folder: Where to look for Compose files.
        product: Name of the product; empty takes it from the Compose files.

    Raises:
        ComposeInvalid: There are no Compose files, or they cannot be read.
    """
    raise NotImplementedError
