"""How a browser that is signed in at the console gets into a route's host.

The console gives a code that is bound to session, environment, route and the state the browser
began with; the route's host exchanges it for a cookie of its own. A code that was stolen, or
planted in somebody else's browser, fits no state there and opens nothing.
"""

import datetime as dt
import hmac
from urllib.parse import urlsplit

import sqlalchemy as sa

from guesthouse.db import Database
from guesthouse.db.tables import environments, gateway_codes, gateway_sessions
from guesthouse.errors import Denied, NotFound
from guesthouse.kit.clock import Clock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.codes import digest, new_secret
from guesthouse.people.model import Action
from guesthouse.people.permissions import NotPermitted, require
from guesthouse.people.ports import Trail
from guesthouse.people.scope import Scope, for_routes_of
from guesthouse.people.sessions import SessionStore
from guesthouse.people.store import Row

CODE_LIFETIME = dt.timedelta(minutes=1)
LONGEST_PATH = 2048


class RouteUnknown(NotFound):
    """There is no such environment, or not for this caller."""

    def __init__(self, environment: str) -> None:
        super().__init__(
            f"there is no environment {environment[:80]}", next_step="guesthouse env list"
        )


class GatewayCodeRefused(Denied):
    """The code is wrong, spent, too old, or for another browser; nobody is told which."""

    def __init__(self) -> None:
        super().__init__(
            "this way in has been used, or was begun elsewhere",
            next_step="open the route's address once more",
        )


class GatewayDoor:
    """Codes, and the cookies of routes' hosts."""

    def __init__(
        self, database: Database, clock: Clock, trail: Trail, sessions: SessionStore
    ) -> None:
        self._database = database
        self._clock = clock
        self._trail = trail
        self._sessions = sessions

    def issue(
        self, scope: Scope, environment: str, route: str, state: str, path: str
    ) -> Sensitive[str]:
        """Return a code that opens one route to one browser, once, within a minute.

        Args:
            scope: Who is signed in at the console.
            environment: Where they want to go.
            route: Which of its routes.
            state: What the route's host set as a cookie when it sent the browser here.
            path: Where to go there; what is no path of that host is dropped.

        Raises:
            RouteUnknown: There is no such environment, or not for this caller.
            NotPermitted: They may not use it, or are not signed in by a browser.
            GatewayCodeRefused: There is no state to bind the code to.
        """
        if scope.session is None:
            raise NotPermitted(Action.ROUTE_USE)
        if not state:
            raise GatewayCodeRefused
        code, now = new_secret(), self._clock.now()
        statement = sa.select(environments.c.partner).where(environments.c.name == environment)
        with self._database.transaction() as transaction:
            partner = transaction.scalar(statement)
            missing = RouteUnknown(environment)
            if partner is None:
                raise missing
            require(scope, Action.ROUTE_USE, partner, missing=missing)
            transaction.insert(
                gateway_codes,
                digest=digest(code.reveal()),
                session=scope.session,
                environment=environment,
                route=route,
                state_digest=digest(state),
                path=_own_path(path),
                expires_at=now + CODE_LIFETIME,
            )
            about = f"environment/{environment}"
            self._trail.record(transaction, scope, "route.enter", about, {"route": route})
        return code

    def exchange(
        self, code: str, environment: str, route: str, state: str
    ) -> tuple[Sensitive[str], str]:
        """Return the cookie a code opens a route's host with, and the path to go to.

        Whoever shows a code spends it, right or wrong.

        Raises:
            GatewayCodeRefused: It is wrong, spent, too old, or for another route or browser.
        """
        secret, now = new_secret(), self._clock.now()
        of_code = gateway_codes.c.digest == digest(code)
        with self._database.transaction() as transaction:
            row = transaction.row(sa.select(gateway_codes).where(of_code))
            spent = sa.update(gateway_codes).where(of_code, gateway_codes.c.used_at.is_(None))
            is_first = transaction.change(spent.values(used_at=now)) == 1
            fits = row is not None and is_first and _fits(row, environment, route, state, now)
            if row is not None and fits:
                transaction.insert(
                    gateway_sessions,
                    digest=digest(secret.reveal()),
                    session=row["session"],
                    environment=environment,
                    route=route,
                    created_at=now,
                )
        if row is None or not fits or self._sessions.authenticate_id(row["session"]) is None:
            raise GatewayCodeRefused
        return secret, row["path"]

    def authenticate(self, cookie: str, environment: str, route: str) -> Scope | None:
        """Return the scope of who holds a route's cookie; None where it opens nothing there.

        It ends with the session it came from. Role and membership are read anew each time; the
        scope opens routes of this environment and nothing else.
        """
        if not cookie:
            return None
        statement = sa.select(gateway_sessions.c.session)
        statement = statement.where(_is(cookie, environment, route))
        with self._database.reading() as transaction:
            session = transaction.scalar(statement)
        scope = None if session is None else self._sessions.authenticate_id(session)
        if scope is None or scope.is_enrolling:
            return None
        return for_routes_of(scope, environment)

    def leave(self, cookie: str, environment: str, route: str) -> None:
        """End a route's cookie; the session at the console goes on."""
        scope = self.authenticate(cookie, environment, route)
        with self._database.transaction() as transaction:
            found = sa.delete(gateway_sessions).where(_is(cookie, environment, route))
            # One whose session has ended opened nothing any more: it goes, and nothing ends.
            if transaction.change(found) and scope is not None:
                about = f"environment/{environment}"
                self._trail.record(transaction, scope, "route.leave", about, {"route": route})


def _is(cookie: str, environment: str, route: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        gateway_sessions.c.digest == digest(cookie),
        gateway_sessions.c.environment == environment,
        gateway_sessions.c.route == route,
    )


def _fits(row: Row, environment: str, route: str, state: str, now: dt.datetime) -> bool:
    is_bound = hmac.compare_digest(row["state_digest"], digest(state))
    is_here = (row["environment"], row["route"]) == (environment, route)
    # A clock that was set back does not let a code live longer.
    is_young = now < row["expires_at"] <= now + 2 * CODE_LIFETIME
    return is_bound and is_here and is_young


def _own_path(path: str) -> str:
    """Return a path on the host itself; ``/`` for what could lead elsewhere."""
    parts = urlsplit(path) if path.startswith("/") else None
    is_plain = path.isascii() and path.isprintable() and not {"\\", " "} & set(path)
    if parts is None or parts.scheme or parts.netloc or not is_plain or path.startswith("//"):
        return "/"
    return path if len(path) <= LONGEST_PATH else "/"
