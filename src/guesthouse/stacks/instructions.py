"""Judges what a Dockerfile asks of the engine that builds it. Pure.

All environments of an instance share that engine: its images, its caches, its network. So a build
may start from what a registry gives and from its own stages, and from nobody else's images. What
is not understood for certain is refused: the engine would understand it somehow.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

HUB = re.compile(r"(index\.)?docker\.io/")
OURS = "gh/"
UNCLEAR = "dockerfile-unclear"
# Blanks, but no ends of lines: those would be gone through again from each empty line.
SYNTAX = re.compile(
    r"^[^\S\n]*(?:#|//)[^\S\n]*syntax[^\S\n]*=[^\S\n]*(\S+)", re.IGNORECASE | re.MULTILINE
)
KNOWN_SYNTAX = re.compile(
    r"(?:docker\.io/)?docker/dockerfile(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?"
)
ESCAPE = re.compile(
    r"^[^\S\n]*#[^\S\n]*escape[^\S\n]*=[^\S\n]*(\S+)", re.IGNORECASE | re.MULTILINE
)
SHEBANG = re.compile(r"\A\ufeff?#![^\n]*(?:\n|\Z)")
"""A first line that the engine skips before it looks for a frontend."""
# The engine's own rule: two backslashes at the end do not go on in the next line.
GOES_ON = re.compile(r"(?:(?<=[^\\])|^)\\[ \t]*\Z")
COMMENT = re.compile(r"\s*#")
INSTRUCTION = re.compile(
    r"\s*(?:ONBUILD\s+)*(FROM|ARG|COPY|ADD|RUN)\s+(.*)", re.IGNORECASE | re.DOTALL
)
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?:(:?[-+])([^${}]*))?\})")
QUOTES = re.compile(r"[\"'\\]")
PLAIN_PATH = re.compile(r"(?!github\.com/)[A-Za-z0-9._*?/-]+")
IDENTITY = re.compile(r"[0-9a-f]{12,64}|sha256:[0-9a-f]+")
"""What the engine could take for an image's id."""
FLAGS: Mapping[str, frozenset[str]] = {
    "FROM": frozenset({"platform"}),
    "COPY": frozenset({"from", "chown", "chmod", "link", "parents", "exclude"}),
    "ADD": frozenset({"chown", "chmod", "link", "checksum", "keep-git-dir", "exclude", "unpack"}),
    "RUN": frozenset({"mount", "network", "security"}),
}
HARMLESS: Mapping[str, frozenset[str]] = {
    "network": frozenset({"none", "default"}),
    "security": frozenset({"sandbox"}),
}
MOUNTS = frozenset({"bind", "cache", "tmpfs", "secret"})
MOST_VALUES = 64
DEEPEST = 8
"""How often an argument may be made of another one."""
LONGEST = 4096
"""Characters of a name, its arguments filled in."""
MOST_JUDGED = 2**20
"""Characters gone through in search of instructions; texts make that more than the file has."""


@dataclass(frozen=True)
class Breach:
    """One thing a Dockerfile may not ask for."""

    code: str
    line: int
    written: str
    why: str
    instead: str


