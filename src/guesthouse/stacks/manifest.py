"""Read ``guesthouse.product.yaml`` strictly."""

from typing import Any

from guesthouse.stacks.model import Manifest
from guesthouse.stacks.sources import SourceTree


def load_manifest(tree: SourceTree, *, folder: str = "") -> Manifest:
    """Return the manifest of a product.

    Args:
        tree: The product's repository.
        folder: Folder of the manifest inside it; empty is its top.

    Raises:
        ManifestInvalid: It is missing, is not YAML, or breaks the format; carries every problem.
    """
    raise NotImplementedError


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema of the manifest, for editors."""
    raise NotImplementedError
