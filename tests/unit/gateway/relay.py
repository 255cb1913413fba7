"""The relay's parts, loaded as the instance's Python finds them."""

import importlib
import sys
from pathlib import Path
from typing import Any

FILES = Path(__file__).parents[3] / "ansible" / "roles" / "gateway" / "files"


def part(name: str) -> Any:  # noqa: ANN401 - the role's files are no package of ours to the type checker
    """Return a module of ``guesthouse_relay``."""
    if str(FILES) not in sys.path:
        sys.path.insert(0, str(FILES))
    return importlib.import_module(f"guesthouse_relay.{name}")
