"""Sign-ins with the provider that are under way: each is bound to one browser, and good once."""

import datetime as dt

import sqlalchemy as sa

from guesthouse.db import Transaction
from guesthouse.db.tables import oidc_attempts
from guesthouse.kit.clock import Clock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.codes import digest
from guesthouse.people.ports import Sealer
from guesthouse.people.provider import Attempt

LIFETIME = dt.timedelta(minutes=10)


class AttemptStore:
    """The table of attempts; nobody has signed in yet, so there is no Scope to take."""

    def __init__(self, clock: Clock, sealer: Sealer) -> None:
        self._clock = clock
        self._sealer = sealer

    def add(self, transaction: Transaction, attempt: Attempt, *, browser: str, path: str) -> None:
        """Remember an attempt until the browser is back; what is too old goes on the way.

        Args:
            transaction: What to write in.
            attempt: What to remember.
            browser: The secret in the browser's cookie.
            path: Where to go afterwards.
        """
        now = self._clock.now()
        transaction.change(sa.delete(oidc_attempts).where(oidc_attempts.c.expires_at <= now))
        transaction.insert(
            oidc_attempts,
            digest=digest(attempt.state.reveal()),
            browser_digest=digest(browser),
            nonce=attempt.nonce,
            verifier=self._sealer.seal(Sensitive(attempt.verifier.reveal().encode())),
            path=path,
            expires_at=now + LIFETIME,
        )

    def take(
        self, transaction: Transaction, state: str, *, browser: str
    ) -> tuple[Attempt, str] | None:
        """Return an attempt and where to go afterwards; from then on it is gone.

        Args:
            transaction: What to write in; it must be kept, or the attempt could be taken again.
            state: What the browser came back with.
            browser: The secret in its cookie.

        Returns:
            None where there is none, it is another browser's, or it is too old.
        """
        # Another browser's is left where it is: a stranger must not end somebody's sign-in.
        theirs = (
            oidc_attempts.c.digest == digest(state),
            oidc_attempts.c.browser_digest == digest(browser),
        )
        # One statement, so that of several that come at once one gets the row.
        row = transaction.row(sa.delete(oidc_attempts).where(*theirs).returning(oidc_attempts))
        if row is None or row["expires_at"] <= self._clock.now():
            return None
        verifier = self._sealer.open(row["verifier"]).reveal().decode()
        return Attempt(Sensitive(state), row["nonce"], Sensitive(verifier)), row["path"]
