"""What gateways ask: may this request pass, may this browser come in, does it leave?"""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Header
from starlette.responses import Response

from guesthouse.api.guard import GuardedRoute
from guesthouse.edge.access import Access, Provided, admits
from guesthouse.edge.questions import Answering, Decided, Question
from guesthouse.errors import Denied, Invalid, NotFound
from guesthouse.gateway.model import Decision, Identity, Presented
from guesthouse.instances.plan import console_url

router = APIRouter(prefix="/api/internal", tags=["internal"], route_class=GuardedRoute)
REFUSED_SECONDS: Final = 1
COOKIE: Final = "__Host-guesthouse"
STATE_COOKIE: Final = "__Host-guesthouse-state"
ATTRIBUTES: Final = "Path=/; Secure; HttpOnly; SameSite=Lax"
GONE: Final = f"Max-Age=0; {ATTRIBUTES}"
Environment = Annotated[str, Header(alias="X-Guesthouse-Environment")]
Route = Annotated[str, Header(alias="X-Guesthouse-Route")]


@router.get("/authorise", status_code=204, response_class=Response)
@admits(Access.ITSELF)
async def authorise(
    services: Provided,
    questions: Answering,
    environment: Environment,
    route: Route,
    authorization: Annotated[str, Header()] = "",
    cookie: Annotated[str, Header(alias="X-Guesthouse-Cookie")] = "",
) -> Response:
    """Say whether a request passes: 204 and who it is, 401 or 403; and how long that counts."""
    decided = await questions.ask(Question(Presented(authorization, cookie), environment, route))
    answer = decided.answer
    if answer.decision is Decision.ALLOWED:
        away = services.settings.admitted_while_away
        headers = {"Cache-Control": f"{_kept(decided)}, stale-if-error={away}"}
        return Response(
            status_code=HTTPStatus.NO_CONTENT, headers=headers | _said(answer.identity)
        )
    headers = {"Cache-Control": f"max-age={REFUSED_SECONDS}"}
    if answer.decision is Decision.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = 'Bearer realm="guesthouse"'
    return Response(status_code=answer.decision.status, headers=headers)


@router.get("/enter", status_code=302, response_class=Response)
@admits(Access.ITSELF)
def enter(
    services: Provided,
    environment: Environment,
    route: Route,
    code: Annotated[str, Header(alias="X-Guesthouse-Code")] = "",
    state: Annotated[str, Header(alias="X-Guesthouse-State")] = "",
) -> Response:
    """Give a browser that brings a code its cookie, and send it where it wanted to go."""
    try:
        entry = services.entrance.enter(
            code=code, environment=environment, route=route, state=state
        )
    except (Denied, Invalid, NotFound):
        return Response(status_code=HTTPStatus.FORBIDDEN)
    answer = Response(status_code=HTTPStatus.FOUND, headers={"Location": entry.path})
    # It ends with the browser's own session at the latest, and ours before that.
    answer.headers.append("Set-Cookie", f"{COOKIE}={entry.cookie.reveal()}; {ATTRIBUTES}")
    answer.headers.append("Set-Cookie", f"{STATE_COOKIE}=; {GONE}")
    return answer


@router.post("/leave", status_code=303, response_class=Response)
@admits(Access.ITSELF)
def leave(
    services: Provided,
    environment: Environment,
    route: Route,
    cookie: Annotated[str, Header(alias="X-Guesthouse-Cookie")] = "",
) -> Response:
    """End a browser's session at one route, and send it to the console."""
    services.entrance.leave(cookie=cookie, environment=environment, route=route)
    console = console_url(services.settings.domain, services.settings.gateway_port)
    answer = Response(status_code=HTTPStatus.SEE_OTHER, headers={"Location": f"{console}/"})
    if cookie:
        answer.headers.append("Set-Cookie", f"{COOKIE}=; {GONE}")
    return answer


def _kept(decided: Decided) -> str:
    """Return how long a gateway keeps an answer; one asks anew for all in the last second."""
    if not decided.max_age:
        return "no-store"
    return f"max-age={decided.max_age}, stale-while-revalidate=1"


def _said(identity: Identity | None) -> dict[str, str]:
    """Return the headers of an identity; what could not stand in one is left out."""
    if identity is None:
        return {}
    said = {"User": identity.user, "Partner": identity.partner, "Role": identity.role}
    return {
        f"X-Guesthouse-{name}": value
        for name, value in said.items()
        if value and value.isascii() and value.isprintable()
    }
