"""Signing a program in (RFC 8628): it shows a code, and its person confirms it in a browser."""

from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from guesthouse.api.guard import GuardedRoute
from guesthouse.api.problems import MEDIA_TYPE, TYPE_PREFIX
from guesthouse.edge.access import Access, Provided, admits
from guesthouse.edge.origin import origin_of
from guesthouse.errors import Invalid
from guesthouse.instances.plan import console_url
from guesthouse.people import Action
from guesthouse.people.devices import DeviceExpired, DeviceRefused, Pending

router = APIRouter(prefix="/device", tags=["device"], route_class=GuardedRoute)
GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"


class ScopeUnknown(Invalid):
    """A scope names no action."""

    def __init__(self, word: str) -> None:
        known = ", ".join(action.value for action in Action if action is not Action.ACCOUNT_OWN)
        super().__init__(f"there is no scope {word[:63]}", next_step=f"take some of: {known}")


class DeviceRequest(BaseModel):
    """What a program asks for."""

    model_config = ConfigDict(extra="forbid")

    client_id: Annotated[str, Field(min_length=1, max_length=255)] = Field(
        description="What it calls itself; its person is shown it."
    )
    scope: str = Field(
        default="",
        max_length=1000,
        description="Scopes its token is narrowed to, between spaces; empty is all it can have.",
    )


class DeviceCodeView(BaseModel):
    """What a program is given."""

    device_code: str = Field(repr=False, description="To ask with; nobody else may see it.")
    user_code: str = Field(description="To show to its person.")
    verification_uri: str
    verification_uri_complete: str
    expires_in: int = Field(description="Seconds.")
    interval: int = Field(description="Seconds to wait between two questions.")


class DeviceQuestion(BaseModel):
    """Whether the person has confirmed."""

    model_config = ConfigDict(extra="forbid")

    grant_type: Literal["urn:ietf:params:oauth:grant-type:device_code"] = GRANT
    device_code: str = Field(max_length=255, repr=False)
    client_id: str = Field(default="", max_length=255)


class DeviceTokenView(BaseModel):
    """The token; this is the only answer that holds it."""

    access_token: str = Field(repr=False)
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind of token, no token


@router.post("")
# A program that nobody is signed in with yet: it gets nothing before a person says so.
@admits(Access.ANYONE)
def begin(services: Provided, sent: Request, request: DeviceRequest) -> DeviceCodeView:
    """Begin to sign a program in."""
    scopes = frozenset(map(_action, request.scope.split())) or None
    code = services.devices.begin(request.client_id, scopes, origin=origin_of(sent))
    settings = services.settings
    page = f"{console_url(settings.domain, settings.gateway_port)}/device"
    return DeviceCodeView(
        device_code=code.device.reveal(),
        user_code=code.user_code,
        verification_uri=page,
        verification_uri_complete=f"{page}?code={code.user_code}",
        expires_in=round(code.lifetime.total_seconds()),
        interval=round(code.interval.total_seconds()),
    )


@router.post(
    "/token",
    response_model=DeviceTokenView,
    responses={400: {"description": "A problem whose `error` is the word of RFC 8628."}},
)
@admits(Access.ANYONE)
def token(services: Provided, request: DeviceQuestion) -> DeviceTokenView | Response:
    """Give the token once its person has confirmed; 400 says what else there is to do."""
    try:
        answer = services.devices.poll(request.device_code)
    except (DeviceExpired, DeviceRefused) as no:
        return _refusal(no.word, no.sentence, no.next_step)
    if isinstance(answer, Pending):
        seconds = round(answer.interval.total_seconds())
        return _refusal(
            answer.word, "nobody has confirmed yet", f"ask again in {seconds} seconds", seconds
        )
    return DeviceTokenView(access_token=answer.reveal())


def _refusal(word: str, sentence: str, next_step: str, interval: int | None = None) -> Response:
    status = HTTPStatus.BAD_REQUEST
    content = {
        "type": f"{TYPE_PREFIX}{word.replace('_', '-')}",
        "title": "Not signed in",
        "status": status,
        "detail": sentence,
        "next_step": next_step,
        "error": word,
    }
    if interval is not None:
        content["interval"] = interval
    return JSONResponse(content, status, media_type=MEDIA_TYPE)


def _action(word: str) -> Action:
    try:
        return Action(word)
    except ValueError as exc:
        raise ScopeUnknown(word) from exc
