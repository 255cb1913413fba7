"""Signing in: by password and code, by an invitation just taken, or by the OpenID provider.

Whatever is wrong is one error after the same work, so that nobody learns which logins there are.
"""

import datetime as dt
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from guesthouse.db import Transaction
from guesthouse.db.tables import (
    device_logins,
    gateway_codes,
    half_sign_ins,
)
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.codes import digest, new_secret
from guesthouse.people.errors import ExternalLoginTaken, ExternalNotAdmitted, SignInRefused
from guesthouse.people.external import ExternalAccounts
from guesthouse.people.factors import Factor, SecondFactor
from guesthouse.people.model import (
    Account,
    Door,
    ExternalIdentity,
    Half,
    Opened,
    Origin,
)
from guesthouse.people.parts import PeopleParts
from guesthouse.people.scope import account_scope, anonymous_scope
from guesthouse.people.sessions import SET_BACK
from guesthouse.people.throttle import (
    OF_ACCOUNT,
    OF_ADDRESS,
    OF_CODES,
    OF_CODES_DAILY,
    Limit,
    Turn,
    refuse,
)

HALF = dt.timedelta(minutes=5)
HALF_TRIES = 5
SWEEP_EVERY = dt.timedelta(minutes=10)
UNKNOWN = "account/?"
"""Not what was typed: people type passwords where logins belong."""


