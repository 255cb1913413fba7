import datetime as dt
from enum import Enum

import pytest

from guesthouse.environments.model import EnvironmentState
from guesthouse.instances.model import InstanceState
from guesthouse.runs import RunState, StepState
from guesthouse.web import words
from tests.fakes.clock import START

STATES: list[Enum] = [*EnvironmentState, *InstanceState, *RunState, *StepState]


@pytest.mark.parametrize("state", STATES, ids=str)
def test_every_state_has_a_look(state: Enum) -> None:
    look = words.shown(state)
    assert state.value in words.STATES
    assert look.word
    assert look.tone in {"good", "busy", "warn", "bad", "off"}


def test_a_state_nobody_described_keeps_its_word() -> None:
    assert words.shown("asleep") == words.Shown("off", "dash", "Asleep")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "just now"),
        (44, "just now"),
        (46, "1 min ago"),
        (59 * 60, "59 min ago"),
        (3600, "1 h ago"),
        (36 * 3600, "2 days ago"),
        (26 * 3600, "1 day ago"),
        (90 * 86400, "04 Oct 2025"),
        (-10, "in a moment"),
        (-300, "in 5 min"),
        (-3 * 86400, "in 3 days"),
    ],
)
def test_times_read_as_people_say_them(seconds: int, expected: str) -> None:
    assert words.ago(START - dt.timedelta(seconds=seconds), START) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, ""),
        (0.04, "0.0 s"),
        (4.25, "4.2 s"),
        (12.4, "12 s"),
        (185, "3 min 5 s"),
        (7800, "2 h 10 min"),
    ],
)
def test_durations_are_as_exact_as_they_are_short(seconds: float | None, expected: str) -> None:
    assert words.duration(seconds) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Olive Owner", "OO"),
        ("operator", "O"),
        ("dana.developer@acme.example", "DD"),
        ("<b>", "B"),
        ("@@", "?"),
        ("", "?"),
    ],
)
def test_initials_are_letters_only(name: str, expected: str) -> None:
    assert words.initials(name) == expected
