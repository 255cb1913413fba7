"""What holds for any file at all."""

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from guesthouse.errors import GuesthouseError
from guesthouse.stacks.keys import SECTIONS
from guesthouse.stacks.model import CompiledStack
from guesthouse.stacks.render import render
from guesthouse.stacks.yamlfile import Yaml, read_mapping
from tests.unit.stacks.products import ANY_TIME, ROUTED, SECRET, compiled, section

WORDS = st.sampled_from(
    [
        "app",
        "db",
        "none",
        "host",
        "./a",
        "/etc",
        "a:b",
        "a=b",
        "8080",
        "10s",
        "1g",
        "yes",
        "${A}",
        "${DATABASE_PASSWORD}",
        "",
        ".",
        "..",
        "v:/x:ro",
        "./a:/b",
        "CMD",
        "no",
        "1-9",
        "a b",
        "'",
    ]
)
SCALARS = st.one_of(WORDS, st.integers(-5, 100_000), st.booleans(), st.none(), st.floats(0, 9))
KEYS = st.sampled_from(sorted({key for section in SECTIONS.values() for key in section} | {"app"}))
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)
SERVICE = st.dictionaries(st.sampled_from(sorted(SECTIONS["services.*"])), ANYTHING, max_size=4)
THINGS = st.dictionaries(st.sampled_from(["a", "app", "v"]), ANYTHING, max_size=2)
TOP = st.fixed_dictionaries(
    {"services": st.fixed_dictionaries({"app": SERVICE})},
    optional=dict.fromkeys(
        ("networks", "volumes", "secrets", "configs", "include", "name"), THINGS
    ),
)
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]
FILES = {"a/x": "A=b\n", "Dockerfile": "FROM scratch\n"}
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\ue000\ue001"), max_size=20)
MAPPINGS = st.dictionaries(st.sampled_from(["a", "b.c"]), TEXTS)
TREES = st.recursive(
    st.one_of(TEXTS, st.integers(-(10**9), 10**9), st.booleans(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=10,
)


def attempt(written: object, *, style: str | None = None) -> CompiledStack | None:
    """Return the compiled product, or None where it is refused with an error of ours."""
    try:
        return compiled(yaml.safe_dump(written, default_style=style), FILES, manifest=ROUTED)
    except GuesthouseError:
        return None


@settings(ANY_TIME, max_examples=150, suppress_health_check=QUIET)
@given(TOP)
def test_any_file_is_compiled_or_refused_with_an_error_of_ours(written: dict[str, Yaml]) -> None:
    stack = attempt(written)
    assert stack is None or SECRET not in stack.compose


@settings(ANY_TIME, max_examples=60, suppress_health_check=QUIET)
@given(
    st.fixed_dictionaries({"command": st.lists(TEXTS), "working_dir": TEXTS, "labels": MAPPINGS})
)
@example({"command": [], "working_dir": "0E0", "labels": {}})
def test_what_a_program_sees_is_what_its_author_wrote(service: dict[str, Yaml]) -> None:
    # In quotes: what PyYAML takes for text and leaves plain, such as 0E0, is a number to Compose.
    stack = attempt(_doubled({"services": {"app": {"image": "x", **service}}}), style='"')
    assert stack is not None
    emitted = section(stack)
    labels = emitted["labels"]
    assert isinstance(labels, dict)
    plain = {key: value for key, value in labels.items() if not key.startswith("app.guesthouse.")}
    shown = {"command": emitted["command"], "working_dir": emitted["working_dir"], "labels": plain}
    assert read_back(shown) == service


def _doubled(value: object) -> object:
    if isinstance(value, dict):
        return {key: _doubled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_doubled(item) for item in value]
    return value.replace("$", "$$") if isinstance(value, str) else value


@ANY_TIME
@given(st.dictionaries(TEXTS, TREES, min_size=1, max_size=4))
def test_rendered_text_reads_back_as_the_same_values(project: dict[str, Yaml]) -> None:
    text = render(project)
    assert read_back(yaml.safe_load(text)) == project
    assert text == render(project)


def read_back(value: object) -> object:
    """Undo what the writer does for Compose's substitution."""
    if isinstance(value, dict):
        return {key: read_back(item) for key, item in value.items()}
    if isinstance(value, list):
        return [read_back(item) for item in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


@ANY_TIME
@given(st.dictionaries(st.text(alphabet="abc", min_size=1), TEXTS, max_size=4))
def test_the_own_reader_reads_rendered_text_as_other_readers_do(project: dict[str, Yaml]) -> None:
    text = render(project)
    assert read_mapping(text.encode(), "f") == (yaml.safe_load(text) or {})
