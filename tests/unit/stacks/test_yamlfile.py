import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from guesthouse.stacks.model import SourceInvalid
from guesthouse.stacks.yamlfile import MAX_BYTES, Yaml, read_mapping, read_yaml
from tests.unit.stacks.products import ANY_TIME


def sentence(content: bytes) -> str:
    with pytest.raises(SourceInvalid) as raised:
        read_yaml(content, "compose.yaml")
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        pytest.param("yes", "yes", id="yes-is-text"),
        pytest.param("on", "on", id="on-is-text"),
        pytest.param("true", True, id="switch"),
        pytest.param("True", True, id="capital-switch"),
        pytest.param('"true"', "true", id="quoted-switch-is-text"),
        pytest.param("22:22", "22:22", id="no-sexagesimal"),
        pytest.param("0440", 0o440, id="octal"),
        pytest.param("0o440", 0o440, id="new-octal"),
        pytest.param("0x1F", 31, id="hexadecimal"),
        pytest.param("1_000", 1000, id="underscores"),
        pytest.param("0.5", 0.5, id="number"),
        pytest.param("1e3", 1000.0, id="exponent"),
        pytest.param("~", None, id="nothing"),
        pytest.param("", None, id="empty"),
        pytest.param("2001-01-01", "2001-01-01", id="no-dates"),
        pytest.param("!!str 5", "5", id="core-tag"),
        pytest.param("=", "=", id="equals"),
        pytest.param("99999999999999999999", "99999999999999999999", id="huge"),
    ],
)
def test_plain_scalars_mean_what_they_mean_to_compose(text: str, meaning: Yaml) -> None:
    value = read_mapping(f"key: {text}".encode(), "compose.yaml")["key"]
    assert value == meaning
    assert type(value) is type(meaning)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        pytest.param(b"a: 1\n---\nb: 2\n", "second document", id="two-documents"),
        pytest.param(b"a: 1\na: 2\n", "line 2: the key a stands twice", id="duplicate-key"),
        pytest.param(b"a: !reset null\n", "tag !reset is not allowed", id="reset"),
        pytest.param(b"a: !override [1]\n", "tag !override is not allowed", id="override"),
        pytest.param(b"a: !!python/name:os.system x\n", "is not allowed", id="python-tag"),
        pytest.param(b"a: !!binary aGk=\n", "is not allowed", id="binary"),
        pytest.param(b"a: !!int x\n", "x is no int", id="lying-tag"),
        pytest.param(b"1: a\n", 'write "1"', id="number-as-key"),
        pytest.param(b"? [a]\n: b\n", "is no text", id="list-as-key"),
        pytest.param(b"a: *b\n", "names no finished anchor", id="unknown-alias"),
        pytest.param(b"a: &a [*a]\n", "names no finished anchor", id="circle"),
        pytest.param(b"<<: 5\n", "merges mappings only", id="merge-of-a-number"),
        pytest.param(b"a: [\n", "is not YAML", id="broken"),
        pytest.param(b"\xff\xfe", "is not UTF-8 text", id="bytes"),
        pytest.param(b"[" * 40 + b"]" * 40, "nested deeper than 32", id="deep"),
        pytest.param(b"[" * 3000, "nest", id="very-deep"),
        pytest.param(b"a: " + b"x" * MAX_BYTES, "larger than 256 KiB", id="big"),
        pytest.param(b"- a\n- b\n" * 11_000, "more than 20000 values", id="many"),
        pytest.param(b'a: "\\uE000X\\uE001"\n', "not allowed", id="forged-secret-mark"),
        pytest.param(b'a: "\\0"\n', "not allowed", id="nul"),
        pytest.param(b'a: "\\ud800"\n', "not", id="surrogate"),
        pytest.param(b'a: "\\UFFFFFFFF"\n', "is not YAML", id="no-character"),
        pytest.param(b"%TAG ! tag:x,2000:\n---\na: !b c\n", "is not allowed", id="tag-directive"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_with_its_reason(content: bytes, part: str) -> None:
    assert part in sentence(content)


def test_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert "more than 20000 values" in sentence("\n".join(lines).encode())


def test_a_long_text_used_often_is_refused() -> None:
    text = "a: &a " + "x" * 200_000 + "\nb: [" + ", ".join(["*a"] * 10) + "]\n"
    assert "more than 1048576 characters" in sentence(text.encode())


def test_alias_cannot_build_depth() -> None:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 40)]
    assert "nested deeper" in sentence("\n".join(lines).encode())


def test_merge_keys_fill_in_what_is_not_written() -> None:
    text = (
        b"base: &base {a: 1, b: 2}\nother: &other {b: 3, c: 4}\nx: {<<: [*base, *other], a: 9}\n"
    )
    assert read_mapping(text, "f")["x"] == {"a": 9, "b": 2, "c": 4}


def test_quoted_merge_key_is_a_plain_key() -> None:
    assert read_mapping(b'"<<": {a: 1}\n', "f") == {"<<": {"a": 1}}


def test_empty_file_is_an_empty_mapping() -> None:
    assert read_mapping(b"# nothing\n", "f") == {}


def test_list_at_the_top_is_refused() -> None:
    with pytest.raises(SourceInvalid, match="should be a mapping"):
        read_mapping(b"- a\n", "f")


@ANY_TIME
@given(st.binary(max_size=200))
def test_any_bytes_raise_nothing_but_the_own_error(content: bytes) -> None:
    try:
        read_yaml(content, "f")
    except SourceInvalid as exc:
        assert exc.problem.what  # noqa: PT017 - either outcome is right


TEXT = st.text(alphabet="ab:-[]{}&*!#|>'\"%@`\n \t\\<?,~0123\ue000", max_size=80)


@ANY_TIME
@given(TEXT)
def test_any_text_raises_nothing_but_the_own_error(text: str) -> None:
    try:
        read_yaml(text.encode(), "f")
    except SourceInvalid as exc:
        assert exc.problem.what  # noqa: PT017 - either outcome is right


WORDS = st.text(alphabet="abcdefgh", min_size=1, max_size=6)
VALUES = st.recursive(
    st.one_of(WORDS, st.integers(-1000, 1000), st.booleans(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=4)
    ),
    max_leaves=12,
)


@ANY_TIME
@given(st.dictionaries(WORDS, VALUES, max_size=4))
def test_what_is_written_is_read_back(value: dict[str, Yaml]) -> None:
    assert read_mapping(yaml.safe_dump(value).encode(), "f") == value
