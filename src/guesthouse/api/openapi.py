"""The OpenAPI document: what FastAPI derives, plus who is admitted and how errors look."""

from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from guesthouse.api.problems import MEDIA_TYPE, ProblemView
from guesthouse.edge.access import SESSION_COOKIE, Access, Admission
from guesthouse.edge.routes import admissions

REFERENCE: Final = "#/components/schemas/{model}"
METHODS: Final = frozenset({"get", "put", "post", "delete", "patch"})
PROBLEM: Final = {
    "description": "A problem, as RFC 9457 has it",
    "content": {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model="ProblemView")}}},
}
SIGN_IN: Final = {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
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
    document["components"]["securitySchemes"] = SIGN_IN
    admitted = admissions(app)
    for path, operations in document["paths"].items():
        for method in METHODS & set(operations):
            _complete(operations[method], admitted[path, method.upper()])
    return document


def _complete(operation: dict[str, Any], admission: Admission) -> None:
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = PROBLEM
    operation["x-guesthouse-access"] = admission.access.value
    if admission.action is not None:
        operation["x-guesthouse-scope"] = admission.action.value
    if admission.access is not Access.ANYONE:
        operation["security"] = [{"token": []}, {"session": []}]
