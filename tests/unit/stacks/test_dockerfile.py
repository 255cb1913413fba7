import pytest
from hypothesis import given
from hypothesis import strategies as st

from guesthouse.stacks.dockerfile import health_options, read_paths
from tests.unit.stacks.products import ANY_TIME, compiled, section

MANY = """# syntax=docker/dockerfile:1
FROM python:${VERSION} AS base
COPY requirements.txt /
RUN pip install \\
    # a comment within
    -r requirements.txt

FROM base AS api
COPY --chown=1:1 ["common", "api/*.py", "/srv/"]

FROM node AS assets
COPY web/package.json web/src/ /web/
FROM base AS web
COPY --from=assets /web /web
ADD https://example.org/x /x
RUN --mount=type=bind,source=web/templates,target=/t --mount=type=cache,target=/c true
"""


@pytest.mark.parametrize(
    ("text", "target", "paths"),
    [
        pytest.param(MANY, "api", ("api", "common", "requirements.txt"), id="stage-and-its-base"),
        pytest.param(
            MANY,
            "",
            ("requirements.txt", "web/package.json", "web/src", "web/templates"),
            id="last-stage-and-what-it-takes-from",
        ),
        pytest.param(MANY, "ASSETS", ("web/package.json", "web/src"), id="any-case"),
        pytest.param(MANY, "0", ("requirements.txt",), id="by-number"),
        pytest.param("FROM a\nCOPY ./x/../y /z\n", "", ("y",), id="tidied"),
        pytest.param("FROM a\n", "", (), id="reads-nothing"),
    ],
)
def test_what_a_build_reads_is_found(text: str, target: str, paths: tuple[str, ...]) -> None:
    assert read_paths(text, target) == paths


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("FROM a\nCOPY . /x\n", id="everything"),
        pytest.param("FROM a\nCOPY * /x\n", id="any-name"),
        pytest.param("FROM a\nCOPY $WHAT /x\n", id="variable"),
        pytest.param("FROM a\nCOPY ../x /x\n", id="outside"),
        pytest.param("FROM a\nCOPY x\n", id="no-target"),
        pytest.param("FROM a\nCOPY <<E /x\nCOPY y /\nE\n", id="here-document"),
        pytest.param("FROM a\nRUN --mount=type=bind,target=/x true\n", id="bind-of-everything"),
        pytest.param("FROM a\nONBUILD COPY x /x\n", id="onbuild"),
        pytest.param("# syntax=evil/frontend\nFROM a\n", id="other-syntax"),
        pytest.param("# escape=`\nFROM a\n", id="other-escape"),
        pytest.param("COPY a b\n", id="no-stage"),
        pytest.param("FROM a\nCOPY 'x /y\n", id="open-quote"),
        pytest.param("", id="empty"),
    ],
)
def test_what_is_not_clear_counts_as_everything(text: str) -> None:
    assert read_paths(text) is None


def test_an_unknown_target_counts_as_everything() -> None:
    assert read_paths(MANY, "nobody") is None


def test_a_variable_may_name_any_earlier_stage() -> None:
    text = "FROM a AS one\nCOPY x /x\nFROM b AS two\nCOPY --from=$S /x /x\n"
    assert read_paths(text) == ("x",)


CHECKED = """FROM a AS base
HEALTHCHECK --interval=20s --retries=2 CMD curl --max-time=1 localhost
FROM base AS web
FROM base AS quiet
HEALTHCHECK NONE
FROM b AS other
COPY --from=web /x /x
"""


@pytest.mark.parametrize(
    ("target", "options"),
    [
        pytest.param("base", {"interval": "20s", "retries": "2"}, id="own"),
        pytest.param("web", {"interval": "20s", "retries": "2"}, id="from-its-base"),
        pytest.param("quiet", None, id="switched-off"),
        pytest.param("other", None, id="copied-files-bring-none"),
        pytest.param("nobody", None, id="unknown"),
    ],
)
def test_health_checks_of_images_are_found(target: str, options: dict[str, str] | None) -> None:
    assert health_options(CHECKED, target) == options


@pytest.mark.parametrize(
    ("target", "check"),
    [
        pytest.param("web", {"start_period": "40s", "start_interval": "500ms"}, id="patience"),
        pytest.param("quiet", None, id="none"),
    ],
)
def test_an_image_with_a_health_check_starts_as_quickly(
    target: str, check: dict[str, str] | None
) -> None:
    compose = f"services: {{app: {{build: {{context: ., target: {target}}}}}}}\n"
    stack = compiled(compose, {"Dockerfile": CHECKED})
    assert section(stack).get("healthcheck") == check
    assert stack.expected["app"]["has_health_check"] is bool(check)


def test_an_images_own_start_period_is_kept() -> None:
    text = "FROM a\nHEALTHCHECK --start-period=7s --interval=1s CMD true\n"
    emitted = section(compiled("services: {app: {build: .}}\n", {"Dockerfile": text}))
    assert emitted["healthcheck"] == {"interval": "5s", "start_interval": "500ms"}


@ANY_TIME
@given(st.text(alphabet="FROM COPYADun=-.<[]\"'\\$/\n*# asx", max_size=80))
def test_any_text_is_read(text: str) -> None:
    assert read_paths(text) is None or all(read_paths(text) or ())


COMPOSE = (
    "services: {api: {build: {context: ., target: api}}, web: {build: {context: ., target: web}}}"
)
FILES = {"Dockerfile": MANY, "api/a.py": "1", "web/src/b.js": "1", "requirements.txt": "1"}


def test_a_change_of_one_service_renames_only_its_image() -> None:
    before = compiled(COMPOSE, FILES).images
    after = compiled(COMPOSE, {**FILES, "web/src/b.js": "2", "README": "new"}).images
    assert before["api"] == after["api"]
    assert before["web"] != after["web"]


@pytest.mark.parametrize("path", ["Dockerfile", ".dockerignore", "requirements.txt"])
def test_a_change_of_what_both_read_renames_both(path: str) -> None:
    before = compiled(COMPOSE, FILES).images
    after = compiled(COMPOSE, {**FILES, path: FILES.get(path, "") + "\n# new\n"}).images
    assert set(before.values()).isdisjoint(after.values())
