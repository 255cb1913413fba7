import base64
import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guesthouse.kit.sensitive import MASK, Sensitive
from guesthouse.runs import logchunks
from guesthouse.runs.masking import Masker
from guesthouse.runs.model import TERMINAL, TRANSITIONS, LogLine, RunState, Stream
from tests.fakes.clock import START


def test_every_state_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(RunState)


def test_a_run_ends_in_one_of_four_ways() -> None:
    assert {state.value for state in TERMINAL} == {"succeeded", "failed", "cancelled", "lost"}


VALUE = 'pa"ss/wörd+1&x'


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(VALUE, id="raw"),
        pytest.param(base64.b64encode(VALUE.encode()).decode(), id="base64"),
        pytest.param(base64.urlsafe_b64encode(VALUE.encode()).decode(), id="base64-url"),
        pytest.param(urllib.parse.quote(VALUE, safe=""), id="url"),
        pytest.param(urllib.parse.quote_plus(VALUE), id="form"),
        pytest.param(json.dumps(VALUE), id="json"),
        pytest.param(json.dumps(VALUE, ensure_ascii=False), id="json-utf8"),
    ],
)
def test_each_form_of_a_secret_is_masked(form: str) -> None:
    masked = Masker([Sensitive(VALUE)])(f"before {form} after")
    assert MASK in masked
    assert form.strip('"') not in masked


@given(st.text("abcXYZ", min_size=0, max_size=5))
def test_basic_authentication_gives_no_secret_away(user: str) -> None:
    phrase = "correct-horse-battery"
    header = base64.b64encode(f"{user}:{phrase}".encode()).decode()
    assert MASK in Masker([Sensitive(phrase)])(header)


def test_short_secrets_are_not_masked() -> None:
    assert Masker([Sensitive("abc")])("abc is a word") == "abc is a word"


def test_each_line_of_a_key_is_masked() -> None:
    masker = Masker([Sensitive("-----BEGIN KEY-----\nc2VjcmV0\n-----END KEY-----\n")])
    assert masker("  c2VjcmV0") == f"  {MASK}"


def test_a_secret_that_holds_another_leaves_nothing() -> None:
    assert Masker([Sensitive("abcd"), Sensitive("abcdefgh")])("abcdefgh") == MASK


@pytest.mark.parametrize("compress", [False, True])
@given(st.lists(st.text(), min_size=1, max_size=20))
def test_chunks_give_back_their_lines(compress: bool, texts: list[str]) -> None:  # noqa: FBT001
    texts = [text.encode(errors="replace").decode() for text in texts]
    lines = tuple(
        LogLine(7 + index, START, Stream.OUTPUT, "build", text) for index, text in enumerate(texts)
    )
    packed = logchunks.pack(lines, compress=compress)
    assert logchunks.unpack(packed, first=7, compressed=compress) == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("", [""], id="empty"),
        pytest.param("a\nb\n", ["a", "b"], id="several"),
        pytest.param("a\x07b", ["a\N{REPLACEMENT CHARACTER}b"], id="control"),
        pytest.param("\x1b[1mbold", ["\x1b[1mbold"], id="colour"),
        pytest.param("x" * 8193, ["x" * 8192, "x"], id="too-long"),
    ],
)
def test_texts_are_cut_to_lines(text: str, lines: list[str]) -> None:
    assert logchunks.split(text) == lines
