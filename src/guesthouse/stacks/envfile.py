"""Read an env file as Compose does: ``NAME=value`` lines, quotes, comments, ``export``."""

import re
from collections import ChainMap
from collections.abc import Iterator

from guesthouse.errors import Problem
from guesthouse.stacks.interpolate import Interpolation, Values
from guesthouse.stacks.model import SourceInvalid
from guesthouse.stacks.yamlfile import MAX_BYTES, RESERVED

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*(?:[=:]|$)[ \t]*")
_COMMENT = re.compile(r"\s+#.*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "$": "$$"}
_ESCAPE = re.compile(r"\\(.)")


def read_env_file(content: bytes, where: str, values: Values) -> dict[str, str | None]:
    """Return what an env file sets; None is a name without a value.

    Args:
        content: The file.
        where: Its path, for the error.
        values: What may be filled in, besides what the file itself set before.

    Raises:
        SourceInvalid: It is too big or a line cannot be read.
    """
    text = _text(content, where)
    found: dict[str, str | None] = {}
    own: dict[str, str] = {}
    # One for the whole file, so that what is filled in counts together.
    filling = Interpolation(Values(ChainMap(own, dict(values.variables)), values.secrets))
    for number, name, raw, is_literal in _entries(text, where):
        value = raw
        if raw is not None and not is_literal:
            value = str(filling.fill(raw, f"{where}: line {number}"))
        if filling.problems:
            raise SourceInvalid(filling.problems[0])
        found[name] = value
        if value is None:
            own.pop(name, None)
        else:
            own[name] = value
    return found


def _text(content: bytes, where: str) -> str:
    if len(content) > MAX_BYTES:
        raise SourceInvalid(Problem(where, f"is larger than {MAX_BYTES // 2**10} KiB"))
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as exc:
        raise SourceInvalid(Problem(where, "is not UTF-8 text")) from exc
    if RESERVED & set(text):
        raise SourceInvalid(Problem(where, "holds a character that is not allowed"))
    return text


def _entries(text: str, where: str) -> Iterator[tuple[int, str, str | None, bool]]:
    """Yield line number, name, value and whether the value is taken as it is."""
    position, number, counted = 0, 1, 0
    while position < len(text):
        end = _line_end(text, position)
        line = text[position:end]
        number += text.count("\n", counted, position)
        counted = position
        if not line.strip() or line.lstrip().startswith("#"):
            position = end + 1
            continue
        found = _LINE.match(line)
        if found is None:
            raise SourceInvalid(Problem(f"{where}: line {number}", "should be NAME=value"))
        start = position + found.end()
        if not line.rstrip().endswith(found[1]) and text[start : start + 1] in ("'", '"'):
            value, position = _quoted(text, start, f"{where}: line {number}")
            yield number, found[1], value, text[start] == "'"
        else:
            is_set = "=" in found[0] or ":" in found[0]
            yield number, found[1], _bare(text[start:end]) if is_set else None, False
            position = end + 1


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _bare(text: str) -> str:
    return "" if text.startswith("#") else _COMMENT.sub("", text).strip()


def _quoted(text: str, start: int, where: str) -> tuple[str, int]:
    """Return a quoted value and where the next line begins."""
    quote = text[start]
    place = start + 1
    while place < len(text) and text[place] != quote:
        place += 2 if text[place] == "\\" and quote == '"' else 1
    if place >= len(text):
        raise SourceInvalid(Problem(where, "has a quote that is not closed"))
    value = text[start + 1 : place]
    if quote == '"':
        value = _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[0]), value)
    return value, _line_end(text, place) + 1