def breaches(
    text: str, arguments: Mapping[str, str], *, may_download: bool = True
) -> tuple[Breach, ...]:
    """Return what a Dockerfile may not ask for.

    Args:
        text: The Dockerfile.
        arguments: The build's arguments, which go before the Dockerfile's own.
        may_download: Whether ADD may name an address. The engine fetches it itself, with the
            instance's network and not a container's.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    found = [*_directives(text)]
    try:
        written = list(_instructions(lines))
    except _Unclear as exc:
        instead = "break it up, or copy the texts from files"
        return (*found, Breach(UNCLEAR, 1, "<<", str(exc), instead))
    values = _Values(arguments, [rest for name, rest, _ in written if name == "ARG"])
    judges: dict[str, Callable[[str], Iterator[_Fault]]] = {
        "FROM": lambda rest: _from(rest, values),
        "COPY": _copy,
        "RUN": _run,
        "ADD": lambda rest: _add(rest, may_download=may_download),
    }
    for name, rest, line in written:
        if name in judges:
            found += (
                Breach(code, line, f"{name} {said}", why, instead)
                for code, said, why, instead in _judged(judges[name], name, rest)
            )
    return tuple(dict.fromkeys(found))


_Fault = tuple[str, str, str, str]
"""Code, what is written, why not, what instead."""


class _Unclear(Exception):
    """The engine may read this otherwise than we do."""


def _judged(judge: Callable[[str], Iterator[_Fault]], name: str, rest: str) -> Iterator[_Fault]:
    try:
        flags, _ = _flags(rest)
        yield from (
            _flag_fault(flag, value)
            for flag, value in flags
            if flag not in FLAGS[name] or value not in HARMLESS.get(flag, {value})
        )
        yield from judge(rest)
    except _Unclear as exc:
        why = f"it can't be told what this names: {exc}"
        yield (UNCLEAR, rest.strip(), why, "write it plainly")


def _flag_fault(flag: str, value: str) -> _Fault:
    why = "it reaches beyond the build's container, or nobody knows what it does"
    return ("dockerfile-flag", f"--{flag}={value}", why, "leave it out")


def _directives(text: str) -> Iterator[Breach]:
    """Yield what stands in comments that the engine obeys."""
    for found in SYNTAX.finditer(text):
        if KNOWN_SYNTAX.fullmatch(found[1]) is None:
            why = "a frontend of others would read the file instead of the engine's own"
            instead = "leave it out, or write docker/dockerfile:1"
            yield _directive(text, found, "dockerfile-syntax", why, instead)
    for found in ESCAPE.finditer(text):
        if found[1] != "\\":
            why = "it changes where an instruction ends"
            yield _directive(text, found, UNCLEAR, why, "leave it out")
    if SHEBANG.sub("", text).lstrip("\ufeff \t\r\n").startswith("{"):
        why = "it names a frontend, or is no Dockerfile"
        yield Breach("dockerfile-syntax", 1, "{", why, "write a Dockerfile")


def _directive(text: str, found: re.Match[str], code: str, why: str, instead: str) -> Breach:
    line = text.count("\n", 0, found.start(1)) + 1
    return Breach(code, line, found[0].strip(), why, instead)


def _instructions(lines: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    """Yield name, rest and line of each instruction that matters.

    Where texts may stand in the file (``<<``), every line counts as a beginning: a text that
    looks like an instruction is judged like one, and no instruction can hide behind a text.
    """
    has_texts = any("<<" in line for line in lines)
    at, judged = 0, 0
    while at < len(lines):
        joined, after = _joined(lines, at)
        judged += len(joined) + after - at
        if judged > MOST_JUDGED:
            sentence = "its texts and the lines that go on are too long together"
            raise _Unclear(sentence)
        found = INSTRUCTION.fullmatch(joined)
        if found is not None:
            yield found[1].upper(), found[2], at + 1
        at = at + 1 if has_texts else after


def _joined(lines: Sequence[str], start: int) -> tuple[str, int]:
    """Return the instruction that begins in a line, and the line after it."""
    text, at, goes_on = "", start, True
    while goes_on and at < len(lines):
        line = lines[at].rstrip("\r")
        is_first, at = at == start, at + 1
        if COMMENT.match(line) or not line.strip():
            goes_on = not is_first
            continue
        goes_on = GOES_ON.search(line) is not None
        text += GOES_ON.sub("", line)
    return text, at


def _flags(rest: str) -> tuple[list[tuple[str, str]], str]:
    """Return an instruction's flags, and what follows them."""
    flags: list[tuple[str, str]] = []
    rest = rest.lstrip()
    while rest.startswith("--"):
        word = rest.split(maxsplit=1)[0]
        if word == "--":
            break
        if QUOTES.search(word):
            sentence = "a flag holds quotes or a backslash"
            raise _Unclear(sentence)
        name, _, value = word[2:].partition("=")
        flags.append((name, value))
        rest = rest[len(word) :].lstrip()
    return flags, rest


