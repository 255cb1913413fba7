"""Turn what pydantic says into problems a person can act on."""

import difflib
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from guesthouse.errors import Problem


def closest(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean …?``, or nothing where no known word is near."""
    found = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"did you mean {found[0]}?" if found else ""


def validation_problems(
    where: str, error: ValidationError, model: type[BaseModel]
) -> tuple[Problem, ...]:
    """Return one problem for each breach pydantic found.

    Args:
        where: File the value was read from.
        error: What pydantic raised.
        model: The model it raised it for; unknown keys are compared with its fields.
    """
    return tuple(
        Problem(
            f"{where}: {'/'.join(map(str, item['loc']))}" if item["loc"] else where,
            _sentence(item["type"], item["msg"]),
            _hint(item["type"], item["loc"], model),
        )
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    )


def _sentence(kind: str, message: str) -> str:
    fixed = {"extra_forbidden": "is not a known key", "missing": "is missing"}
    plain = message.removeprefix("Value error, ").removeprefix("Input ")
    return fixed.get(kind, plain[:1].lower() + plain[1:])


def _hint(kind: str, location: tuple[int | str, ...], model: type[BaseModel]) -> str:
    if kind != "extra_forbidden":
        return ""
    holder = _model_at(location[:-1], model)
    return closest(str(location[-1]), holder.model_fields) if holder else ""


def _model_at(location: tuple[int | str, ...], model: type[BaseModel]) -> type[BaseModel] | None:
    """Follow a path through fields, lists and mappings to the model that holds its end."""
    current: Any = model
    for part in location:
        if _is_model(current):
            found = current.model_fields.get(str(part))
            annotation = found.annotation if found else None
            current = _inner_model(annotation) if _is_optional(annotation) else annotation
        else:
            current = _inner_model(current)
    return current if _is_model(current) else None


def _is_model(annotation: Any) -> bool:  # noqa: ANN401 - annotations have no common type
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_optional(annotation: Any) -> bool:  # noqa: ANN401 - annotations have no common type
    return type(None) in get_args(annotation)


def _inner_model(annotation: Any) -> Any:  # noqa: ANN401 - annotations have no common type
    """Return the model inside ``dict[str, Model]``, ``list[Model]`` or ``Model | None``."""
    if _is_model(annotation):
        return annotation
    inner = (_inner_model(argument) for argument in get_args(annotation))
    return next((found for found in inner if found is not None), None)
