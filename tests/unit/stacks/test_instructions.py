"""What a Dockerfile would have the shared engine do, in spellings a quick reader misses."""

import pytest

from guesthouse.stacks.instructions import Breach, breaches
from guesthouse.stacks.model import ComposeInvalid, Policy
from guesthouse.stacks.policy import CORE, PARTNER
from tests.unit.stacks.products import compiled, refused, section

BUILD = "services: {app: {build: .}}\n"
IMAGE = "dockerfile-image"
UNCLEAR = "dockerfile-unclear"
REFUSED = {
    "from": ("FROM gh/other/api:abc\n", IMAGE),
    "from-lower-case": ("from gh/other/api:abc\n", IMAGE),
    "from-registry": ("FROM docker.io/gh/other/api:abc\n", IMAGE),
    "from-old-registry": ("FROM index.docker.io/gh/other/api:abc\n", IMAGE),
    "from-platform": ("FROM --platform=linux/amd64 gh/other/api:abc AS x\n", IMAGE),
    "from-tabs": ("\tFROM\t\tgh/other/api:abc\n", IMAGE),
    "from-later": ("FROM debian\nFROM gh/other/api:abc\nFROM debian\n", IMAGE),
    "from-carriage-return": ("FROM debian\r\nFROM gh/other/api:abc\r\n", IMAGE),
    "from-byte-order-mark": ("\ufeffFROM gh/other/api:abc\n", IMAGE),
    "from-torn": ("FR\\\nOM gh/ot\\\nher/api:abc\n", IMAGE),
    "from-torn-by-comment": ("FROM \\\n# a comment\n\n gh/other/api:abc\n", IMAGE),
    "from-torn-with-blanks": ("FROM \\ \t\ngh/other/api:abc\n", IMAGE),
    "from-after-escaped-end": ("FROM a\nRUN echo \\\\\nFROM gh/other/api:abc\n", IMAGE),
    "from-after-comment-that-goes-on": ("# a \\\nFROM gh/other/api:abc\n", IMAGE),
    "from-argument": ("ARG BASE=gh/other/api:abc\nFROM $BASE\n", IMAGE),
    "from-arguments": ("ARG A=g B='h/other'\nFROM ${A}${B}/api:abc\n", IMAGE),
    "from-argument-of-argument": ("ARG A=gh\nARG B=$A/other\nFROM $B/api:abc\n", IMAGE),
    "from-default": ("FROM ${BASE:-gh/other/api:abc}\n", IMAGE),
    "from-default-unset": ("FROM ${BASE-gh/other/api:abc}\n", IMAGE),
    "from-alternative": ("ARG A=1\nFROM ${A:+gh/other/api:abc}\n", IMAGE),
    "from-empty-argument": ("FROM ${NOTHING}gh/other/api:abc\n", IMAGE),
    "from-build-argument": ("ARG BASE=debian\nFROM $BASE\n", IMAGE),
    "from-loop": ("ARG A=$B\nARG B=$A\nFROM $A\n", UNCLEAR),
    "from-pattern": ("ARG A=xgh/other/api:abc\nFROM ${A#x}\n", UNCLEAR),
    "from-nested": ("FROM ${A:-${B:-gh/other/api:abc}}\n", UNCLEAR),
    "from-quoted": ('FROM "gh/other/api:abc"\n', UNCLEAR),
    "from-escaped": ("FROM g\\h/other/api:abc\n", UNCLEAR),
    "from-many": (
        f"ARG {' '.join(f'A{n}={n}' for n in range(8))}\nFROM $A0$A1$A2$A3$A4$A5$A6\n",
        UNCLEAR,
    ),
    "from-identity": (f"FROM {'0a' * 32}\n", IMAGE),
    "from-named-identity": ("FROM sha256:0a\n", IMAGE),
    "from-short-identity": ("FROM 0a1b2c3d4e5f\n", IMAGE),
    "from-after-text": ("FROM a\nRUN <<E\\\\\nx\nE\\\nFROM gh/other/api:abc\n", IMAGE),
    "copy": ("FROM a\nCOPY --from=gh/other/api:abc /srv /srv\n", IMAGE),
    "copy-later-flag": ("FROM a\nCOPY --chown=1:1 --from=gh/other/api /srv /srv\n", IMAGE),
    "copy-torn": ("FROM a\nCOPY --fr\\\nom=gh/other/api /srv /srv\n", IMAGE),
    "copy-onbuild": ("FROM a\nONBUILD COPY --from=gh/other/api /srv /srv\n", IMAGE),
    "copy-escaped-flag": ("FROM a\nCOPY --f\\rom=gh/other/api /srv /srv\n", UNCLEAR),
    "copy-quoted-flag": ('FROM a\nCOPY --from="gh/other/api" /srv /srv\n', UNCLEAR),
    "copy-variable": ("FROM a\nARG X=gh/other\nCOPY --from=$X/api /srv /srv\n", UNCLEAR),
    "mount": ("FROM a\nRUN --mount=type=bind,from=gh/other/api,target=/x true\n", IMAGE),
    "mount-any-case": ("FROM a\nRUN --mount=FROM=gh/other/api,target=/x true\n", IMAGE),
    "mount-cache": ("FROM a\nRUN --mount=type=cache,from=gh/other/api,target=/x true\n", IMAGE),
    "mount-quoted": ('FROM a\nRUN --mount=type=bind,"from=gh/other/api" true\n', UNCLEAR),
    "mount-ssh": ("FROM a\nRUN --mount=type=ssh true\n", "dockerfile-mount"),
    "mount-variable": ("FROM a\nRUN --mount=type=${T},target=/x true\n", "dockerfile-mount"),
    "insecure": ("FROM a\nRUN --security=insecure true\n", "dockerfile-flag"),
    "network": ("FROM a\nRUN --network=host true\n", "dockerfile-flag"),
    "device": ("FROM a\nRUN --device=vendor.com/gpu=all true\n", "dockerfile-flag"),
    "unknown-flag": ("FROM a\nCOPY --new=x a b\n", "dockerfile-flag"),
    "frontend": ("# syntax=evil/frontend\nFROM a\n", "dockerfile-syntax"),
    "frontend-like-ours": ("# syntax=docker/dockerfile.evil\nFROM a\n", "dockerfile-syntax"),
    "frontend-slashes": ("// syntax = evil/frontend\nFROM a\n", "dockerfile-syntax"),
    "frontend-after-shebang": ("#!/x\n# SYNTAX=evil/frontend\nFROM a\n", "dockerfile-syntax"),
    "frontend-json": ('{"syntax": "evil/frontend"}\n', "dockerfile-syntax"),
    "frontend-json-after-shebang": ('#!/x\n{"syntax": "evil/frontend"}\n', "dockerfile-syntax"),
    "escape": ("# escape=`\nFROM a\n", UNCLEAR),
    "from-many-variables": (f"FROM {'${A}' * 5000}gh/other/api:abc\n", IMAGE),
    "from-arguments-of-arguments": (
        "".join(f"ARG A{n}={f'$A{n + 1}' * 100}\n" for n in range(7)) + "FROM $A0\nFROM gh/x/y\n",
        IMAGE,
    ),
    "from-long-argument": (
        "".join(f"ARG A{n}={f'$A{n + 1}' * 100}\n" for n in range(7)) + "ARG A7=x\nFROM $A0\n",
        UNCLEAR,
    ),
    "texts-without-end": ("FROM a\nRUN <<E\n" + "RUN \\\n" * 40_000 + "E\n", UNCLEAR),
}
ORDINARY = """# syntax=docker/dockerfile:1.7
ARG PYTHON=3.12 REGISTRY=registry.example.org
FROM --platform=$BUILDPLATFORM ${REGISTRY}/python:${PYTHON:-3}-slim AS base
RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=key \\
    # a comment within
    --mount=type=bind,source=a,target=/a --network=none \\
    echo "from gh/other/api"

FROM base AS web
RUN --mount=from=base,source=/x,target=/x <<EOF
echo from whom
python -c "from json import loads"
EOF
COPY --from=base --chown=1:1 --chmod=644 --link "a b" /a
COPY --from=0 /x /x
COPY --from=docker.io/library/busybox:1 /bin/sh /sh
ADD --checksum=sha256:00 https://example.org/x /x
HEALTHCHECK --interval=5s CMD true
CMD ["--from=gh/other/api"]
"""


