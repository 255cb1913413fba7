"""The program that makes base images, where there is one already and things were built on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from guesthouse.kit import process
from tests.integration.stack.box import LIMIT, REPOSITORY, docker

pytestmark = pytest.mark.docker

BASE, TWIN, BUILT = "debian:12.98", "debian:12.99", "guesthouse-test-built:1"


@pytest.fixture
def built(tmp_path: Path) -> Iterator[str]:
    """Make a base image, and give the image that somebody built on it; it has all its labels."""
    tar = str(tmp_path / "empty.tar")
    assert process.run(["tar", "-cf", tar, "-T", "/dev/null"], limit=LIMIT).ok
    docker("import", "--change", "LABEL app.guesthouse.suite=bookworm", tar, BASE)
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\nENV OF=somebody\n")
    docker("build", "--quiet", "--tag", BUILT, str(tmp_path))
    yield image_id(BUILT)
    for name in (BUILT, TWIN, BASE):
        process.run(["docker", "image", "rm", name], limit=LIMIT)


def image_id(name: str) -> str:
    return docker("image", "inspect", "--format", "{{.Id}}", name)


def test_what_was_built_on_a_base_image_is_never_taken_for_one(built: str) -> None:
    done = process.run(
        [str(REPOSITORY / "tools" / "base-image"), TWIN],
        limit=LIMIT,
        env={**process.base_environment(), "GUESTHOUSE_PULL_SECONDS": "1"},
    )
    assert done.ok, done.errors
    names = docker(
        "images", "--filter", "label=app.guesthouse.suite=bookworm", "--quiet", "debian"
    )
    assert image_id(TWIN) != built
    assert image_id(TWIN).removeprefix("sha256:")[:12] in names.split()
