import pytest
from hypothesis import given
from hypothesis import strategies as st

from guesthouse.kit.sensitive import Sensitive
from guesthouse.stacks.interpolate import (
    CLOSE,
    OPEN,
    Interpolation,
    Values,
    marked_names,
    reveal_marks,
)
from tests.unit.stacks.products import ANY_TIME

VALUES = Values({"A": "one", "EMPTY": ""}, {"PW": Sensitive("s3cret"), "BLANK": Sensitive("")})
MARK = f"{OPEN}PW{CLOSE}"


def filled(text: str) -> str:
    filling = Interpolation(VALUES)
    value = filling.fill(text, "f: x")
    assert not filling.problems
    return str(value)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        pytest.param("$A", "one", id="bare"),
        pytest.param("${A}", "one", id="braced"),
        pytest.param("a${A}b$A-c", "aonebone-c", id="inside-text"),
        pytest.param("$$A", "$A", id="escaped"),
        pytest.param("$$$A", "$one", id="escaped-then-value"),
        pytest.param("${A:-two}", "one", id="default-not-needed"),
        pytest.param("${EMPTY:-two}", "two", id="default-for-empty"),
        pytest.param("${EMPTY-two}", "", id="empty-is-set"),
        pytest.param("${NONE-two}", "two", id="default-for-unset"),
        pytest.param("${NONE:-}", "", id="empty-default"),
        pytest.param("${A:+yes}", "yes", id="alternative"),
        pytest.param("${EMPTY:+yes}", "", id="no-alternative-for-empty"),
        pytest.param("${EMPTY+yes}", "yes", id="alternative-for-set"),
        pytest.param("${NONE+yes}", "", id="no-alternative-for-unset"),
        pytest.param("${A:?needed}", "one", id="demanded-and-given"),
        pytest.param("${NONE:-${A}}", "one", id="nested"),
        pytest.param("${NONE:-a${EMPTY:-b}c}", "abc", id="nested-with-text"),
        pytest.param("${NONE:-{}}", "{}", id="braces-in-default"),
        pytest.param("${NONE}", "", id="unset-is-empty"),
        pytest.param("${PW}", MARK, id="secret-is-marked"),
        pytest.param("${PW:-x}", MARK, id="secret-with-default"),
        pytest.param("${BLANK:-x}", "x", id="empty-secret"),
        pytest.param("${PW:+set}", "set", id="secret-alternative"),
    ],
)
def test_every_form_of_compose_is_filled_in(text: str, result: str) -> None:
    assert filled(text) == result


@pytest.mark.parametrize(
    ("text", "part"),
    [
        pytest.param("${NONE:?tell me}", "tell me", id="demanded"),
        pytest.param("${EMPTY:?tell me}", "tell me", id="demanded-not-empty"),
        pytest.param("${NONE?}", "it is required", id="demanded-without-words"),
        pytest.param("${AA:?x}", "did you mean A?", id="near-miss"),
        pytest.param("${A", "not closed", id="open"),
        pytest.param("$", "starts no name", id="lonely-dollar"),
        pytest.param("$1", "starts no name", id="number"),
        pytest.param("${}", "names no variable", id="empty-braces"),
        pytest.param("${A!x}", "no form of substitution", id="unknown-operator"),
        pytest.param("${N:-" * 12 + "}" * 12, "nests more than", id="deep"),
    ],
)
def test_a_bad_template_is_told(text: str, part: str) -> None:
    filling = Interpolation(VALUES)
    filling.fill(text, "f: services.x")
    assert [problem.where for problem in filling.problems] == ["f: services.x"]
    assert part in filling.problems[0].what


def test_undeclared_names_are_remembered_with_their_first_place() -> None:
    filling = Interpolation(VALUES)
    filling.fill({"a": ["$X", "$X"], "b": "${Y:-z}"}, "f")
    assert filling.undeclared == {"X": "f.a[0]"}


def test_keys_are_left_alone() -> None:
    assert Interpolation(VALUES).fill({"$A": "x"}, "f") == {"$A": "x"}


def test_long_results_are_cut_short() -> None:
    filling = Interpolation(Values({"BIG": "x" * 40_000}))
    assert filling.fill("$BIG$BIG", "f") == ""
    assert "is too long" in filling.problems[0].what


def test_a_long_value_used_often_is_cut_short_and_told_once() -> None:
    filling = Interpolation(Values({"BIG": "x" * 60_000}))
    filled_in = filling.fill(["$BIG"] * 100, "f")
    assert len(str(filled_in)) < 2**21
    assert [problem.where for problem in filling.problems] == ["f[17]"]


def test_marks_are_revealed_only_on_purpose() -> None:
    assert marked_names(f"a{MARK}") == ("PW",)
    assert reveal_marks(f"a{MARK}", VALUES.secrets) == "as3cret"


@ANY_TIME
@given(st.text(alphabet="$${}AB:-?+ x", max_size=40))
def test_any_template_is_filled_or_told(text: str) -> None:
    filling = Interpolation(VALUES)
    filling.fill(text, "f")
    assert all(problem.what for problem in filling.problems)


@ANY_TIME
@given(st.text(max_size=40))
def test_a_doubled_dollar_gives_any_text_back(text: str) -> None:
    assert filled(text.replace("$", "$$")) == text