def _from(rest: str, values: "_Values") -> Iterator[_Fault]:
    words = _flags(rest)[1].split()
    if words:
        if QUOTES.search(words[0]):
            sentence = "a name holds quotes or a backslash"
            raise _Unclear(sentence)
        for name in sorted(values.of(words[0])):
            yield from _image(name)


def _copy(rest: str) -> Iterator[_Fault]:
    for flag, value in _flags(rest)[0]:
        if flag == "from":
            yield from _named(value)


def _run(rest: str) -> Iterator[_Fault]:
    for flag, value in _flags(rest)[0]:
        if flag != "mount":
            continue
        pairs = (option.partition("=") for option in value.split(","))
        options = {key.strip().lower(): text.strip() for key, _, text in pairs}
        kind = options.get("type", "bind")
        if kind not in MOUNTS:
            why = "builds get no keys, agents or devices of the instance"
            instead = f"may be mounted: {', '.join(sorted(MOUNTS))}"
            yield ("dockerfile-mount", f"--mount=type={kind}", why, instead)
        yield from _named(options.get("from", ""))


def _add(rest: str, *, may_download: bool) -> Iterator[_Fault]:
    sources = re.split(r"[\s,\[\]\"]+", _flags(rest)[1].strip(' \t\r[]"'))[:-1]
    for source in sources:
        if not may_download and PLAIN_PATH.fullmatch(source) is None:
            why = "the engine would fetch it with the instance's network"
            yield ("dockerfile-add", source, why, "fetch it in a RUN step, or use COPY")


def _named(name: str) -> Iterator[_Fault]:
    """Judge an image where the engine takes no variables."""
    if "$" in name:
        sentence = "no variable may stand there; name a stage that starts from it"
        raise _Unclear(sentence)
    yield from _image(name)


def _image(name: str) -> Iterator[_Fault]:
    plain = HUB.sub("", name.lower())
    if plain.startswith(OURS):
        why = "images of this prefix belong to environments"
        instead = "name another image; additional_contexts reaches your own services' images"
        yield ("dockerfile-image", name, why, instead)
    elif IDENTITY.fullmatch(plain):
        why = "the engine could take it for the id of an image of others"
        yield ("dockerfile-image", name, why, f"write {name}:latest")


class _Values:
    """What the arguments of a build may stand for: rather too much than too little."""

    def __init__(self, arguments: Mapping[str, str], declared: Sequence[str]) -> None:
        self._known: dict[str, set[str]] = {name: {text} for name, text in arguments.items()}
        self._found: dict[tuple[str, int], set[str]] = {}
        for rest in declared:
            for word in _shell_words(rest):
                name, equals, text = word.partition("=")
                self._known.setdefault(name, set()).update({text} if equals else ())

    def of(self, text: str, depth: int = 0) -> set[str]:
        """Return what a text may come to.

        Raises:
            _Unclear: That can't be told.
        """
        if "$" in VARIABLE.sub("", text) or depth > DEEPEST:
            sentence = "a variable is used in a way only the engine understands"
            raise _Unclear(sentence)
        made, at = {""}, 0
        for found in VARIABLE.finditer(text):
            before, at = text[at : found.start()], found.end()
            values = self._variable(found, depth)
            made = {one + before + other for one in made for other in values}
            if len(made) > MOST_VALUES or len(max(made, key=len)) > LONGEST:
                sentence = "its variables have too many values, or too long ones"
                raise _Unclear(sentence)
        return {one + text[at:] for one in made}

    def _variable(self, found: re.Match[str], depth: int) -> set[str]:
        name = found[1] or found[2]
        # Remembered: arguments made of one another many times over would take for ever.
        if (name, depth) not in self._found:
            values = {""}
            for text in self._known.get(name, ()):
                values |= self.of(text, depth + 1)
            self._found[name, depth] = values
        return self._found[name, depth] | ({found[4]} if found[3] else set())


def _shell_words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        # The engine refuses it, too.
        return []
