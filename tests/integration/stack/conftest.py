import secrets
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from guesthouse.kit import process
from tests.integration.stack.box import BASE_IMAGE, Box

LIMIT = timedelta(seconds=120)
APPLETS = (
    "sh",
    "sleep",
    "echo",
    "cat",
    "test",
    "false",
    "true",
    "env",
    "mkdir",
    "yes",
    "dd",
    "id",
)


@pytest.fixture(scope="session")
def base_image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image of one static program: no registry is needed for it."""
    directory = tmp_path_factory.mktemp("base-image")
    root = directory / "root"
    for name in ("bin", "tmp", "etc", "proc", "sys", "dev", "results"):
        (root / name).mkdir(parents=True)
    shutil.copy(_busybox(directory), root / "bin" / "busybox")
    for name in APPLETS:
        (root / "bin" / name).symlink_to("busybox")
    tar = directory / "root.tar"
    _run(["tar", "-C", str(root), "-cf", str(tar), "."])
    _run(["docker", "import", str(tar), BASE_IMAGE])
    yield BASE_IMAGE
    _run(["docker", "image", "rm", "--force", BASE_IMAGE])


@pytest.fixture
def box(base_image: str, tmp_path: Path) -> Iterator[Box]:
    """An environment that nobody else has, removed afterwards."""
    assert base_image
    made = _box(tmp_path)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def shared_box(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """An environment for a module's tests: each brings it to its first version by itself."""
    assert base_image
    made = _box(tmp_path_factory.mktemp("shared"))
    yield made
    made.remove()


def _box(directory: Path) -> Box:
    name = f"gh-stack-{secrets.token_hex(5)}"
    return Box(project=name, root=directory / "instance" / name, directory=directory)


def _busybox(directory: Path) -> Path:
    installed = Path("/bin/busybox")
    if installed.exists():
        return installed
    _run(["apt-get", "download", "busybox-static"], cwd=directory)
    (package,) = directory.glob("busybox-static_*.deb")
    _run(["dpkg-deb", "--extract", str(package), str(directory / "package")])
    return next((directory / "package").rglob("busybox"))


def _run(argv: list[str], *, cwd: Path | None = None) -> None:
    done = process.run(argv, limit=LIMIT, cwd=cwd)
    assert done.ok, done.output + done.errors