@pytest.mark.parametrize("row", REFUSED)
def test_what_reaches_others_is_refused(row: str) -> None:
    text, code = REFUSED[row]
    arguments = {"BASE": "gh/other/api:abc"} if row == "from-build-argument" else {}
    assert code in {breach.code for breach in breaches(text, arguments)}


def test_ordinary_files_are_built() -> None:
    assert breaches(ORDINARY, {"PYTHON": "3.13"}) == ()


def test_a_breach_names_its_line_and_what_to_do() -> None:
    found = breaches("FROM a\nRUN true\nCOPY --from=gh/other/api /x /x\n", {})
    why = "images of this prefix belong to environments"
    instead = "name another image; additional_contexts reaches your own services' images"
    assert found == (Breach(IMAGE, 3, "COPY gh/other/api", why, instead),)


@pytest.mark.parametrize(
    "source",
    ["http://127.0.0.1/x", "https://example.org/x", "git@host:x", "$WHERE", "github.com/a/b"],
)
def test_only_the_core_has_the_engine_download(source: str) -> None:
    text = f"FROM a\nADD {source} /x\nADD a b* /y/\n"
    found = breaches(text, {}, may_download=False)
    assert [(breach.code, breach.line) for breach in found] == [("dockerfile-add", 2)]
    assert [finding.code for finding in refused(BUILD, {"Dockerfile": text}, policy=PARTNER)]
    assert refused(BUILD, {"Dockerfile": text}, policy=CORE) == ()


