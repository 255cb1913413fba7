"""Which files of its context a Dockerfile reads, so that an image keeps its name while they last.

Most products build several images from one folder. If each were named after the whole folder, a
change of one service would replace them all. What is not understood for certain counts as
everything: then the name changes too often, never too rarely.
"""

import json
import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

SYNTAX = re.compile(r"#\s*(syntax|escape)\s*=\s*(\S+)", re.IGNORECASE)
KNOWN_SYNTAX = re.compile(r"docker/dockerfile(:[\w.-]+)?")
WILDCARD = re.compile(r"[*?\[]")
REMOTE = re.compile(r"[a-z]+://|git@")
LEAST_COPY_WORDS = 2
MOST_STAGES = 200


class _Unclear(Exception):
    """An instruction may read more than can be told from the text."""


@dataclass
class _Stage:
    """One stage: what it starts from and takes from, and what it reads."""

    name: str
    uses: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    uses_all: bool = False
    """Whether a variable may name any earlier stage."""
    base: str = ""
    """The stage or image it starts from."""
    health: str = ""
    """What follows HEALTHCHECK."""


def read_paths(text: str, target: str = "") -> tuple[str, ...] | None:
    """Return the files and folders of its context that a build reads.

    Args:
        text: The Dockerfile.
        target: The stage that is built; empty is the last one.

    Returns:
        Paths relative to the context, or None where it may be anything.
    """
    try:
        stages = _stages(text)
        wanted = _needed(stages, target)
    except _Unclear:
        return None
    return tuple(sorted({path for index in wanted for path in stages[index].reads}))


def health_options(text: str, target: str = "") -> dict[str, str] | None:
    """Return the options of the health check an image has from its Dockerfile.

    Args:
        text: The Dockerfile.
        target: The stage that is built; empty is the last one.

    Returns:
        Such as ``{"interval": "10s"}``; None where it has none or that is not clear.
    """
    try:
        stages = _stages(text)
        index: int | None = _target(stages, target)
    except _Unclear:
        return None
    while index is not None:
        if stages[index].health:
            return _health_options(stages[index].health)
        names = {stage.name: number for number, stage in enumerate(stages[:index])}
        index = names.get(stages[index].base)
    return None


def _health_options(written: str) -> dict[str, str] | None:
    options = dict(re.findall(r"--([a-z-]+)=(\S+)", written.partition("CMD")[0]))
    return None if written.upper().startswith("NONE") else options


def _stages(text: str) -> list[_Stage]:
    stages: list[_Stage] = []
    for instruction, rest in _instructions(text):
        if instruction == "FROM":
            stages.append(_from(rest, len(stages)))
            if len(stages) > MOST_STAGES:  # All are compared with all
                raise _Unclear
        elif instruction in {"COPY", "ADD"}:
            _copy(_last(stages), rest)
        elif instruction == "RUN":
            _run(_last(stages), rest)
        elif instruction == "HEALTHCHECK":
            _last(stages).health = rest
        elif instruction == "ONBUILD":
            raise _Unclear
    return stages


def _last(stages: list[_Stage]) -> _Stage:
    if not stages:
        raise _Unclear
    return stages[-1]


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield each instruction with the rest of its line, continued lines joined."""
    for directive, value in SYNTAX.findall(text.partition("\nFROM")[0]):
        if directive.lower() == "escape" or not KNOWN_SYNTAX.fullmatch(value):
            raise _Unclear
    lines = (line.strip() for line in text.splitlines())
    joined = ""
    for line in lines:
        if line.startswith("#") or (not line and not joined):
            continue
        joined += line.removesuffix("\\") + " "
        if not line.endswith("\\"):
            instruction, _, rest = joined.strip().partition(" ")
            if "<<" in rest:  # What follows is a text, not instructions
                raise _Unclear
            yield instruction.upper(), rest.strip()
            joined = ""


def _from(rest: str, index: int) -> _Stage:
    words = [word for word in rest.split() if not word.startswith("--")]
    is_named = len(words) > LEAST_COPY_WORDS and words[-2].upper() == "AS"
    stage = _Stage(words[-1].lower() if is_named else str(index))
    stage.base = words[0].lower() if words else ""
    _use(stage, words[0] if words else "")
    return stage


def _use(stage: _Stage, name: str) -> None:
    stage.uses.add(name.lower())
    stage.uses_all = stage.uses_all or "$" in name


def _copy(stage: _Stage, rest: str) -> None:
    flags = re.match(r"(?:--\S+\s+)*", rest)
    taken = flags[0] if flags else ""
    words = _words(rest[len(taken) :])
    origin = re.search(r"--from=(\S+)", taken)
    if origin:
        _use(stage, origin[1])
        return
    if len(words) < LEAST_COPY_WORDS:
        raise _Unclear
    stage.reads |= {_source(word) for word in words[:-1] if not REMOTE.match(word)}


def _words(text: str) -> list[str]:
    try:
        if text.startswith("["):
            return [str(word) for word in json.loads(text)]
        return shlex.split(text)
    except (ValueError, RecursionError) as exc:
        raise _Unclear from exc


def _source(word: str) -> str:
    """Return what a source reads: up to the first part with a wildcard, never the whole."""
    parts: list[str] = []
    for part in posixpath.normpath(word).strip("/").split("/"):
        if WILDCARD.search(part):
            break
        parts.append(part)
    path = "/".join(parts)
    if "$" in word or path in {"", "."} or path.startswith(".."):
        raise _Unclear
    return path


def _run(stage: _Stage, rest: str) -> None:
    for mount in re.findall(r"--mount=(\S+)", rest):
        pairs = (option.partition("=") for option in mount.split(","))
        options = {key: value for key, _, value in pairs}
        if "from" in options:
            _use(stage, options["from"])
        elif options.get("type", "bind") == "bind":
            stage.reads.add(_source(options.get("source") or options.get("src") or "."))


def _target(stages: Sequence[_Stage], target: str) -> int:
    """Return the place of the stage that is built."""
    names = {stage.name: index for index, stage in enumerate(stages)}
    index = names.get(target.lower()) if target else len(stages) - 1
    if index is None and target.isdecimal() and int(target) < len(stages):
        index = int(target)
    if index is None or index < 0:
        raise _Unclear
    return index


def _needed(stages: Sequence[_Stage], target: str) -> set[int]:
    """Return the target's stage and all it is made from, directly or through others."""
    needed, waiting = set[int](), [_target(stages, target)]
    while waiting:
        index = waiting.pop()
        if index not in needed:
            needed.add(index)
            waiting += _made_from(stages, index)
    return needed


def _made_from(stages: Sequence[_Stage], index: int) -> list[int]:
    stage = stages[index]
    if stage.uses_all:
        return list(range(index))
    return [
        earlier
        for earlier in range(index)
        if stages[earlier].name in stage.uses or str(earlier) in stage.uses
    ]
