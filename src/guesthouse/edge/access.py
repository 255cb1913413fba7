"""Who a route admits. Each endpoint declares it; one without a declaration can't be routed."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Final, TypeVar, cast

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from guesthouse.edge.cookies import own_cookie
from guesthouse.edge.origin import check_anonymous_use, check_cookie_use
from guesthouse.edge.ports import Services
from guesthouse.errors import Denied
from guesthouse.people import Scope
from guesthouse.people.permissions import Action, NotEnrolled, NotPermitted, may_somewhere

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
DECLARATION = "guesthouse_admission"
SCHEME = "bearer "
SESSION_COOKIE: Final = "__Host-guesthouse-session"


class Access(Enum):
    """Who may call a route at all; what they see there is their scope's."""

    ANYONE = "anyone"
    """Nobody is asked who they are."""
    SIGNED_IN = "signed-in"
    ITSELF = "itself"
    """The endpoint judges the request itself, for a purpose of its own."""


@dataclass(frozen=True)
class Admission:
    """What an endpoint declares."""

    access: Access
    action: Action | None = None
    """What it does: a caller who may do that nowhere is not let in; None is nothing special."""

    @property
    def word(self) -> str:
        """Who is let in, in one word: the scope it takes, or else the access."""
        return self.access.value if self.action is None else self.action.value


class Unauthenticated(Denied):
    """There is neither a token nor a session, or one that opens nothing; 401 instead of 403."""

    def __init__(self) -> None:
        super().__init__(
            "this needs a valid bearer token or session",
            next_step="sign in, or send the header `Authorization: Bearer <token>`",
        )


class RoutesOnly(Denied):
    """The token is one of functional tests."""

    def __init__(self) -> None:
        super().__init__(
            "this token opens the routes of environments, not the API",
            next_step="send a token of an operator or member",
        )


class AccessUndeclared(TypeError):
    """An endpoint doesn't say who it admits."""

    def __init__(self, endpoint: Callable[..., Any]) -> None:
        super().__init__(f"{endpoint.__module__}.{endpoint.__name__} declares no access")


def admits(access: Access, action: Action | None = None) -> Callable[[Endpoint], Endpoint]:
    """Declare who an endpoint admits.

    Args:
        access: Who may call it at all.
        action: What it does; the services still decide whether the caller may do it to that
            very object.
    """
    if action is not None and access is not Access.SIGNED_IN:
        message = "only who signed in can be asked what they may do"
        raise TypeError(message)

    def declare(endpoint: Endpoint) -> Endpoint:
        vars(endpoint)[DECLARATION] = Admission(access, action)
        return endpoint

    return declare


def admission_of(endpoint: Callable[..., Any]) -> Admission:
    """Return what an endpoint declares.

    Raises:
        AccessUndeclared: It declares nothing.
    """
    declared = vars(endpoint).get(DECLARATION)
    if not isinstance(declared, Admission):
        raise AccessUndeclared(endpoint)
    return declared


def bearer(connection: HTTPConnection) -> str | None:
    """Return the request's bearer token; None where it sends none, be it valid or not."""
    header = connection.headers.get("authorization", "")
    return header[len(SCHEME) :].strip() if header.lower().startswith(SCHEME) else None


def session_cookie(connection: HTTPConnection) -> str | None:
    """Return the secret of the request's session; None where it sends none."""
    return own_cookie(connection, SESSION_COOKIE) or None


async def identify(
    connection: HTTPConnection, services: Services, *, is_request: bool = True
) -> Scope | None:
    """Return who calls; None for nobody we know.

    Where both are there the bearer token counts: a program names it on purpose, while a browser
    adds the cookie to whatever it sends.

    Args:
        connection: What was sent.
        services: Everything.
        is_request: False where an open stream is looked at again.

    Raises:
        CrossOrigin: The cookie came by a page of another site.
    """
    token = bearer(connection)
    if token is not None:
        return await run_in_threadpool(services.tokens.authenticate, token)
    secret = session_cookie(connection)
    if secret is None:
        return None
    check_cookie_use(connection)
    return await run_in_threadpool(services.sessions.authenticate, secret, is_request=is_request)


async def admit(
    connection: HTTPConnection,
    services: Services,
    admission: Admission,
    *,
    is_request: bool = True,
) -> Scope | None:
    """Return the caller's scope; None where the route asks for none.

    Args:
        connection: What was sent.
        services: Everything.
        admission: What the endpoint declares.
        is_request: False where an open stream is looked at again, see `readmit`.

    Raises:
        CrossOrigin: A page of another site sent the request.
        Unauthenticated: The route needs somebody and there is neither token nor session.
        RoutesOnly: The token is for routes of environments.
        NotPermitted: There is nothing at all that the caller may do this with.
        NotEnrolled: They might, had they a second factor.
    """
    if admission.access is Access.ITSELF:
        return None
    if admission.access is Access.ANYONE:
        check_anonymous_use(connection)
        return None
    scope = await identify(connection, services, is_request=is_request)
    if scope is None:
        raise Unauthenticated
    if scope.is_for_routes_only:
        raise RoutesOnly
    if admission.action is not None and not may_somewhere(scope, admission.action):
        raise NotEnrolled if scope.is_enrolling else NotPermitted(admission.action)
    return scope


async def readmit(
    connection: HTTPConnection, services: Services, admission: Admission
) -> Scope | None:
    """Return what the reader of an open stream may see now; keeps no session alive.

    Raises:
        Denied: They may read it no longer; see `admit`.
    """
    return await admit(connection, services, admission, is_request=False)


def services_of(request: Request) -> Services:
    """Return the services the application was made with."""
    return cast("Services", request.app.state.services)


def caller_of(request: Request) -> Scope:
    """Return the scope the guard found.

    Raises:
        TypeError: The route admits anyone, so there is no caller.
    """
    scope = request.state.scope
    if not isinstance(scope, Scope):
        message = f"{request.url.path} asks for a caller but admits anyone"
        raise TypeError(message)
    return scope


# FastAPI gives a plain function a thread of its own, which costs more than what these do.
async def _caller(request: Request) -> Scope:
    return caller_of(request)


async def _services(request: Request) -> Services:
    return services_of(request)


Caller = Annotated[Scope, Depends(_caller)]
Provided = Annotated[Services, Depends(_services)]
