"""Who a route admits. Each endpoint declares it; one without a declaration can't be routed."""

from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from guesthouse.edge.ports import Services
from guesthouse.errors import Denied
from guesthouse.people import ActorKind, Scope
from guesthouse.people.tokens import TokenStore

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
DECLARATION = "guesthouse_access"
SCHEME = "bearer "


class Access(Enum):
    """Who may call a route at all; what they see there is their scope's."""

    ANYONE = "anyone"
    """No token is asked for."""
    SIGNED_IN = "signed-in"
    OPERATOR = "operator"
    ITSELF = "itself"
    """The endpoint judges the token itself, for a purpose of its own."""


class Unauthenticated(Denied):
    """There is no token, or one that opens nothing; answered 401 instead of 403."""

    def __init__(self) -> None:
        super().__init__(
            "this needs a valid bearer token",
            next_step="send the header `Authorization: Bearer <token>`",
        )


class OperatorsOnly(Denied):
    """The route is not for members."""

    def __init__(self) -> None:
        super().__init__("this is for operators", next_step="ask an operator to do it")


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


def admits(access: Access) -> Callable[[Endpoint], Endpoint]:
    """Declare who an endpoint admits."""

    def declare(endpoint: Endpoint) -> Endpoint:
        vars(endpoint)[DECLARATION] = access
        return endpoint

    return declare


def access_of(endpoint: Callable[..., Any]) -> Access:
    """Return who an endpoint admits.

    Raises:
        AccessUndeclared: It doesn't say.
    """
    declared = vars(endpoint).get(DECLARATION)
    if not isinstance(declared, Access):
        raise AccessUndeclared(endpoint)
    return declared


def bearer(request: Request) -> str:
    """Return the request's bearer token, empty where there is none."""
    header = request.headers.get("authorization", "")
    return header[len(SCHEME) :].strip() if header.lower().startswith(SCHEME) else ""


async def admit(request: Request, tokens: TokenStore, access: Access) -> Scope | None:
    """Return the caller's scope; None where the route asks for none.

    Raises:
        Unauthenticated: The route needs a token and there is no valid one.
        RoutesOnly: The token is for routes of environments.
        OperatorsOnly: The caller is no operator and the route is for these.
    """
    if access in {Access.ANYONE, Access.ITSELF}:
        return None
    scope = await run_in_threadpool(tokens.authenticate, bearer(request))
    if scope is None:
        raise Unauthenticated
    if scope.is_for_routes_only:
        raise RoutesOnly
    if access is Access.OPERATOR and scope.kind is not ActorKind.OPERATOR:
        raise OperatorsOnly
    return scope


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


Caller = Annotated[Scope, Depends(caller_of)]
Provided = Annotated[Services, Depends(services_of)]
