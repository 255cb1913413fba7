import errno

import pytest

from tests.unit.ansible.parts import part

failure = part("stack_failure")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Error: Bind for 127.0.0.1:80 failed: port is already allocated", "port_taken"),
        ("Error response from daemon: Address already in use", "port_taken"),
        ("Error: invalid pool request: Pool overlaps with other one on this", "port_taken"),
        ("write /var/lib/docker/x: no space left on device", "disk_full"),
        ("Error: pull access denied for nothing", "crash_loop"),
    ],
    ids=["port", "address", "network", "disk", "other"],
)
def test_kind_of_a_failed_start_follows_from_what_was_said(said: str, kind: str) -> None:
    assert failure.from_up(["first", said]).facts.kind == kind


def test_build_that_fills_the_disk_is_told_as_such() -> None:
    assert failure.from_build(["ERROR: No space left on device"]).facts.kind == "disk_full"
    assert failure.from_build(["ERROR: exit code: 3"]).facts.kind == "build"


def test_sentence_of_a_failed_build_holds_the_last_error() -> None:
    found = failure.from_build(["#5 ERROR: one", "ERROR: the reason", "context line", ""]).facts
    assert found.sentence.endswith("ERROR: the reason")


def test_last_lines_are_bounded() -> None:
    lines = [str(count) for count in range(100)]
    assert failure.from_build(lines).facts.last_lines == lines[-20:]


@pytest.mark.parametrize("kind", sorted(failure.NEXT_STEPS))
def test_every_kind_has_a_next_step(kind: str) -> None:
    assert failure.Failure(kind, "A sentence.").facts.next_step.endswith(".")


def test_full_disk_is_known_by_number() -> None:
    assert failure.is_full(OSError(errno.ENOSPC, "x"))
    assert failure.is_full(OSError(errno.EDQUOT, "x"))
    assert not failure.is_full(OSError(errno.EACCES, "x"))
