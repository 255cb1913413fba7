"""Signing in with the company's OpenID provider: away to it, and back.

Whom it vouches for is the provider's adapter's to find out, what they may do here is `signin`'s.
Here an attempt is tied to the browser that began it, and used up when that browser is back.
"""

import asyncio
import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.attempts import AttemptStore
from guesthouse.people.codes import new_secret
from guesthouse.people.model import Opened, Origin
from guesthouse.people.parts import PeopleParts
from guesthouse.people.provider import Attempt, AttemptSpent, OpenIdProvider, ProviderRefused
from guesthouse.people.scope import anonymous_scope
from guesthouse.people.signin import SignIn
from guesthouse.people.throttle import OF_ADDRESS, Limit, Turn, refuse

UNKNOWN = "account/?"
"""Nobody has told yet who it is."""
OF_DEPARTURES = Limit("departures", 60, dt.timedelta(minutes=1))
"""Each leaves a row behind for ten minutes, and anybody may ask for one. Who comes back and in
takes theirs back: a whole company may share an address."""
BROWSER = re.compile(r"[A-Za-z0-9_-]{43}")
PATH_LIMIT = 2000
HOME = "/"


@dataclass(frozen=True)
class Departing:
    """Where to send the browser, and what to set as its cookie before."""

    url: str
    browser: Sensitive[str]


@dataclass(frozen=True)
class Arrived:
    """A session for who came back, and where they wanted to go."""

    opened: Opened
    path: str


class ExternalSignIn:
    """The way in by the provider."""

    def __init__(self, parts: PeopleParts, sign_in: SignIn, provider: OpenIdProvider) -> None:
        self._parts = parts
        self._sign_in = sign_in
        self._provider = provider
        self._attempts = AttemptStore(parts.clock, parts.sealer)

    async def begin(self, path: str, browser: str, origin: Origin) -> Departing:
        """Send somebody to the provider.

        Args:
            path: Where to go afterwards; what is no path of ours becomes the home page.
            browser: The secret its cookie holds, so that two windows may sign in side by side;
                empty where there is none yet.
            origin: Where the request comes from.

        Raises:
            TooManyAttempts: The address asks too often.
            ProviderAway: The provider does not answer.
            ProviderUnfit: The provider cannot be used as it is set up.
        """
        await asyncio.to_thread(self._take_turn, OF_DEPARTURES, origin)
        departure = await self._provider.begin()
        secret = Sensitive(browser) if BROWSER.fullmatch(browser) else new_secret()
        await asyncio.to_thread(self._remember, departure.attempt, secret, own_path(path))
        return Departing(departure.url, secret)

    async def finish(self, parameters: Mapping[str, str], browser: str, origin: Origin) -> Arrived:
        """Open a session for somebody who came back.

        Args:
            parameters: What stood in the address: `state`, `code`, `iss`, or `error`.
            browser: The secret its cookie holds.
            origin: Where the request comes from.

        Raises:
            AttemptSpent: This browser began no such attempt, or it is over.
            ProviderRefused: The provider does not vouch for them.
            ExternalNotAdmitted: Their groups give them nothing here.
            SignInRefused: Their account is disabled.
            TooManyAttempts: The address tries too often.
            ProviderAway: The provider does not answer.
            ProviderUnfit: The provider cannot be used as it is set up.
        """
        await asyncio.to_thread(self._take_turn, OF_ADDRESS, origin)
        attempt, path = await asyncio.to_thread(self._take, parameters, browser, origin)
        try:
            identity = await self._provider.finish(parameters, attempt)
        except ProviderRefused as exc:
            await asyncio.to_thread(self._refused, origin, exc.detail)
            raise
        opened = await asyncio.to_thread(self._sign_in.external, identity, origin)
        await asyncio.to_thread(self._give_back, origin)
        return Arrived(opened, path)

    def _remember(self, attempt: Attempt, browser: Sensitive[str], path: str) -> None:
        with self._parts.database.transaction() as transaction:
            self._attempts.add(transaction, attempt, browser=browser.reveal(), path=path)

    def _take(
        self, parameters: Mapping[str, str], browser: str, origin: Origin
    ) -> tuple[Attempt, str]:
        # Kept before the provider is asked: whatever it says, this attempt is over.
        with self._parts.database.transaction() as transaction:
            state = parameters.get("state", "")
            taken = self._attempts.take(transaction, state, browser=browser)
        if taken is None:
            self._refused(origin, "attempt")
            raise AttemptSpent
        return taken

    def _refused(self, origin: Origin, why: str) -> None:
        detail = {"address": origin.address, "why": why, "issuer": self._provider.issuer}
        with self._parts.database.transaction() as transaction:
            self._parts.trail.record(
                transaction, anonymous_scope(), "signin.refuse", UNKNOWN, detail
            )

    def _take_turn(self, limit: Limit, origin: Origin) -> None:
        parts = self._parts
        with parts.database.transaction() as transaction:
            turn = parts.throttle.take(transaction, limit, origin.network, parts.clock.now())
            if turn is Turn.REFUSED_FIRST:
                detail = {"limit": limit.name, "tries": limit.tries}
                parts.trail.record(
                    transaction, anonymous_scope(), "signin.throttle", UNKNOWN, detail
                )
        if turn is not Turn.TAKEN:
            raise refuse(limit)

    def _give_back(self, origin: Origin) -> None:
        with self._parts.database.transaction() as transaction:
            for limit in (OF_ADDRESS, OF_DEPARTURES):
                self._parts.throttle.give_back(transaction, limit, origin.network)


def own_path(text: str) -> str:
    """Return the path where it is one of ours, else the home page.

    Browsers take a backslash for a slash, `//host` for another host, and drop tabs and line ends.
    """
    is_own = text.startswith("/") and not text.startswith("//") and len(text) <= PATH_LIMIT
    is_harmless = all(" " < letter < "\x7f" and letter != "\\" for letter in text)
    return text if is_own and is_harmless else HOME
