"""What the gateway needs of people, and what failure means there."""

from typing import Protocol

from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import Scope


class Door(Protocol):
    """Brings a browser that is signed in at the console to a route's host, and knows it there."""

    def issue(
        self, scope: Scope, environment: str, route: str, state: str, path: str
    ) -> Sensitive[str]:
        """Return a code that opens this route once, for the browser that holds the state.

        Raises:
            NotPermitted: The scope is of no session, so there is nobody to bring.
        """
        ...

    def exchange(
        self, code: str, environment: str, route: str, state: str
    ) -> tuple[Sensitive[str], str]:
        """Spend a code; return the secret of a gateway session, and the path.

        Raises:
            GuesthouseError: It opens nothing here, for this browser, or any more.
        """
        ...

    def authenticate(self, cookie: str, environment: str, route: str) -> Scope | None:
        """Return who a gateway session is of, as they stand now; None where it opens nothing."""
        ...

    def leave(self, cookie: str, environment: str, route: str) -> None:
        """End a gateway session; one that opens nothing ends as well."""
        ...