class SignIn:
    """The ways in."""

    def __init__(self, parts: PeopleParts) -> None:
        self._parts = parts
        self._external_accounts = ExternalAccounts(parts)
        self._factor = SecondFactor(parts.clock, parts.sealer)
        self._swept_at: dt.datetime | None = None

    async def password(
        self, login: str, password: Sensitive[str], origin: Origin
    ) -> Half | Opened:
        """Open a session by login and password, or the first half of one.

        Returns:
            What opens with a code of the second factor, where the account has one; otherwise the
            session. Who has to enrol a second factor gets a session that allows nothing else.

        Raises:
            SignInRefused: Something is wrong; nobody is told what.
            TooManyAttempts: The login, the address or the whole program was tried too often.
        """
        return await self._parts.lane.run(self._password, login, password, origin)

    def second(self, half: str, code: str, origin: Origin) -> Opened:
        """Open the session that a password opened half of.

        Args:
            half: Its secret.
            code: Of the authenticator, or a recovery code.
            origin: Where it comes from.

        Raises:
            SignInRefused: The code is wrong or spent, or the half too old or tried too often.
            TooManyAttempts: The account or the address was tried too often.
        """
        self._take_turn({OF_ADDRESS: origin.network})
        with self._parts.database.reading() as transaction:
            found = self._half(transaction, half)
        if found is not None:
            self._take_turn({OF_CODES: found, OF_CODES_DAILY: found})
        with self._parts.database.transaction() as transaction:
            opened = self._second(transaction, half, code, origin)
            if opened is None:
                person = found and self._parts.accounts.by_id(transaction, found)
                self._refused(transaction, person or None, origin, why="code")
        if opened is None:
            raise SignInRefused
        return opened

    def after_invitation(self, account: Account, origin: Origin) -> Opened:
        """Open a session for somebody who has just set their first password by an invitation.

        Raises:
            SignInRefused: The account has a second factor, or is disabled.
        """
        with self._parts.database.transaction() as transaction:
            found = self._parts.accounts.by_id(transaction, account.id)
            if found is None or found.has_totp or found.disabled_at is not None:
                raise SignInRefused
            return self._open(transaction, found, Door.PASSWORD, origin)

    def external(self, identity: ExternalIdentity, origin: Origin) -> Opened:
        """Open a session for somebody the OpenID provider vouches for.

        Issuer and subject say who it is, never a login or an address. What their groups give is
        brought up to date: kind, and the memberships that come from the provider.

        Raises:
            ExternalNotAdmitted: Their groups give them nothing, and nobody else has.
            ExternalLoginTaken: It is their first sign-in, and somebody else has the login.
            SignInRefused: The account is disabled.
        """
        try:
            return self._external(identity, origin)
        except IntegrityError:
            # Two windows of somebody's first sign-in: the other has just made the account.
            return self._external(identity, origin)
        except ExternalLoginTaken:
            with self._parts.database.transaction() as transaction:
                self._refused(transaction, None, origin, why="login")
            raise

    def _external(self, identity: ExternalIdentity, origin: Origin) -> Opened:
        with self._parts.database.transaction() as transaction:
            account = self._external_accounts.known(transaction, identity)
            is_disabled = account is not None and account.disabled_at is not None
            opened = None
            if account is not None and not is_disabled:
                opened = self._open(transaction, account, Door.OIDC, origin)
            else:
                self._refused(transaction, account, origin, why="provider")
        if opened is None:
            raise SignInRefused if is_disabled else ExternalNotAdmitted
        return opened

    def _password(self, login: str, password: Sensitive[str], origin: Origin) -> Half | Opened:
        parts, login = self._parts, login.strip().lower()
        self._take_turn({OF_ADDRESS: origin.network, OF_ACCOUNT: login})
        with parts.database.reading() as transaction:
            account = parts.accounts.by_login(transaction, login)
            kept = (
                parts.accounts.row(transaction, account.id)["password_hash"] if account else None
            )
        # Who has no password, or is not there at all, costs as much as who has one.
        fits, better = parts.lane.hasher.verify(password, kept or parts.lane.hasher.decoy)
        with parts.database.transaction() as transaction:
            found = None
            if account is not None and kept is not None and fits:
                found = self._right(transaction, account.id, kept, better)
            if found is None:
                self._refused(transaction, account, origin, why="password")
                result = None
            else:
                result = self._opened_or_half(transaction, found, origin)
        if result is None:
            raise SignInRefused
        return result

    def _right(
        self, transaction: Transaction, account: str, kept: str, better: str | None
    ) -> Account | None:
        """Return the account, unless it was disabled or its password changed meanwhile."""
        row = self._parts.accounts.row(transaction, account)
        if row["disabled_at"] is not None or row["password_hash"] != kept:
            return None
        if better is not None:
            self._parts.accounts.update(transaction, account, password_hash=better)
        return self._parts.accounts.by_id(transaction, account)

    def _opened_or_half(
        self, transaction: Transaction, account: Account, origin: Origin
    ) -> Half | Opened:
        if not account.has_totp:
            self._right_tries(transaction, account, origin)
            return self._open(transaction, account, Door.PASSWORD, origin)
        # The tries are forgiven only when the code is right, too.
        secret, now = new_secret(), self._parts.clock.now()
        transaction.insert(
            half_sign_ins,
            digest=digest(secret.reveal()),
            account=account.id,
            tries=0,
            created_at=now,
            expires_at=now + HALF,
        )
        detail = {"address": origin.address}
        about = f"account/{account.login}"
        self._parts.trail.record(transaction, anonymous_scope(), "signin.half", about, detail)
        return Half(secret, now + HALF)

    def _half(self, transaction: Transaction, half: str) -> str | None:
        """Return whose first half a secret is; None where it is none, or none any more."""
        statement = sa.select(half_sign_ins).where(half_sign_ins.c.digest == digest(half))
        row, now = transaction.row(statement), self._parts.clock.now()
        if row is None or row["tries"] >= HALF_TRIES or row["expires_at"] <= now:
            return None
        return None if row["created_at"] - now > SET_BACK else str(row["account"])

    def _second(
        self, transaction: Transaction, half: str, code: str, origin: Origin
    ) -> Opened | None:
        account = self._half(transaction, half)
        if account is None:
            return None
        row = self._parts.accounts.row(transaction, account)
        of_half = half_sign_ins.c.digest == digest(half)
        is_enabled = row["disabled_at"] is None
        factor = self._factor.take(transaction, row, code) if is_enabled else None
        if factor is None:
            tried = sa.update(half_sign_ins).where(of_half)
            transaction.change(tried.values(tries=half_sign_ins.c.tries + 1))
            return None
        if transaction.change(sa.delete(half_sign_ins).where(of_half)) != 1:
            return None
        found = self._parts.accounts.by_id(transaction, account)
        if found is None:
            return None
        self._right_tries(transaction, found, origin)
        return self._open(transaction, found, Door.PASSWORD, origin, factor)

    def _open(
        self,
        transaction: Transaction,
        account: Account,
        door: Door,
        origin: Origin,
        factor: Factor | None = None,
    ) -> Opened:
        opened = self._parts.sessions.open(transaction, account, door=door, origin=origin)
        scope = account_scope(account, session=opened.session.id)
        detail = {"door": door.value, "address": origin.address, "session": opened.session.id}
        if factor is not None:
            detail["factor"] = factor.value
        about = f"account/{account.login}"
        self._parts.trail.record(transaction, scope, "signin.open", about, detail)
        return opened

    def _refused(
        self, transaction: Transaction, account: Account | None, origin: Origin, *, why: str
    ) -> None:
        about = UNKNOWN if account is None else f"account/{account.login}"
        detail = {"address": origin.address, "why": why}
        self._parts.trail.record(transaction, anonymous_scope(), "signin.refuse", about, detail)

    def _take_turn(self, keys: Mapping[Limit, str]) -> None:
        """Count a try before any work is done for it.

        Raises:
            TooManyAttempts: One of the keys was tried too often.
        """
        self._sweep()
        parts, over = self._parts, None
        with parts.database.transaction() as transaction:
            for limit, key in keys.items():
                turn = parts.throttle.take(transaction, limit, key, parts.clock.now())
                if turn is Turn.REFUSED_FIRST:
                    # One row for all that follow: who floods us must not flood the audit log.
                    detail = {"limit": limit.name, "tries": limit.tries}
                    scope = anonymous_scope()
                    parts.trail.record(transaction, scope, "signin.throttle", UNKNOWN, detail)
                if turn is not Turn.TAKEN:
                    over = limit
                    break
        if over is not None:
            raise refuse(over)

    def _right_tries(self, transaction: Transaction, account: Account, origin: Origin) -> None:
        # In the order in which tries are counted, or two would wait for one another.
        throttle = self._parts.throttle
        throttle.give_back(transaction, OF_ADDRESS, origin.network)
        throttle.forgive(transaction, OF_ACCOUNT, account.login)
        for limit in (OF_CODES, OF_CODES_DAILY):
            throttle.forgive(transaction, limit, account.id)

    def _sweep(self) -> None:
        """Delete what has ended by itself, now and then."""
        now = self._parts.clock.now()
        if self._swept_at is not None and abs(now - self._swept_at) < SWEEP_EVERY:
            return
        self._swept_at = now
        with self._parts.database.transaction() as transaction:
            for table in (half_sign_ins, gateway_codes, device_logins):
                old = table.c.expires_at < now - dt.timedelta(hours=1)
                transaction.change(sa.delete(table).where(old))
            self._parts.throttle.sweep(transaction, now)
