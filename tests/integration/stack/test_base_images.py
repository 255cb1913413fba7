"""The program that makes base images, where there is one already and things were built on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from guesthouse.kit import process
from tests.integration.stack.box import LIMIT, REPOSITORY, docker

pytestmark = pytest.mark.docker

BASE, TWIN, BUILT = "debian:bookworm-slim", "debian:12.99", "guesthouse-test-built:1"


@pytest.fixture
def built(tmp_path: Path) -> Iterator[str]:
    """Give an image that somebody built on the base image just now; it has all its labels."""
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\nENV OF=somebody\n")
    docker("build", "--quiet", "--tag", BUILT, str(tmp_path))
    yield image_id(BUILT)
    for name in (BUILT, TWIN):
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
    assert image_id(TWIN) == image_id(BASE) != built
