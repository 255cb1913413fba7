"""The products whose canonical files are kept as golden files, and how they are written.

`python -m tests.golden.stacks.cases` writes them anew; look at the difference before committing.
"""

import json
from pathlib import Path

from guesthouse.kit.sensitive import Sensitive
from guesthouse.stacks.compile import compile_product
from guesthouse.stacks.manifest import load_manifest
from guesthouse.stacks.model import CompileContext, CompiledStack, Manifest
from guesthouse.stacks.reference import compose_page
from guesthouse.stacks.sources import FolderTree

HERE = Path(__file__).parent
CASES = sorted(path.name for path in (HERE / "cases").iterdir())
EXPECTED = HERE / "expected"
PAGE = HERE.parents[2] / "docs" / "reference" / "compose.md"


def compile_case(name: str) -> CompiledStack:
    """Return a case compiled for the environment acme."""
    tree = FolderTree(HERE / "cases" / name)
    manifest = load_manifest(tree)
    return compile_product(tree, manifest, _context(manifest))


def _context(manifest: Manifest) -> CompileContext:
    return CompileContext(
        environment="acme",
        partner="acme",
        product=manifest.product,
        project="gh-acme",
        run="run_golden",
        edge_subnet="10.203.7.0/24",
        variables={},
        secrets={item.name: Sensitive(f"{item.name.lower()}-value") for item in manifest.secrets},
        cpu_count=2,
        salt=Sensitive("golden"),
    )


def facts(stack: CompiledStack) -> str:
    """Return everything but the canonical file, as text."""
    told = {
        "notices": [f"{item.path}: {item.written} -> {item.instead}" for item in stack.notices],
        "files": dict(stack.files),
        "mounts": dict(stack.mounts),
        "env_file": stack.env_file,
        "upstreams": {name: list(place) for name, place in stack.upstreams.items()},
        "images": dict(stack.images),
        "builds": [vars(build) for build in stack.builds],
        "sources": list(stack.sources),
        "test_service": stack.test_service,
        "wait_seconds": stack.wait_seconds,
        "settle_seconds": stack.settle_seconds,
        "expected": {name: dict(wanted) for name, wanted in stack.expected.items()},
    }
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the golden files and the page for authors."""
    EXPECTED.mkdir(exist_ok=True)
    PAGE.write_text(compose_page(), encoding="utf-8")
    for name in CASES:
        stack = compile_case(name)
        (EXPECTED / f"{name}.yaml").write_text(stack.compose, encoding="utf-8")
        (EXPECTED / f"{name}.json").write_text(facts(stack), encoding="utf-8")


if __name__ == "__main__":
    main()
