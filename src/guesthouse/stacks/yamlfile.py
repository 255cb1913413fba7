"""Read one YAML file strictly: the only parser that ever sees a tenant's bytes.

One document, bounded size, depth and node count (aliases counted as often as they are used), no
duplicate keys, no tags of one's own. Plain scalars mean what they mean to Compose (YAML 1.2):
``yes`` is text, ``0440`` is octal, ``22:22`` is text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamStartEvent,
)

from guesthouse.errors import Problem
from guesthouse.stacks.model import SourceInvalid

Scalar: TypeAlias = str | int | float | bool | None
Yaml: TypeAlias = "Scalar | list[Yaml] | dict[str, Yaml]"

MAX_BYTES = 256 * 2**10
MAX_DEPTH = 32
MAX_NODES = 20_000
MAX_CHARACTERS = 4 * MAX_BYTES
"""Of all scalars, aliases counted: one long text used often is a bomb, too."""
MERGE_KEY = "<<"
RESERVED = frozenset("\ue000\ue001\0")
"""The loader marks secrets with the first two; no file may bring them along."""

# The same grammar in C, ten times as quick, in every packaged PyYAML; without it the other one.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INT = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]*|0[bB][01_]+|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_MAX_DIGITS = 18
_CORE = "tag:yaml.org,2002:"
_SCALAR_TAGS = frozenset({f"{_CORE}{name}" for name in ("str", "int", "float", "bool", "null")})
_COLLECTION_TAGS = frozenset({f"{_CORE}{name}" for name in ("map", "seq")})


class _Broken(Exception):
    """Says what is wrong and where; becomes a SourceInvalid at the edge of this module."""

    def __init__(self, event: Event | None, what: str, instead: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.instead = instead
        mark = event.start_mark if event is not None else None
        self.line = mark.line + 1 if mark is not None else 1


@dataclass(frozen=True)
class _Node:
    """A finished value with what it costs to repeat it through an alias."""

    value: Yaml
    nodes: int
    characters: int
    height: int
    is_merge: bool = False


@dataclass
class _Builder:
    """Builds values from events."""

    events: Iterator[Event]
    anchors: dict[str, _Node] = field(default_factory=dict)
    nodes: int = 0
    characters: int = 0

    def document(self) -> Yaml:
        """Return the only document; an empty stream is None."""
        event = self._next()
        while isinstance(event, StreamStartEvent):
            event = self._next()
        if not isinstance(event, DocumentStartEvent):
            return None
        node = self._node(self._next(), 1)
        self._expect(self._next(), DocumentEndEvent)
        following = self._next()
        if isinstance(following, DocumentStartEvent):
            raise _Broken(following, "holds a second document", "keep one document per file")
        return node.value

    def _next(self) -> Event:
        return next(self.events)

    @staticmethod
    def _expect(event: Event, kind: type[Event]) -> None:
        if not isinstance(event, kind):
            raise _Broken(event, "is not one YAML document")

    def _node(self, event: Event, depth: int) -> _Node:
        if depth > MAX_DEPTH:
            raise _Broken(event, f"is nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, AliasEvent):
            return self._alias(event, depth)
        self._count(event, 1, len(event.value) if isinstance(event, ScalarEvent) else 0)
        node = self._made(event, depth)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self.anchors[anchor] = node
        return node

    def _made(self, event: Event, depth: int) -> _Node:
        if isinstance(event, ScalarEvent):
            return _scalar(event)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(event, depth)
        if isinstance(event, MappingStartEvent):
            return self._mapping(event, depth)
        raise _Broken(event, "is not one YAML document")

    def _alias(self, event: AliasEvent, depth: int) -> _Node:
        node = self.anchors.get(str(event.anchor))
        if node is None:
            raise _Broken(event, f"*{event.anchor} names no finished anchor")
        if depth + node.height > MAX_DEPTH + 1:
            raise _Broken(event, f"is nested deeper than {MAX_DEPTH} levels")
        self._count(event, node.nodes, node.characters)
        return node

    def _count(self, event: Event, nodes: int, characters: int) -> None:
        self.nodes += nodes
        self.characters += characters
        if self.nodes > MAX_NODES:
            raise _Broken(event, f"holds more than {MAX_NODES} values, aliases counted")
        if self.characters > MAX_CHARACTERS:
            raise _Broken(event, f"holds more than {MAX_CHARACTERS} characters, aliases counted")

    def _sequence(self, start: SequenceStartEvent, depth: int) -> _Node:
        _collection_tag(start)
        items: list[_Node] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return _Node([item.value for item in items], *_cost(items))

    def _mapping(self, start: MappingStartEvent, depth: int) -> _Node:
        _collection_tag(start)
        own: dict[str, Yaml] = {}
        merged: dict[str, Yaml] = {}
        parts: list[_Node] = []
        while not isinstance(event := self._next(), MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(self._next(), depth + 1)
            parts += [key, value]
            if key.is_merge:
                _merge(merged, value.value, event)
            else:
                _put(own, key.value, value.value, event)
        return _Node({**{k: v for k, v in merged.items() if k not in own}, **own}, *_cost(parts))


def read_yaml(content: bytes, where: str) -> Yaml:
    """Return the value of a file's only document.

    Args:
        content: The file.
        where: Its path, for the error.

    Raises:
        SourceInvalid: It is too big, no YAML, or uses what is not allowed.
    """
    if len(content) > MAX_BYTES:
        raise SourceInvalid(Problem(where, f"is larger than {MAX_BYTES // 2**10} KiB"))
    try:
        text = content.decode("utf-8-sig")
        return _Builder(iter(yaml.parse(text, Loader=_LOADER))).document()
    except _Broken as exc:
        raise SourceInvalid(Problem(f"{where}: line {exc.line}", str(exc), exc.instead)) from exc
    except UnicodeDecodeError as exc:
        raise SourceInvalid(Problem(where, "is not UTF-8 text")) from exc
    except yaml.MarkedYAMLError as exc:
        raise SourceInvalid(_yaml_problem(where, exc)) from exc
    # PyYAML lets ValueError and OverflowError of chr() through for absurd escapes.
    except (yaml.YAMLError, ValueError, OverflowError, StopIteration) as exc:
        raise SourceInvalid(Problem(where, "is not YAML")) from exc


def read_mapping(content: bytes, where: str) -> dict[str, Yaml]:
    """Return the mapping a file holds.

    Raises:
        SourceInvalid: As ``read_yaml``, or its top is no mapping.
    """
    value = read_yaml(content, where)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SourceInvalid(Problem(where, "should be a mapping of keys to values"))
    return value


def _yaml_problem(where: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    line = f": line {mark.line + 1}" if mark is not None else ""
    return Problem(f"{where}{line}", f"is not YAML: {error.problem or error.context}")


def _cost(parts: list[_Node]) -> tuple[int, int, int]:
    nodes = 1 + sum(part.nodes for part in parts)
    characters = sum(part.characters for part in parts)
    height = 1 + max((part.height for part in parts), default=0)
    return nodes, characters, height


def _put(into: dict[str, Yaml], key: Yaml, value: Yaml, event: Event) -> None:
    if not isinstance(key, str):
        raise _Broken(event, f"the key {key!r} is no text", f'write "{key}"')
    if key in into:
        raise _Broken(event, f"the key {key} stands twice", "keep one of them")
    into[key] = value


def _merge(into: dict[str, Yaml], value: Yaml, event: Event) -> None:
    """Add what ``<<`` brings; of several mappings the first one wins."""
    sources = value if isinstance(value, list) else [value]
    for source in sources:
        if not isinstance(source, Mapping):
            raise _Broken(event, "<< merges mappings only")
        for key, item in source.items():
            into.setdefault(key, item)


def _collection_tag(event: CollectionStartEvent) -> None:
    if event.tag not in (None, "!") and event.tag not in _COLLECTION_TAGS:
        raise _Broken(event, f"the tag {event.tag} is not allowed", "leave the tag out")


def _scalar(event: ScalarEvent) -> _Node:
    text: str = event.value
    if RESERVED & set(text) or any("\ud800" <= char <= "\udfff" for char in text):
        raise _Broken(event, "holds a character that is not allowed")
    if event.tag not in (None, "!") and event.tag not in _SCALAR_TAGS:
        raise _Broken(event, f"the tag {event.tag} is not allowed", "leave the tag out")
    is_plain = event.implicit[0] and not event.style
    if is_plain and text == MERGE_KEY:
        return _Node(text, 1, len(text), 1, is_merge=True)
    return _Node(_meaning(text, event, is_plain=is_plain), 1, len(text), 1)


def _meaning(text: str, event: ScalarEvent, *, is_plain: bool) -> Scalar:
    """Return what a scalar stands for; an explicit core tag must fit its text."""
    if is_plain:
        return plain_value(text)
    if event.tag in (None, "!", f"{_CORE}str"):
        return text
    value = plain_value(text)
    if isinstance(value, str):
        raise _Broken(event, f"{text} is no {str(event.tag).removeprefix(_CORE)}")
    return value


def plain_value(text: str) -> Scalar:
    """Return what an unquoted scalar means to Compose."""
    if text in _NULLS:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _INT.fullmatch(text) and len(text) <= _MAX_DIGITS:
        return _integer(text)
    if _FLOAT.fullmatch(text) and len(text) <= _MAX_DIGITS:
        return float(text)
    return text


def _integer(text: str) -> Scalar:
    digits = text.replace("_", "")
    unsigned = digits.lstrip("+-")
    octal = unsigned[0] == "0" and len(unsigned) > 1 and unsigned[1] in "01234567"
    try:
        number = int(unsigned, 8) if octal else int(unsigned, 0)
    except ValueError:
        return text
    return -number if digits.startswith("-") else number
