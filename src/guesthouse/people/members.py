"""The people of a partner."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa

from guesthouse.db import Transaction
from guesthouse.db.tables import device_logins, half_sign_ins, invitations
from guesthouse.kit.ids import new_id
from guesthouse.people.errors import MemberDeclared, MemberUnknown, PartnerUnknown
from guesthouse.people.invitations import InvitationUseCases
from guesthouse.people.model import (
    Account,
    Action,
    ActorKind,
    DeclaredMember,
    Member,
    MembershipOrigin,
    MemberState,
    Role,
)
from guesthouse.people.permissions import require
from guesthouse.people.rules import normal_login, normal_title
from guesthouse.people.scope import Scope
from guesthouse.people.store import Row


@dataclass(frozen=True)
class Ended:
    """What ended with somebody's stay; evidence for whoever asked for it."""

    logins: tuple[str, ...] = ()
    sessions: int = 0
    tokens: int = 0
    invitations: int = 0


class MemberUseCases(InvitationUseCases):
    """Looking at members, changing their roles, and seeing them out."""

    def members(self, scope: Scope, partner: str) -> tuple[Member, ...]:
        """Return members by login, then who is invited.

        Raises:
            PartnerUnknown: There is none, or not for this caller.
            NotPermitted: The caller may not see members.
        """
        require(scope, Action.MEMBER_READ, partner, missing=PartnerUnknown(partner))
        with self._parts.database.reading() as transaction:
            self._require_partner(transaction, partner)
            found = self._parts.accounts.of_partner(transaction, partner)
        waiting = reversed(self.invitations(scope, partner))
        return (
            *(_member(account, row) for account, row in found),
            *(
                Member(
                    login=each.login,
                    title=each.title,
                    role=each.role or Role.VIEWER,
                    state=MemberState.INVITED,
                    origin=MembershipOrigin.INVITATION,
                    invitation=each.id,
                    expires_at=each.expires_at,
                )
                for each in waiting
            ),
        )

    def set_role(self, scope: Scope, partner: str, login: str, role: Role) -> None:
        """Give a member another role; it counts from their next request on.

        Raises:
            PartnerUnknown: There is none, or not for this caller.
            MemberUnknown: The partner has no such member.
            MemberDeclared: The estate or the provider says which role they have.
            NotPermitted: The caller may not change members.
        """
        with self._parts.database.transaction() as transaction:
            account, row = self._found(transaction, scope, partner, login)
            origin = MembershipOrigin(row["origin"])
            if origin is not MembershipOrigin.INVITATION:
                raise MemberDeclared(account.login, origin)
            self._parts.accounts.join(transaction, account.id, partner, role=role, origin=origin)
            detail = {"before": row["role"], "after": role.value}
            self._tell(transaction, scope, "member.set_role", partner, login, detail)

    def remove(self, scope: Scope, partner: str, login: str) -> Ended:
        """See a member out of a partner; what they hold opens nothing of it from then on.

        Whoever is a member nowhere any more is signed out, and their tokens end.

        Raises:
            PartnerUnknown: There is none, or not for this caller.
            MemberUnknown: The partner has no such member.
            NotPermitted: The caller may not change members.
        """
        with self._parts.database.transaction() as transaction:
            account, _ = self._found(transaction, scope, partner, login)
            return self._see_out(transaction, scope, partner, account)

    def expel(self, scope: Scope, partner: str) -> Ended:
        """See everybody of a partner out, and end its invitations.

        Raises:
            PartnerUnknown: There is none, or not for this caller.
            NotPermitted: The caller is no operator.
        """
        with self._parts.database.transaction() as transaction:
            return self.expel_in(transaction, scope, partner, at=self._parts.clock.now())

    def expel_in(
        self, transaction: Transaction, scope: Scope, partner: str, *, at: dt.datetime
    ) -> Ended:
        """See everybody of a partner out in the caller's transaction, for offboarding.

        Accounts of members who have no other partner are disabled.

        Args:
            transaction: Carries everything.
            scope: Who does it.
            partner: Whose members.
            at: What accounts are noted to be disabled since.

        Raises:
            PartnerUnknown: There is none, or not for this caller.
            NotPermitted: The caller is no operator.
        """
        require(scope, Action.PARTNER_MANAGE, partner, missing=PartnerUnknown(partner))
        self._require_partner(transaction, partner)
        ended = []
        for account, _ in self._parts.accounts.of_partner(transaction, partner):
            ended.append(self._end(transaction, partner, account))
            if _has_only(account, partner) and account.disabled_at is None:
                self._parts.accounts.update(transaction, account.id, disabled_at=at)
        revoked = self._revoke(transaction, invitations.c.partner == partner)
        # Rows of the audit log last: who writes one keeps all others waiting until the end.
        for each in ended:
            self._tell_removed(transaction, scope, partner, each)
        total = Ended(
            logins=tuple(login for each in ended for login in each.logins),
            sessions=sum(each.sessions for each in ended),
            tokens=sum(each.tokens for each in ended),
            invitations=revoked + sum(each.invitations for each in ended),
        )
        detail = {"members": len(total.logins), "invitations": revoked}
        about = f"partner/{partner}"
        self._parts.trail.record(transaction, scope, "partner.expel", about, detail)
        return total

    def declare(
        self,
        transaction: Transaction,
        scope: Scope,
        partner: str,
        members: tuple[DeclaredMember, ...],
    ) -> None:
        """Make a partner's members those the estate declares; who was invited stays.

        A new account has no password: its person is invited, or comes by the provider.

        Args:
            transaction: The one that applies the estate.
            scope: Who applies it.
            partner: Whose members; its row is there already.
            members: All that are declared.

        Raises:
            NotPermitted: The caller may not apply the estate.
            LoginInvalid: A login is none.
        """
        require(scope, Action.ESTATE_APPLY, None)
        wanted = {normal_login(member.login): member for member in members}
        for account, row in self._parts.accounts.of_partner(transaction, partner):
            if row["origin"] == MembershipOrigin.ESTATE.value and account.login not in wanted:
                self._see_out(transaction, scope, partner, account)
        for login, member in wanted.items():
            self._declare(transaction, scope, partner, replace(member, login=login))

    def _declare(
        self, transaction: Transaction, scope: Scope, partner: str, member: DeclaredMember
    ) -> None:
        accounts = self._parts.accounts
        account = accounts.by_login(transaction, member.login)
        account = account or self._make_declared(transaction, member)
        row = accounts.membership(transaction, account.id, partner)
        origin = MembershipOrigin.ESTATE
        if row is not None and (row["role"], row["origin"]) == (member.role.value, origin.value):
            return
        accounts.join(transaction, account.id, partner, role=member.role, origin=origin)
        detail = {"role": member.role.value}
        self._tell(transaction, scope, "member.declare", partner, member.login, detail)

    def _make_declared(self, transaction: Transaction, member: DeclaredMember) -> Account:
        account = Account(
            id=new_id("acc", self._parts.clock),
            login=member.login,
            title=normal_title(member.title),
            kind=ActorKind.MEMBER,
            has_password=False,
            has_totp=False,
            is_declared=True,
            created_at=self._parts.clock.now(),
        )
        self._parts.accounts.insert(transaction, account)
        return account

    def _see_out(
        self, transaction: Transaction, scope: Scope, partner: str, account: Account
    ) -> Ended:
        ended = self._end(transaction, partner, account)
        self._tell_removed(transaction, scope, partner, ended)
        return ended

    def _end(self, transaction: Transaction, partner: str, account: Account) -> Ended:
        self._parts.accounts.leave(transaction, account.id, partner)
        columns, login = invitations.c, account.login
        # Somebody who leaves could have invited themselves under another name.
        theirs = sa.or_(columns.invited_by == login, columns.login == login)
        revoked = self._revoke(transaction, sa.and_(columns.partner == partner, theirs))
        is_out = _has_only(account, partner)
        sessions, tokens = self._shut_out(transaction, account.id) if is_out else (0, 0)
        return Ended((login,), sessions, tokens, revoked)

    def _tell_removed(
        self, transaction: Transaction, scope: Scope, partner: str, ended: Ended
    ) -> None:
        detail = {"sessions": ended.sessions, "tokens": ended.tokens}
        for login in ended.logins:
            self._tell(transaction, scope, "member.remove", partner, login, detail)

    def _shut_out(self, transaction: Transaction, account: str) -> tuple[int, int]:
        """End all an account is signed in with; return how many sessions and tokens ended."""
        for table in (half_sign_ins, device_logins):
            transaction.change(sa.delete(table).where(table.c.account == account))
        return (
            self._parts.sessions.revoke_all(transaction, account),
            self._parts.tokens.revoke_all(transaction, account),
        )

    def _found(
        self, transaction: Transaction, scope: Scope, partner: str, login: str
    ) -> tuple[Account, Row]:
        require(scope, Action.MEMBER_MANAGE, partner, missing=PartnerUnknown(partner))
        self._require_partner(transaction, partner)
        account = self._parts.accounts.by_login(transaction, login)
        if account is None:
            raise MemberUnknown(partner, login)
        row = self._parts.accounts.membership(transaction, account.id, partner)
        if row is None:
            raise MemberUnknown(partner, login)
        return account, row

    def _require_partner(self, transaction: Transaction, partner: str) -> None:
        if not self._parts.accounts.has_partner(transaction, partner):
            raise PartnerUnknown(partner)

    def _tell(
        self,
        transaction: Transaction,
        scope: Scope,
        action: str,
        partner: str,
        login: str,
        detail: Mapping[str, object],
    ) -> None:
        about = f"member/{partner}/{login}"
        self._parts.trail.record(transaction, scope, action, about, detail)


def _has_only(account: Account, partner: str) -> bool:
    """Whether somebody has nothing here but what they have with one partner."""
    return account.kind is ActorKind.MEMBER and not set(account.roles) - {partner}


def _member(account: Account, row: Row) -> Member:
    is_in = account.disabled_at is None
    return Member(
        login=account.login,
        title=account.title,
        role=Role(row["role"]),
        state=MemberState.ACTIVE if is_in else MemberState.DISABLED,
        origin=MembershipOrigin(row["origin"]),
        has_totp=account.has_totp,
    )
