"""Answers the gateways' question: may this request pass?"""

from guesthouse.db import Database
from guesthouse.gateway.model import Decision
from guesthouse.gateway.store import GatewayStore
from guesthouse.people import Scope
from guesthouse.people.tokens import TokenStore

BEARER = "bearer"
DESTROYING = "destroying"


class AuthorisationService:
    """Decides for routes whose access is ``platform``."""

    def __init__(self, database: Database, tokens: TokenStore) -> None:
        self._database = database
        self._tokens = tokens
        self._store = GatewayStore()

    def authorise(
        self, authorization: str | Scope | None, *, environment: str, route: str
    ) -> Decision:
        """Return whether a request to a route passes.

        An environment that others own is answered like one that does not exist.

        Args:
            authorization: The request's Authorization header, or the scope of someone who is
                known already; None for neither.
            environment: The environment whose gateway asks.
            route: The route's name; every route of an environment has the same answer so far.
        """
        del route
        scope = self._scope(authorization)
        if scope is None:
            return Decision.UNAUTHENTICATED
        if not scope.opens_routes_of(environment):
            return Decision.NOT_FOUND
        with self._database.reading() as transaction:
            state = self._store.state(scope, transaction, environment)
        if state is None:
            return Decision.NOT_FOUND
        return Decision.DENIED if state == DESTROYING else Decision.ALLOWED

    def _scope(self, authorization: str | Scope | None) -> Scope | None:
        if isinstance(authorization, Scope):
            return authorization
        token = bearer_token(authorization or "")
        return None if token is None else self._tokens.authenticate(token)


def bearer_token(header: str) -> str | None:
    """Return the token of an Authorization header, or None where it holds no bearer token."""
    scheme, _, token = header.strip().partition(" ")
    return token.strip() or None if scheme.lower() == BEARER else None
