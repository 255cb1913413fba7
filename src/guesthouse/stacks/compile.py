"""From a product's sources to what an instance runs."""

from guesthouse.stacks.model import CompileContext, CompiledStack, Manifest, Policy
from guesthouse.stacks.policy import CORE
from guesthouse.stacks.sources import SourceTree


def compile_product(
    tree: SourceTree, manifest: Manifest, context: CompileContext, *, policy: Policy = CORE
) -> CompiledStack:
    """Compile all core stacks of a product into one canonical Compose project.

    Args:
        tree: The product's repository at one commit.
        manifest: What ``load_manifest`` read from it.
        context: The environment it is for.
        policy: What the files are held to.

    Raises:
        ComposeInvalid: The files cannot be read, or name what is not there.
        ComposeRefused: The policy forbids something; carries every finding.
    """
    raise NotImplementedError
