"""Answers the gateways' questions: may this request pass, may this browser come in?"""

from guesthouse.db import Database
from guesthouse.errors import NotFound
from guesthouse.gateway.admission import ENTER
from guesthouse.gateway.model import (
    Access,
    Answer,
    Decision,
    Entry,
    Identity,
    Presented,
)
from guesthouse.gateway.paths import checked_state, safe_path
from guesthouse.gateway.ports import Door
from guesthouse.gateway.store import GatewayStore, Served
from guesthouse.people import Scope
from guesthouse.people.permissions import Action, Verdict, decide, require
from guesthouse.people.tokens import TokenStore

BEARER = "bearer"
DESTROYING = "destroying"


class RouteUnknown(NotFound):
    """There is no such route to sign in at, or not for this caller."""

    def __init__(self, environment: str, route: str) -> None:
        super().__init__(
            f"there is no route {route[:63]} of an environment {environment[:63]} to sign in at",
            next_step="open the address that the environment's page shows",
        )


class AuthorisationService:
    """Decides for routes whose access is ``platform``."""

    def __init__(self, database: Database, tokens: TokenStore, door: Door | None = None) -> None:
        """Decide by tokens, and by cookies where there is a door.

        Args:
            database: The control plane's.
            tokens: Knows programs.
            door: Knows browsers; None knows none.
        """
        self._database = database
        self._tokens = tokens
        self._door = door
        self._store = GatewayStore()

    def authorise(self, presented: Presented, *, environment: str, route: str) -> Answer:
        """Return whether a request to a route passes.

        An environment that others own is answered like one that does not exist.

        Args:
            presented: What the request shows of its caller.
            environment: The environment whose gateway asks.
            route: The route's name.
        """
        scope = self._scope(presented, environment, route)
        if scope is None:
            return Answer(Decision.UNAUTHENTICATED)
        if not scope.opens_routes_of(environment):
            return Answer(Decision.NOT_FOUND)
        with self._database.reading() as transaction:
            served = self._store.served(scope, transaction, environment)
        if served is None:
            return Answer(Decision.NOT_FOUND)
        decision = _decision(scope, served)
        if decision is not Decision.ALLOWED:
            return Answer(decision)
        return Answer(decision, _identity(scope, served))

    def _scope(self, presented: Presented, environment: str, route: str) -> Scope | None:
        # A program names its token on purpose; a browser adds the cookie to whatever it sends.
        token = bearer_token(presented.authorization)
        if token is not None:
            return self._tokens.authenticate(token)
        if self._door is None or not presented.cookie:
            return None
        return self._door.authenticate(presented.cookie, environment, route)


class Entrance:
    """Brings browsers that signed in at the console to the hosts of routes."""

    def __init__(self, database: Database, door: Door) -> None:
        self._database = database
        self._door = door
        self._store = GatewayStore()

    def way_in(
        self, scope: Scope, *, environment: str, route: str, state: str, following: str
    ) -> str:
        """Return the address at the route's host that lets the browser in, once.

        Args:
            scope: Of the session at the console.
            environment: The environment the browser was sent from.
            route: The route's name.
            state: What its gateway gave the browser to tell it by.
            following: Where it wanted to go, as the gateway wrote it; anything but a path of
                that host becomes ``/``.

        Raises:
            RouteUnknown: There is no such route that is signed in to, or not for this caller.
            NotPermitted: The caller sees the environment but may not use its routes.
            StateInvalid: The gateway gave no such state.
        """
        missing = RouteUnknown(environment, route)
        checked_state(state)
        with self._database.reading() as transaction:
            served = self._store.served(scope, transaction, environment)
        if served is None or not scope.opens_routes_of(environment):
            raise missing
        require(scope, Action.ROUTE_USE, served.partner, missing=missing)
        known = served.routes.get(route)
        if known is None or known.get("access") != Access.PLATFORM.value:
            raise missing
        code = self._door.issue(scope, environment, route, state, safe_path(following))
        origin = "/".join(str(known["url"]).split("/")[:3])
        return f"{origin}{ENTER}?code={code.reveal()}"

    def enter(self, *, code: str, environment: str, route: str, state: str) -> Entry:
        """Let a browser in that brings a code.

        Raises:
            GuesthouseError: The code opens nothing here, for this browser, or any more.
        """
        checked_state(state)
        cookie, path = self._door.exchange(code, environment, route, state)
        return Entry(cookie, safe_path(path))

    def leave(self, *, cookie: str, environment: str, route: str) -> None:
        """End a browser's session at one route."""
        if cookie:
            self._door.leave(cookie, environment, route)


def bearer_token(header: str) -> str | None:
    """Return the token of an Authorization header, or None where it holds no bearer token."""
    scheme, _, token = header.strip().partition(" ")
    return token.strip() or None if scheme.lower() == BEARER else None


def _decision(scope: Scope, served: Served) -> Decision:
    match decide(scope, Action.ROUTE_USE, served.partner):
        case Verdict.HIDDEN:
            return Decision.NOT_FOUND
        case Verdict.DENIED:
            return Decision.DENIED
        case Verdict.ALLOWED:
            return Decision.DENIED if served.state == DESTROYING else Decision.ALLOWED


def _identity(scope: Scope, served: Served) -> Identity:
    role = scope.roles.get(served.partner)
    if role is None:
        return Identity(scope.actor, scope.kind.value)
    return Identity(scope.actor, role.value, served.partner)
