"""Check a product's files on a laptop, without a server."""

from guesthouse.kit.sensitive import Sensitive
from guesthouse.stacks.interpolate import Values
from guesthouse.stacks.manifest import load_manifest
from guesthouse.stacks.model import CompileContext, Manifest, Policy, Report, SourceInvalid
from guesthouse.stacks.policy import CORE
from guesthouse.stacks.project import make_project
from guesthouse.stacks.sources import SourceTree

SAMPLE_ENVIRONMENT = "check"
SAMPLE_SUBNET = "192.0.2.0/24"
SAMPLE_CPUS = 64
"""A check cannot know the instance, so it does not complain about a number of processors."""


def check(tree: SourceTree, policy: Policy = CORE, *, folder: str = "") -> Report:
    """Return what a deployment of these files would refuse and rewrite.

    Args:
        tree: The product's repository.
        policy: What the files are held to.
        folder: Folder of the manifest.

    Raises:
        ManifestInvalid: The manifest breaks its format.
    """
    manifest = load_manifest(tree, folder=folder)
    context = _context(manifest)
    values = Values(context.variables, context.secrets)
    try:
        project = make_project(
            tree, manifest, context, policy=policy, values=values, tagger=_no_tag
        )
    except SourceInvalid as exc:
        return Report(problems=(exc.problem,))
    return Report(
        findings=tuple(finding for ledger in project.ledgers for finding in ledger.findings),
        notices=tuple(notice for ledger in project.ledgers for notice in ledger.notices),
        problems=tuple(project.problems),
    )


def _no_tag(_tree: SourceTree, _path: str) -> str:
    """Spare reading every file of a laptop's folder: nothing is deployed."""
    return SAMPLE_ENVIRONMENT


def _context(manifest: Manifest) -> CompileContext:
    """Return an environment that gives every variable and secret some value."""
    return CompileContext(
        environment=SAMPLE_ENVIRONMENT,
        partner=SAMPLE_ENVIRONMENT,
        product=manifest.product,
        project=f"gh-{SAMPLE_ENVIRONMENT}",
        run=SAMPLE_ENVIRONMENT,
        edge_subnet=SAMPLE_SUBNET,
        variables={item.name: item.default or item.name for item in manifest.variables},
        secrets={item.name: Sensitive(item.name) for item in manifest.secrets},
        cpu_count=SAMPLE_CPUS,
    )
