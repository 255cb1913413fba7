"""Turns what pydantic finds into problems a person can mend: where, what, what instead."""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from guesthouse.errors import Problem
from guesthouse.estate.documents import INSTANCE_SHAPES, RULES, Document

KEY = "[key]"
"""What pydantic puts into a place that is a key, not its value."""

Facts = Mapping[str, Any]
SENTENCES: Mapping[str, Callable[[Facts], str]] = MappingProxyType(
    {
        "missing": lambda _: "is missing",
        "union_tag_not_found": lambda _: "is missing",
        "extra_forbidden": lambda _: "is unknown",
        "invalid_key": lambda _: "should be a word, not a number",
        "string_type": lambda _: "should be a string",
        "int_type": lambda _: "should be a whole number",
        "dict_type": lambda _: "should be a mapping",
        "model_type": lambda _: "should be a mapping",
        "model_attributes_type": lambda _: "should be a mapping",
        "string_pattern_mismatch": lambda facts: f"should be {RULES[facts['pattern']]}",
        "string_too_short": lambda _: "should not be empty",
        "string_too_long": lambda facts: f"should have at most {facts['max_length']} characters",
        "literal_error": lambda facts: f"should be {_words(facts['expected'])}",
        "union_tag_invalid": lambda facts: f"should be {_words(facts['expected_tags'])}",
        "greater_than_equal": lambda facts: f"should be at least {facts['ge']}",
        "less_than_equal": lambda facts: f"should be at most {facts['le']}",
    }
)


def problems_of(name: str, error: ValidationError, shape: type[Document] | None) -> list[Problem]:
    """Return one problem for each thing pydantic found.

    Args:
        name: The file.
        error: What it found.
        shape: What the file should look like; None for an instance, whose provider decides.
    """
    found = error.errors(include_url=False)
    unknown = {_path(details, shape): _near_key(details, shape) for details in found}
    explained = {(*path[:-1], near) for path, near in unknown.items() if near}
    # A misspelt key is one mistake, not an unknown key and a missing one.
    kept = [
        details
        for details in found
        if details["type"] != "missing" or _path(details, shape) not in explained
    ]
    return [_problem(name, details, shape) for details in kept]


def _problem(name: str, details: ErrorDetails, shape: type[Document] | None) -> Problem:
    sentence = SENTENCES.get(details["type"])
    facts = details.get("ctx", {})
    what = details["msg"] if sentence is None else sentence(facts)
    path = [*map(str, _path(details, shape)), *_tag_field(details)]
    where = f"{name}: {'/'.join(path)}" if path else name
    return Problem(where, what, _instead(details, shape))


def _instead(details: ErrorDetails, shape: type[Document] | None) -> str:
    """Return a suggestion, or nothing where there is no good guess."""
    near = _near_key(details, shape) or _near_word(details)
    if near:
        return f"did you mean {near}?"
    if details["type"] == "string_type" and not isinstance(details["input"], dict | list):
        return f'write it in quotes: "{_written(details["input"])}"'
    return ""


def _near_key(details: ErrorDetails, shape: type[Document] | None) -> str:
    """Return the key that an unknown one was probably meant to be."""
    if details["type"] != "extra_forbidden":
        return ""
    *above, key = details["loc"]
    near = get_close_matches(str(key), _keys_at(above, shape), n=1)
    return near[0] if near else ""


def _near_word(details: ErrorDetails) -> str:
    facts = details.get("ctx", {})
    expected = facts.get("expected") or facts.get("expected_tags") or ""
    written = facts.get("tag") or details["input"]
    near = get_close_matches(str(written), _list(expected), n=1)
    return near[0] if near else ""


def _keys_at(place: list[Any], shape: type[Document] | None) -> list[str]:
    """Return the keys that are known at a place."""
    if shape is None:
        tag, *place = place
        shape = INSTANCE_SHAPES[tag]
    # A place in a list is a number, which is no key.
    for key in (part for part in place if isinstance(part, str)):
        inner = _item(shape.model_fields[key].annotation)
        if not (isinstance(inner, type) and issubclass(inner, Document)):
            return []
        shape = inner
    return list(shape.model_fields)


def _item(annotation: object) -> object:
    """Return what a list holds; anything else as it is."""
    return get_args(annotation)[0] if get_origin(annotation) is list else annotation


def _path(details: ErrorDetails, shape: type[Document] | None) -> tuple[Any, ...]:
    """Return the place in the file; pydantic's has the provider and a mark for keys in it."""
    place = details["loc"] if shape is not None else details["loc"][1:]
    return tuple(part for part in place if part != KEY)


def _tag_field(details: ErrorDetails) -> Iterator[str]:
    if details["type"].startswith("union_tag"):
        yield str(details["ctx"]["discriminator"]).strip("'")


def _list(expected: str) -> list[str]:
    return [word.strip().strip("'") for word in expected.replace(" or ", ",").split(",")]


def _words(expected: str) -> str:
    return " or ".join(filter(None, _list(expected)))


def _written(value: object) -> str:
    """Return a value as it may stand in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
