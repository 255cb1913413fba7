"""The text of the canonical Compose file: the same values always make the same bytes.

Own writer instead of a library's: every text that another reader could take for a number, a switch
or a date is quoted, whatever version of YAML that reader speaks.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from guesthouse.kit.sensitive import Sensitive
from guesthouse.stacks.interpolate import MARK

SECRET_PREFIX = "GUESTHOUSE_SECRET_"  # noqa: S105 - the front of a name
HEADER = "# Written by Guesthouse; a change by hand lasts until the next deployment.\n"

_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_ESCAPED = re.compile('[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff"\\\\]')
_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def render(project: Mapping[str, Any]) -> str:
    """Return the canonical file of a project.

    Texts are emitted so that Compose's own substitution gives them back unchanged; the mark of a
    secret becomes ``${GUESTHOUSE_SECRET_NAME}``.
    """
    return HEADER + "".join(f"{line}\n" for line in _mapping(project, 0))


def render_secrets(secrets: Mapping[str, Sensitive[str]]) -> str:
    """Return the env file that gives ``${GUESTHOUSE_SECRET_…}`` their values."""
    lines = (f"{SECRET_PREFIX}{name}={_env_value(secrets[name])}\n" for name in sorted(secrets))
    return "".join(lines)


def _env_value(secret: Sensitive[str]) -> str:
    text = secret.reveal()
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r") + '"'


def _mapping(values: Mapping[str, Any], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for key, value in values.items():
        yield from _entry(f"{indent}{yaml_text(str(key))}:", value, depth)


def _entry(start: str, value: Any, depth: int) -> Iterator[str]:  # noqa: ANN401 - whatever Compose takes
    """Yield the lines of a key or dash and its value."""
    if isinstance(value, Mapping) and value:
        yield start
        yield from _mapping(value, depth + 1)
    elif isinstance(value, list) and value:
        yield start
        for item in value:
            yield from _item(item, depth + 1)
    else:
        yield f"{start} {_scalar(value)}"


def _item(value: Any, depth: int) -> Iterator[str]:  # noqa: ANN401 - whatever Compose takes
    """Yield the lines of a list's entry; a mapping's first key stands behind the dash."""
    indent = "  " * depth
    if isinstance(value, Mapping) and value:
        lines = list(_mapping(value, depth + 1))
        yield f"{indent}- {lines[0].lstrip()}"
        yield from lines[1:]
    else:
        yield from _entry(f"{indent}-", value, depth)


def _scalar(value: Any) -> str:  # noqa: ANN401 - whatever Compose takes
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    if isinstance(value, str):
        return yaml_text(_for_compose(value))
    return "{}" if isinstance(value, Mapping) else "[]"


def _for_compose(text: str) -> str:
    escaped = text.replace("$", "$$")
    return MARK.sub(lambda found: f"${{{SECRET_PREFIX}{found[1]}}}", escaped)


def yaml_text(text: str) -> str:
    """Return a text plain where nobody could misread it, else in double quotes."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and not _is_dotted_number(text):
        return text
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _is_dotted_number(text: str) -> bool:
    """Whether it may be a number that starts with a dot, or ``.inf``, ``.nan``."""
    return text.startswith(".") and not text.startswith(("./", "../"))


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    return _SHORT_ESCAPES.get(char) or f"\\u{ord(char):04x}"
