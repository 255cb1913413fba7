"""Runs the stack module's parts without Ansible around them, for it starts in a tenth of the time.

Reads a deployment as JSON, prints the answer. `modules/stack.py` does no more than that.
"""

import importlib
import json
import os
import sys
from pathlib import Path

COLLECTIONS = Path(__file__).parents[3] / "collections"
PLACE = "ansible_collections.guesthouse.platform.plugins.module_utils"


def main() -> None:
    """Do what is asked."""
    sys.path.insert(0, str(COLLECTIONS))
    parts = {
        name: importlib.import_module(f"{PLACE}.{name}")
        for name in ("stack_actions", "stack_deployment", "stack_watch")
    }
    deployment = parts["stack_deployment"].read(json.load(sys.stdin))
    docker_host = os.environ.get("DOCKER_HOST")
    watch = parts["stack_watch"].Watch()
    answer = parts["stack_actions"].perform(deployment, watch, docker_host=docker_host)
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
