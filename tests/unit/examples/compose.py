"""The services of a product's Compose files, as they are written."""

from pathlib import Path
from typing import Any

import yaml

from guesthouse.stacks.model import Manifest


def services_of(product: Path, manifest: Manifest) -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = {}
    for stack in manifest.stacks:
        for file in stack.compose:
            services |= yaml.safe_load((product / file).read_text())["services"]
    return services
