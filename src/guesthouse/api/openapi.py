"""The OpenAPI document: what FastAPI derives, plus who is admitted and how errors look."""

from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

from guesthouse.api.problems import MEDIA_TYPE, ProblemView
from guesthouse.edge.access import Access, access_of

REFERENCE: Final = "#/components/schemas/{model}"
METHODS: Final = frozenset({"get", "put", "post", "delete", "patch"})
PROBLEM: Final = {
    "description": "A problem, as RFC 9457 has it",
    "content": {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model="ProblemView")}}},
}


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of the application."""
    document = get_openapi(title=app.title, version=version("guesthouse"), routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    problem = ProblemView.model_json_schema(ref_template=REFERENCE)
    schemas.update(problem.pop("$defs"))
    schemas["ProblemView"] = problem
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own; ours are problems
        schemas.pop(name, None)
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    admitted = access_by_path(app)
    for path, operations in document["paths"].items():
        for method in METHODS & set(operations):
            _complete(operations[method], admitted[path, method.upper()])
    return document


def access_by_path(app: FastAPI) -> dict[tuple[str, str], Access]:
    """Return for each path and method who is admitted.

    Raises:
        AccessUndeclared: An endpoint doesn't say.
    """
    return {
        (context.path or "", method): access_of(context.endpoint)
        for context in iter_route_contexts(app.routes)
        if context.endpoint is not None
        for method in context.methods or ()
    }


def _complete(operation: dict[str, Any], access: Access) -> None:
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = PROBLEM
    operation["x-guesthouse-access"] = access.value
    if access is not Access.ANYONE:
        operation["security"] = [{"token": []}]
