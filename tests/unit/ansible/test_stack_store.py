import os
from pathlib import Path
from typing import Any

import pytest

from tests.unit.ansible.parts import part

store = part("stack_store")
deployment = part("stack_deployment")
failure = part("stack_failure")


class Quiet:
    """A watch nobody interrupts."""

    def check(self) -> None:
        pass


def wish(root: Path, number: int, **more: object) -> Any:  # noqa: ANN401
    return deployment.read(
        {
            "action": "deploy",
            "root": str(root),
            "project": "gh-acme",
            "environment": "acme",
            "run": f"run-{number}",
            "compose": f"version {number}",
            "files": {f"files/tag{number}/secret": "x", "files/env/values": "A=1"},
            "env_file": "files/env/values",
            **more,
        }
    )


def staged(kept: Any, number: int, **more: object) -> Any:  # noqa: ANN401
    asked = wish(kept.root, number, **more)
    version = store.Version.of(asked, version_id=asked.version_id(""))
    kept.stage(version, asked, Quiet())
    return version


@pytest.fixture
def kept(tmp_path: Path) -> Any:  # noqa: ANN401
    root = tmp_path / "acme"
    root.mkdir()
    return store.Store(root)


def test_promoted_version_is_read_back_and_the_one_before_is_kept(kept: Any) -> None:  # noqa: ANN401
    first, second = staged(kept, 1), staged(kept, 2)
    kept.promote(first)
    kept.mark_pending(second)
    kept.promote(second)
    assert kept.read("current") == second
    assert kept.read("previous") == first
    assert not kept.is_pending()


def test_stepping_back_makes_the_version_before_current(kept: Any) -> None:  # noqa: ANN401
    first, second = staged(kept, 1), staged(kept, 2)
    kept.promote(first)
    kept.promote(second)
    kept.step_back(first)
    assert kept.read("current") == first
    assert kept.read("previous") is None


def test_mark_of_an_earlier_cut_off_deployment_stays(kept: Any) -> None:  # noqa: ANN401
    first, second = staged(kept, 1), staged(kept, 2)
    kept.mark_pending(first)
    os.utime(kept.root / "pending", (5, 5))
    kept.mark_pending(second)
    assert kept.pending_since() == 5


def test_what_no_kept_version_names_is_thrown_away(kept: Any) -> None:  # noqa: ANN401
    for number in range(4):
        kept.promote(staged(kept, number))
    kept.discard_unused()
    assert {p.name for p in (kept.root / "files").iterdir()} == {"tag2", "tag3", "env"}
    assert len(list((kept.root / "versions").iterdir())) == 2


def test_file_that_is_there_already_is_left_alone(kept: Any) -> None:  # noqa: ANN401
    staged(kept, 1)
    place = kept.root / "files" / "tag1" / "secret"
    before = place.stat().st_ino
    staged(kept, 1)
    assert place.stat().st_ino == before


def test_mount_that_the_bundle_lacks_is_told(kept: Any) -> None:  # noqa: ANN401
    with pytest.raises(failure.Failure, match="hold no 'web/pages'"):
        staged(kept, 1, mounts={"mounts/tag/pages": "web/pages"})


def test_only_the_newest_logs_are_kept(kept: Any) -> None:  # noqa: ANN401
    runs = kept.root / "runs"
    runs.mkdir()
    for number in range(25):
        (runs / f"{number}.log").touch()
        os.utime(runs / f"{number}.log", (number, number))
    kept.discard_unused()
    assert {int(p.stem) for p in runs.iterdir()} == set(range(5, 25))
