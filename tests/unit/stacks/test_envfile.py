import pytest
from hypothesis import given
from hypothesis import strategies as st

from guesthouse.stacks.envfile import read_env_file
from guesthouse.stacks.interpolate import Values
from guesthouse.stacks.model import SourceInvalid
from tests.unit.stacks.products import ANY_TIME

VALUES = Values({"TITLE": "Sample"})


def read(text: str) -> dict[str, str | None]:
    return read_env_file(text.encode(), "app.env", VALUES)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("A=b", "b", id="plain"),
        pytest.param("A=", "", id="empty"),
        pytest.param("A", None, id="without-value"),
        pytest.param("export A=b", "b", id="export"),
        pytest.param("  A = b c  ", "b c", id="spaces"),
        pytest.param("A: b", "b", id="colon"),
        pytest.param("A=b # note", "b", id="comment"),
        pytest.param("A=b#c", "b#c", id="no-comment"),
        pytest.param("A=#c", "", id="only-a-comment"),
        pytest.param("A='b # $TITLE \\n'", "b # $TITLE \\n", id="single-quotes"),
        pytest.param('A="b\\n\\"c\\" ${TITLE}"', 'b\n"c" Sample', id="double-quotes"),
        pytest.param('A="b\\$TITLE"', "b$TITLE", id="escaped-dollar"),
        pytest.param('A="b\nc"', "b\nc", id="many-lines"),
        pytest.param("A='b' # note", "b", id="comment-after-quotes"),
        pytest.param("A=${TITLE:-x}", "Sample", id="filled-in"),
        pytest.param("B=1\nA=${B}2", "12", id="from-the-file-itself"),
        pytest.param("# note\n\nA=b\r\n", "b", id="windows"),
        pytest.param("A=1\nA=2", "2", id="last-wins"),
        pytest.param("A=it's", "it's", id="quote-inside"),
    ],
)
def test_env_files_mean_what_they_mean_to_compose(text: str, value: str | None) -> None:
    assert read(text)["A"] == value


@pytest.mark.parametrize(
    ("content", "part"),
    [
        pytest.param(b"=b", "line 1: should be NAME=value", id="no-name"),
        pytest.param(b"A=b\nc d", "line 2: should be NAME=value", id="no-equals"),
        pytest.param(b"A='b", "line 1: has a quote that is not closed", id="open-quote"),
        pytest.param(b"A=${B:?x}", "line 1: needs a value for B", id="demand"),
        pytest.param(b"A=\xff", "is not UTF-8 text", id="bytes"),
        pytest.param("A=\ue000X\ue001".encode(), "not allowed", id="forged-secret-mark"),
        pytest.param(b"A=" + b"x" * 300_000, "larger than 256 KiB", id="big"),
    ],
)
def test_a_line_that_cannot_be_read_is_told(content: bytes, part: str) -> None:
    with pytest.raises(SourceInvalid, match=part):
        read_env_file(content, "app.env", VALUES)


@ANY_TIME
@given(st.text(alphabet="AB=:'\"\\$#{} \n\r\tx", max_size=60))
def test_any_file_is_read_or_told(text: str) -> None:
    try:
        assert all(name for name in read(text))
    except SourceInvalid as exc:
        assert exc.problem.what  # noqa: PT017 - either outcome is right


def test_a_name_without_value_means_what_the_platform_gives() -> None:
    assert read("TITLE=own\nTITLE\nA=$TITLE\n") == {"TITLE": None, "A": "Sample"}


def test_what_is_filled_in_counts_for_the_whole_file() -> None:
    long = "x" * 2**15
    with pytest.raises(SourceInvalid, match="too long"):
        read(f"A={long}\n" + "".join(f"B{n}=$A\n" for n in range(40)))


def test_many_names_are_read_in_one_go() -> None:
    # Were all the names before gone through for each one, this would take minutes.
    assert len(read("".join(f"A{n}=\n" for n in range(25_000)))) == 25_000