@pytest.mark.parametrize("policy", [CORE, PARTNER], ids=lambda policy: policy.name)
def test_a_product_is_refused_for_its_dockerfile(policy: Policy) -> None:
    files = {"Dockerfile": "FROM debian\nFROM gh/other/api:abc\n"}
    inline = "services: {app: {build: {context: ., dockerfile_inline: 'FROM gh/other/api'}}}\n"
    # Compose takes an empty text for none, and builds from the file.
    empty = "services: {app: {build: {context: ., dockerfile_inline: ''}}}\n"
    found = [
        finding
        for compose in (BUILD, inline, empty)
        for finding in refused(compose, files, policy=policy)
    ]
    assert [(finding.code, finding.path) for finding in found] == [
        (IMAGE, "services.app.build.dockerfile:2"),
        (IMAGE, "services.app.build.dockerfile:1"),
        (IMAGE, "services.app.build.dockerfile:2"),
    ]


def test_a_dockerfile_has_an_end() -> None:
    with pytest.raises(ComposeInvalid, match="larger than 256 KiB"):
        compiled(BUILD, {"Dockerfile": "FROM a\n" + "#" * 2**18})


def test_empty_lines_take_no_time_to_judge() -> None:
    # Were it the square of their number, this would take minutes.
    assert breaches("\n" * 250_000 + "FROM a\n", {}) == ()


def test_arguments_may_choose_no_frontend_and_no_caches_of_others() -> None:
    compose = (
        "services: {app: {build: {context: ., args: {BUILDKIT_SYNTAX: evil/frontend,"
        " BUILDKIT_CACHE_MOUNT_NS: other, BUILDKIT_INLINE_CACHE: 1}}}}\n"
    )
    found = refused(compose, {"Dockerfile": "FROM a\n"})
    assert [finding.path.rpartition(".")[2] for finding in found] == [
        "BUILDKIT_CACHE_MOUNT_NS",
        "BUILDKIT_SYNTAX",
    ]


def test_each_environment_has_build_caches_of_its_own() -> None:
    build = section(compiled(BUILD, {"Dockerfile": "FROM a\n"}))["build"]
    assert isinstance(build, dict)
    assert build["args"] == {"BUILDKIT_CACHE_MOUNT_NS": "acme"}
