import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.plane import REPOSITORY, Plane

CACHE = REPOSITORY / ".ansible" / "telegraf"


@pytest.fixture(scope="package")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A control plane of its own on this machine, prepared by our own playbooks, then removed."""
    state = tmp_path_factory.mktemp("plane")
    _build("tools/telegraf/build", CACHE)
    prepared = Plane(state, CACHE)
    try:
        prepared.ok("host", "prepare")
        prepared.start()
        yield prepared
        for environment in prepared.ok("env", "list", "--json").json:
            prepared.run("env", "destroy", environment["name"], "--yes")
    finally:
        # Also where it did not come up: whatever is left would be in the next suite's way.
        prepared.stop()
        prepared.ok("host", "release", "--yes")
        shutil.rmtree(state)


def _build(*argv: str | Path) -> None:
    subprocess.run([REPOSITORY / argv[0], *argv[1:]], check=True, timeout=900)
