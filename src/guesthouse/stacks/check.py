"""Check a product's files on a laptop, without a server."""

from guesthouse.stacks.model import Policy, Report
from guesthouse.stacks.policy import CORE
from guesthouse.stacks.sources import SourceTree


def check(tree: SourceTree, policy: Policy = CORE, *, folder: str = "") -> Report:
    """Return what a deployment of these files would refuse and rewrite.

    Args:
        tree: The product's repository.
        policy: What the files are held to.
        folder: Folder of the manifest.

    Raises:
        ManifestInvalid: The manifest breaks its format.
        ComposeInvalid: The files cannot be read.
    """
    raise NotImplementedError
