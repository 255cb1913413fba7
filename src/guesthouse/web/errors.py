"""Errors as pages: what happened, what is still fine, what to do next."""

import http
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.responses import Response

from guesthouse.errors import GuesthouseError, Kind, Problem, Unavailable
from guesthouse.people.errors import TooManyAttempts
from guesthouse.web.page import is_partial, page

RETRY_AFTER_SECONDS: Final = "5"
TOO_MANY: Final = 429


@dataclass(frozen=True)
class ErrorKind:
    """How errors of a kind are headed."""

    title: str
    fine: str
    """What is still fine."""


NOTHING_CHANGED: Final = "Nothing was changed."
KINDS: Final[Mapping[Kind, ErrorKind]] = {
    Kind.NOT_FOUND: ErrorKind(
        "This is not here", "It does not exist, or it is not shared with you."
    ),
    Kind.DENIED: ErrorKind("This is not yours to do", NOTHING_CHANGED),
    Kind.CONFLICT: ErrorKind("Not in this state", NOTHING_CHANGED),
    Kind.INVALID: ErrorKind("This does not fit yet", NOTHING_CHANGED),
    Kind.UNAVAILABLE: ErrorKind(
        "Away for a moment",
        "Environments keep serving, and those who are signed in to them stay in.",
    ),
    Kind.FAILED: ErrorKind("That did not work", "Environments keep serving as they were."),
}
STATUS_TITLES: Final[Mapping[int, str]] = {
    404: "There is no such page",
    405: "This page does not take that",
    413: "That is too much at a time",
    422: "This does not fit yet",
    TOO_MANY: "That was too often",
    500: "Something went wrong here",
}


@dataclass(frozen=True)
class ErrorShown:
    """What an error page says."""

    status: int
    title: str
    sentence: str
    fine: str = NOTHING_CHANGED
    next_step: str = ""
    detail: str = ""
    problems: tuple[Problem, ...] = ()


def response_of(request: Request, error: GuesthouseError) -> Response:
    """Return the answer to one of our own errors."""
    kind = KINDS[error.kind]
    status, headers = status_of(error)
    shown = ErrorShown(
        status=status,
        title=STATUS_TITLES[status] if status == TOO_MANY else kind.title,
        sentence=sentence_of(error.sentence),
        fine=kind.fine,
        next_step=error.next_step,
        detail=error.detail,
        problems=error.problems,
    )
    response = answer(request, shown)
    response.headers.update(headers)
    return response


def status_of(error: GuesthouseError) -> tuple[int, dict[str, str]]:
    """Return with which status and headers an error is answered."""
    if isinstance(error, TooManyAttempts):
        seconds = max(1, math.ceil(error.retry_after.total_seconds()))
        return TOO_MANY, {"Retry-After": str(seconds)}
    if isinstance(error, Unavailable):
        return error.kind.status, {"Retry-After": RETRY_AFTER_SECONDS}
    return error.kind.status, {}


def http_response(request: Request, status: int, headers: Mapping[str, str] | None) -> Response:
    """Return the answer to what the framework refused: an address or form that is none of ours."""
    phrase = http.HTTPStatus(status).phrase
    title = STATUS_TITLES.get(status, phrase)
    sentence = f"{request.url.path} was answered with {status}, {phrase.lower()}."
    response = answer(request, ErrorShown(status, title, sentence))
    response.headers.update(dict(headers or {}))
    return response


def unexpected(request: Request, name: str) -> Response:
    """Return the answer to an error nobody foresaw; its facts are in the log, not here."""
    shown = ErrorShown(
        500,
        STATUS_TITLES[500],
        "Guesthouse met an error it did not foresee.",
        fine="Environments keep serving; what was asked may not have been done.",
        next_step=f"look for {name} in the log of `guesthouse serve`",
    )
    return answer(request, shown)


def answer(request: Request, shown: ErrorShown) -> Response:
    """Return an error: a page, or to a request of htmx a toast that leaves the page as it is."""
    if not is_partial(request):
        return page(request, "errors/error.html", status=shown.status, error=shown)
    response = Response(status_code=shown.status)
    response.headers["HX-Reswap"] = "none"
    response.headers["HX-Trigger"] = json.dumps(
        {"toast": {"tone": "bad", "title": shown.title, "text": shown.sentence}}
    )
    return response


def sentence_of(text: str) -> str:
    """Return an error's clause as a sentence on its own."""
    text = text.strip()
    if not text:
        return text
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")
