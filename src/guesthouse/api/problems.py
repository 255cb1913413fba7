"""Errors as problem+json (RFC 9457): every error kind is mapped here, once."""

import http
import math
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from guesthouse.edge.access import Unauthenticated
from guesthouse.errors import GuesthouseError, Kind, Problem, Unavailable
from guesthouse.people.errors import TooManyAttempts

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:guesthouse:problem:"
RETRY_AFTER_SECONDS = "5"
TITLES: Mapping[Kind, str] = {
    Kind.NOT_FOUND: "Not found",
    Kind.DENIED: "Denied",
    Kind.CONFLICT: "Conflict",
    Kind.INVALID: "Invalid",
    Kind.UNAVAILABLE: "Unavailable",
    Kind.FAILED: "Failed",
}
PHRASES: Mapping[int, str] = {413: "Content Too Large"}
"""Where Python's own word depends on its version."""
NEXT_STEPS: Mapping[int, str] = {
    404: "see /api/v1/openapi.json for the addresses there are",
    405: "see the Allow header for the methods there are",
    413: "send less at a time",
}


class BreachView(BaseModel):
    """One thing wrong with what was handed in."""

    where: str = Field(description="File and path inside it, or part of the request.")
    what: str
    instead: str = ""


class ProblemView(BaseModel):
    """What went wrong, as RFC 9457 has it, and what to do next."""

    type: str = Field(description="Stable name of the kind of problem.")
    title: str
    status: int
    detail: str = Field(description="One sentence for a person.")
    next_step: str = Field(default="", description="The next command or action to try.")
    where: str = Field(default="", description="What the sentence is about.")
    facts: str = Field(default="", description="Facts behind it, such as last log lines.")
    problems: list[BreachView] = Field(default_factory=list)


def install(app: FastAPI) -> None:
    """Make the application answer every error as problem+json."""
    app.add_exception_handler(GuesthouseError, _guesthouse_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)


def response_of(error: GuesthouseError) -> Response:
    """Return the answer to one of our own errors."""
    view = ProblemView(
        type=TYPE_PREFIX + error.kind.name.lower().replace("_", "-"),
        title=TITLES[error.kind],
        status=error.kind.status,
        detail=error.sentence,
        next_step=error.next_step,
        where=error.where,
        facts=error.detail,
        problems=[_breach(problem) for problem in error.problems],
    )
    if isinstance(error, Unauthenticated):
        view.type, view.title, view.status = f"{TYPE_PREFIX}unauthenticated", "Sign in", 401
        return _answer(view, {"WWW-Authenticate": 'Bearer realm="guesthouse"'})
    if isinstance(error, TooManyAttempts):
        view.type, view.title, view.status = f"{TYPE_PREFIX}too-many-attempts", "Slow down", 429
        seconds = max(1, math.ceil(error.retry_after.total_seconds()))
        return _answer(view, {"Retry-After": str(seconds)})
    headers = {"Retry-After": RETRY_AFTER_SECONDS} if isinstance(error, Unavailable) else {}
    return _answer(view, headers)


def unexpected(request_id: str) -> Response:
    """Return the answer to an error nobody foresaw; its facts are in the log, not here."""
    view = ProblemView(
        type=f"{TYPE_PREFIX}internal",
        title="Internal error",
        status=500,
        detail="something went wrong inside Guesthouse",
        next_step=f"look for {request_id} in the log of `guesthouse serve`",
    )
    return _answer(view, {})


async def _guesthouse_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, GuesthouseError):
        raise error
    return response_of(error)


async def _validation_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    view = ProblemView(
        type=f"{TYPE_PREFIX}invalid",
        title=TITLES[Kind.INVALID],
        status=422,
        detail="the request does not have the form it should",
        next_step="see /api/v1/openapi.json for the form",
        problems=[_request_breach(item) for item in error.errors()],
    )
    return _answer(view, {})


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    phrase = PHRASES.get(error.status_code) or http.HTTPStatus(error.status_code).phrase
    view = ProblemView(
        type=TYPE_PREFIX + phrase.lower().replace(" ", "-"),
        title=phrase.capitalize(),
        status=error.status_code,
        detail=f"{request.method} {request.url.path}: {phrase.lower()}",
        next_step=NEXT_STEPS.get(error.status_code, ""),
    )
    return _answer(view, error.headers or {})


def _breach(problem: Problem) -> BreachView:
    return BreachView(where=problem.where, what=problem.what, instead=problem.instead)


def _request_breach(item: Mapping[str, Any]) -> BreachView:
    # The value itself stays out: it may be a secret that went into the wrong field.
    place: Sequence[str | int] = item["loc"]
    return BreachView(where="/".join(str(part) for part in place), what=item["msg"])


def _answer(view: ProblemView, headers: Mapping[str, str]) -> Response:
    return JSONResponse(
        view.model_dump(), view.status, headers=dict(headers), media_type=MEDIA_TYPE
    )
