"""Forms that come back with what is wrong at the field it is about."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response

from guesthouse.errors import GuesthouseError, Invalid
from guesthouse.people.model import MIN_PASSWORD
from guesthouse.web.errors import sentence_of, status_of
from guesthouse.web.page import page

PASSWORD_HELP: Final = (
    f"{MIN_PASSWORD} characters or more, without your login in it. Four random words do well."
)


class Mistyped(Invalid):
    """The two passwords differ."""

    def __init__(self) -> None:
        super().__init__("the two passwords differ", next_step="type the new one twice")


class NotConfirmed(Invalid):
    """The name that was typed is not the target's."""

    def __init__(self, target: str) -> None:
        super().__init__(
            f"the name that was typed is not {target}",
            next_step=f"go back, and type {target} to go on",
        )


class LifetimeInvalid(Invalid):
    """The lifetime is none that is offered."""

    def __init__(self) -> None:
        super().__init__("this is no lifetime", next_step="choose one of the list")


def days_of(text: str, offered: Sequence[tuple[str, str]]) -> dt.timedelta:
    """Return the lifetime that was chosen.

    Args:
        text: Whole days, as the form sends them.
        offered: What could be chosen: (days, words).

    Raises:
        LifetimeInvalid: It was not among them.
    """
    if not text or text not in dict(offered):
        raise LifetimeInvalid
    return dt.timedelta(days=int(text))


def again(
    request: Request,
    template: str,
    field: str,
    error: GuesthouseError,
    **values: Any,  # noqa: ANN401 - whatever the template shows
) -> Response:
    """Return a form again.

    Args:
        request: What is answered.
        template: The page with the form; it looks into `errors` by the fields' names.
        field: Where the mistake is.
        error: What is wrong.
        values: What the template shows.
    """
    status, headers = status_of(error)
    response = page(request, template, status=status, errors={field: said(error)}, **values)
    response.headers.update(headers)
    return response


def said(error: GuesthouseError) -> str:
    """Return what is wrong and what to do, for beside a field; no command is left over there."""
    is_command = error.next_step.startswith("guesthouse ")
    following = "" if is_command else sentence_of(error.next_step)
    return f"{sentence_of(error.sentence)} {following}".strip()


def check_again(password: str, repeated: str) -> None:
    """Make sure that what nobody sees was typed twice alike.

    Raises:
        Mistyped: It was not.
    """
    if password != repeated:
        raise Mistyped
