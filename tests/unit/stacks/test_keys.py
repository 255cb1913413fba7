"""The table of keys against the schema Compose itself reads its files with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from guesthouse.stacks.keys import SECTIONS, Verdict
from guesthouse.stacks.reference import compose_page
from tests.golden.stacks.cases import PAGE

LIST = Path(__file__).with_name("compose-keys.txt")
COVERS = {Verdict.REFUSE, Verdict.REWRITE}


def schema_keys() -> Iterator[tuple[str, str]]:
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            place, _, keys = line.partition(": ")
            for key in keys.split():
                yield place, key


def is_decided(place: str, key: str) -> bool:
    """Whether the table has the key, or decides on something it stands below."""
    if key in SECTIONS.get(place, {}):
        return True
    parent, _, last = place.rpartition(".")
    name = last.removesuffix("[]")
    if place.endswith(".*"):
        name = parent.rpartition(".")[2]
        parent = parent.rpartition(".")[0]
    rule = SECTIONS.get(parent, {}).get(name)
    if rule is not None:
        return rule.verdict in COVERS
    return bool(place) and is_decided(parent, name)


@pytest.mark.parametrize("place", sorted({place for place, _ in schema_keys()}))
def test_every_key_of_compose_is_decided_on(place: str) -> None:
    undecided = [key for at, key in schema_keys() if at == place and not is_decided(at, key)]
    assert not undecided, f"decide on these keys of {place!r} in keys.py"


def test_a_key_nobody_decided_on_is_found() -> None:
    assert not is_decided("services.*", "launch_missiles")
    assert not is_decided("services.*.build", "launch_missiles")
    assert not is_decided("services.*.launch_missiles", "at")


def test_the_table_has_no_key_compose_lacks() -> None:
    known = set(schema_keys())
    assert {(place, key) for place, section in SECTIONS.items() for key in section} <= known


def test_what_is_refused_or_left_out_says_why() -> None:
    rules = [rule for section in SECTIONS.values() for rule in section.values()]
    refused = [rule for rule in rules if rule.verdict is Verdict.REFUSE]
    rewritten = [rule for rule in rules if rule.verdict is Verdict.REWRITE and not rule.is_silent]
    assert all(rule.why and rule.instead for rule in refused)
    assert all(rule.instead for rule in rewritten)


def test_the_page_for_authors_says_what_the_table_says() -> None:
    current = PAGE.read_text(encoding="utf-8")
    assert current == compose_page(), "run python -m tests.golden.stacks.cases"
