"""The collection's Python parts, loaded without Ansible."""

import importlib
import sys
from pathlib import Path
from typing import Any

COLLECTIONS = Path(__file__).parents[3] / "collections"
PLACE = "ansible_collections.guesthouse.platform.plugins.module_utils"


def part(name: str) -> Any:  # noqa: ANN401 - the collection is no package of ours to the type checker
    """Return a module of `module_utils`."""
    if str(COLLECTIONS) not in sys.path:
        sys.path.insert(0, str(COLLECTIONS))
    return importlib.import_module(f"{PLACE}.{name}")
