"""The second factor of an account: an authenticator, and recovery codes for who lost it."""

import datetime as dt
from enum import Enum

import sqlalchemy as sa

from guesthouse.db import Transaction
from guesthouse.db.tables import accounts, recovery_codes
from guesthouse.kit.clock import Clock
from guesthouse.kit.ids import new_id
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.codes import digest, new_recovery_code, normal_recovery_code
from guesthouse.people.ports import Sealer
from guesthouse.people.store import Row
from guesthouse.people.totp import accepted_step

RECOVERY_CODES = 10


class Factor(Enum):
    """What a second factor was shown with."""

    AUTHENTICATOR = "authenticator"
    RECOVERY_CODE = "recovery-code"


class SecondFactor:
    """Codes, each taken once."""

    def __init__(self, clock: Clock, sealer: Sealer) -> None:
        self._clock = clock
        self._sealer = sealer

    def prepare(self, transaction: Transaction, account: str, secret: Sensitive[bytes]) -> None:
        """Keep the secret of an authenticator that has yet to show a code."""
        self._update(transaction, account, totp_pending=self._sealer.seal(secret))

    def confirm(self, transaction: Transaction, row: Row, code: str) -> tuple[str, ...] | None:
        """Take the prepared authenticator into use; return recovery codes, None if it is wrong.

        Args:
            transaction: Carries everything.
            row: The account, locked.
            code: What the authenticator shows.
        """
        if row["totp_pending"] is None:
            return None
        secret = self._sealer.open(row["totp_pending"])
        step = accepted_step(secret, code, now=self._clock.now(), spent=row["totp_step"])
        if step is None:
            return None
        self._update(
            transaction,
            row["id"],
            totp_sealed=row["totp_pending"],
            totp_pending=None,
            totp_step=step,
        )
        return self._new_codes(transaction, row["id"])

    def take(self, transaction: Transaction, row: Row, code: str) -> Factor | None:
        """Take a code of the authenticator or a recovery code, if it is right and unspent.

        Args:
            transaction: Carries that it is spent.
            row: The account, locked: of two at a time with one code, one is taken.
            code: What was typed.

        Returns:
            Which of them it was; None where it is neither.
        """
        if row["totp_sealed"] is None:
            return None
        secret, now = self._sealer.open(row["totp_sealed"]), self._clock.now()
        step = accepted_step(secret, code, now=now, spent=row["totp_step"])
        if step is None:
            is_right = self._take_recovery(transaction, row["id"], code, now)
            return Factor.RECOVERY_CODE if is_right else None
        self._update(transaction, row["id"], totp_step=step)
        return Factor.AUTHENTICATOR

    def drop(self, transaction: Transaction, account: str) -> None:
        """Forget an account's second factor."""
        self._update(transaction, account, totp_sealed=None, totp_pending=None)
        transaction.change(sa.delete(recovery_codes).where(recovery_codes.c.account == account))

    def left(self, transaction: Transaction, account: str) -> int:
        """Return how many recovery codes are unspent."""
        statement = sa.select(sa.func.count()).select_from(recovery_codes)
        unspent = recovery_codes.c.used_at.is_(None)
        found = transaction.scalar(statement.where(recovery_codes.c.account == account, unspent))
        return int(found)

    def _take_recovery(
        self, transaction: Transaction, account: str, code: str, now: dt.datetime
    ) -> bool:
        statement = sa.update(recovery_codes).where(
            recovery_codes.c.account == account,
            recovery_codes.c.digest == digest(normal_recovery_code(code)),
            recovery_codes.c.used_at.is_(None),
        )
        return transaction.change(statement.values(used_at=now)) == 1

    def _new_codes(self, transaction: Transaction, account: str) -> tuple[str, ...]:
        transaction.change(sa.delete(recovery_codes).where(recovery_codes.c.account == account))
        made = tuple(new_recovery_code() for _ in range(RECOVERY_CODES))
        for code in made:
            transaction.insert(
                recovery_codes,
                id=new_id("rec", self._clock),
                account=account,
                digest=digest(code),
            )
        return made

    def _update(self, transaction: Transaction, account: str, /, **values: object) -> None:
        transaction.change(sa.update(accounts).where(accounts.c.id == account).values(**values))
