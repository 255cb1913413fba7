"""Accounts: one's own, and as an operator those of others."""

from collections.abc import Mapping
from types import MappingProxyType

import sqlalchemy as sa

from guesthouse.db import Transaction
from guesthouse.db.tables import half_sign_ins, identities, invitations
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.errors import (
    AccountUnknown,
    CodeWrong,
    NotPermitted,
    OwnAccount,
    PasswordWrong,
)
from guesthouse.people.factors import SecondFactor
from guesthouse.people.members import Ended, MemberUseCases
from guesthouse.people.model import (
    Account,
    Action,
    InvitationRequest,
    Invited,
    TotpEnrolment,
)
from guesthouse.people.parts import PeopleParts
from guesthouse.people.permissions import require
from guesthouse.people.rules import check_password
from guesthouse.people.scope import Scope
from guesthouse.people.store import Row
from guesthouse.people.throttle import OF_ACCOUNT, OF_CODES, OF_CODES_DAILY, Limit, Turn, refuse
from guesthouse.people.totp import enrolment, new_totp_secret


class AccountService(MemberUseCases):
    """Everything about people but how they sign in."""

    def __init__(self, parts: PeopleParts) -> None:
        super().__init__(parts)
        self._factor = SecondFactor(parts.clock, parts.sealer)

    def account(self, scope: Scope) -> Account:
        """Return the caller's own account.

        Raises:
            NotPermitted: The caller has none.
        """
        if scope.account is None:
            raise NotPermitted(Action.ACCOUNT_OWN)
        with self._parts.database.reading() as transaction:
            return self._by_id(transaction, scope.account)

    def recovery_codes_left(self, scope: Scope) -> int:
        """Return how many recovery codes the caller has."""
        with self._parts.database.reading() as transaction:
            return self._factor.left(transaction, self._own(scope))

    async def change_password(
        self, scope: Scope, old: Sensitive[str], new: Sensitive[str]
    ) -> None:
        """Change the caller's password; every other session of theirs ends.

        Raises:
            PasswordWrong: The old one is wrong, or there is none.
            PasswordWeak: The new one may not be taken.
            TooManyAttempts: It was tried too often.
            NotPermitted: The caller has no account, or acts by a token.
        """
        await self._parts.lane.run(self._change_password, scope, old, new)

    def begin_totp(self, scope: Scope, code: str = "") -> TotpEnrolment:
        """Return what an authenticator is given; it counts once it has shown a code.

        Args:
            scope: The caller.
            code: Of the authenticator they have, or a recovery code; empty for their first.

        Raises:
            CodeWrong: The code is wrong: who sits down at an open browser replaces nothing.
            TooManyAttempts: Codes were tried too often.
            NotPermitted: The caller has no account, or acts by a token.
        """
        account, secret = self._own(scope), new_totp_secret()
        self._take_turn(scope, OF_CODES, OF_CODES_DAILY)
        with self._parts.database.transaction() as transaction:
            row = self._parts.accounts.row(transaction, account)
            has_factor = row["totp_sealed"] is not None
            factor = self._factor.take(transaction, row, code) if has_factor else None
            is_right = not has_factor or factor is not None
            if is_right:
                self._forgive(transaction, account)
                self._factor.prepare(transaction, account, secret)
            action = "totp.begin" if is_right else "totp.refuse"
            detail = {} if factor is None else {"factor": factor.value}
            self._tell_account(transaction, scope, action, row["login"], detail)
        if not is_right:
            raise CodeWrong
        return enrolment(secret, login=scope.actor, issuer=self._parts.issuer)

    def confirm_totp(self, scope: Scope, code: str) -> tuple[str, ...]:
        """Take an authenticator into use and return recovery codes, shown once.

        Every other session of the caller ends: none was opened with a second factor.

        Raises:
            CodeWrong: The code is wrong, or no authenticator waits.
            TooManyAttempts: Codes were tried too often.
            NotPermitted: The caller has no account, or acts by a token.
        """
        account = self._own(scope)
        self._take_turn(scope, OF_CODES, OF_CODES_DAILY)
        with self._parts.database.transaction() as transaction:
            row = self._parts.accounts.row(transaction, account)
            codes = self._factor.confirm(transaction, row, code)
            if codes is not None:
                self._forgive(transaction, account)
                self._end_others(transaction, scope, account)
            action = "totp.refuse" if codes is None else "totp.confirm"
            self._tell_account(transaction, scope, action, row["login"])
        if codes is None:
            raise CodeWrong
        return codes

    def disable(self, scope: Scope, login: str) -> Ended:
        """Shut somebody out everywhere, at once.

        Raises:
            AccountUnknown: There is no such account.
            OwnAccount: It is the caller's own.
            NotPermitted: The caller is no operator.
        """
        require(scope, Action.PARTNER_MANAGE, None)
        with self._parts.database.transaction() as transaction:
            account = self._by_login(transaction, login)
            if account.id == scope.account:
                raise OwnAccount
            now = self._parts.clock.now()
            self._parts.accounts.update(transaction, account.id, disabled_at=now)
            sessions, tokens = self._shut_out(transaction, account.id)
            theirs = invitations.c.invited_by == account.login
            ended = Ended((account.login,), sessions, tokens, self._revoke(transaction, theirs))
            self._tell_account(transaction, scope, "account.disable", account.login)
        return ended

    def enable(self, scope: Scope, login: str) -> None:
        """Let somebody in again who was shut out; what had ended stays ended.

        Raises:
            AccountUnknown: There is no such account.
            NotPermitted: The caller is no operator.
        """
        require(scope, Action.PARTNER_MANAGE, None)
        with self._parts.database.transaction() as transaction:
            account = self._by_login(transaction, login)
            self._parts.accounts.update(transaction, account.id, disabled_at=None)
            self._tell_account(transaction, scope, "account.enable", account.login)

    def reset(self, scope: Scope, login: str) -> Invited:
        """Take password and second factor from somebody who lost them, and invite them anew.

        Raises:
            AccountUnknown: There is no such account, or it comes in by the provider.
            OwnAccount: It is the caller's own.
            NotPermitted: The caller is no operator.
        """
        require(scope, Action.PARTNER_MANAGE, None)
        with self._parts.database.transaction() as transaction:
            account = self._by_login(transaction, login)
            if account.id == scope.account:
                raise OwnAccount
            of_account = sa.select(identities.c.subject).where(identities.c.account == account.id)
            if transaction.row(of_account) is not None:
                raise AccountUnknown(login)
            self._parts.accounts.update(transaction, account.id, password_hash=None)
            self._factor.drop(transaction, account.id)
            self._shut_out(transaction, account.id)
            self._tell_account(transaction, scope, "account.reset", account.login)
            partner, role = next(iter(account.roles.items()), (None, None))
            request = InvitationRequest(account.login, account.title, account.kind, partner, role)
            return self._invite(transaction, scope, request, account)

    def accounts(self, scope: Scope) -> tuple[Account, ...]:
        """Return every account by login; for operators and auditors.

        Raises:
            NotPermitted: The caller is neither.
        """
        require(scope, Action.MEMBER_READ, None)
        with self._parts.database.reading() as transaction:
            return self._parts.accounts.all(transaction)

    def _change_password(self, scope: Scope, old: Sensitive[str], new: Sensitive[str]) -> None:
        account, hasher = self._own(scope), self._parts.lane.hasher
        self._take_turn(scope, OF_ACCOUNT)
        with self._parts.database.reading() as transaction:
            row = self._parts.accounts.row(transaction, account)
        fits, _ = hasher.verify(old, row["password_hash"] or hasher.decoy)
        if not fits or row["password_hash"] is None:
            self._wrong_password(scope, row)
        check_password(new, row["login"])
        kept = hasher.hash(new)
        with self._parts.database.transaction() as transaction:
            now_kept = self._parts.accounts.row(transaction, account)["password_hash"]
            if now_kept != row["password_hash"]:
                raise PasswordWrong
            self._parts.accounts.update(transaction, account, password_hash=kept)
            self._parts.throttle.forgive(transaction, OF_ACCOUNT, account)
            self._end_others(transaction, scope, account)
            self._tell_account(transaction, scope, "account.change_password", row["login"])

    def _wrong_password(self, scope: Scope, row: Row) -> None:
        with self._parts.database.transaction() as transaction:
            self._tell_account(transaction, scope, "account.refuse_password", row["login"])
        raise PasswordWrong

    def _end_others(self, transaction: Transaction, scope: Scope, account: str) -> None:
        self._parts.sessions.revoke_all(transaction, account, but=scope.session)
        transaction.change(sa.delete(half_sign_ins).where(half_sign_ins.c.account == account))

    def _own(self, scope: Scope) -> str:
        require(scope, Action.ACCOUNT_OWN, None)
        if scope.account is None:
            raise NotPermitted(Action.ACCOUNT_OWN)
        return scope.account

    def _take_turn(self, scope: Scope, *limits: Limit) -> None:
        account, now = self._own(scope), self._parts.clock.now()
        with self._parts.database.transaction() as transaction:
            turns = [
                (limit, self._parts.throttle.take(transaction, limit, account, now))
                for limit in limits
            ]
            # As at the sign-in, one row stands for all that follow.
            if any(turn is Turn.REFUSED_FIRST for _, turn in turns):
                self._tell_account(transaction, scope, "account.throttle", scope.actor)
        for limit, turn in turns:
            if turn is not Turn.TAKEN:
                raise refuse(limit)

    def _forgive(self, transaction: Transaction, account: str) -> None:
        for limit in (OF_CODES, OF_CODES_DAILY):
            self._parts.throttle.forgive(transaction, limit, account)

    def _by_id(self, transaction: Transaction, account: str) -> Account:
        found = self._parts.accounts.by_id(transaction, account)
        if found is None:
            raise AccountUnknown(account)
        return found

    def _by_login(self, transaction: Transaction, login: str) -> Account:
        found = self._parts.accounts.by_login(transaction, login)
        if found is None:
            raise AccountUnknown(login)
        return found

    def _tell_account(
        self,
        transaction: Transaction,
        scope: Scope,
        action: str,
        login: str,
        detail: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        about = f"account/{login}"
        self._parts.trail.record(transaction, scope, action, about, dict(detail))
