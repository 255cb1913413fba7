"""How somebody comes in: an invitation is good once, and not for long."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from guesthouse.db import Transaction
from guesthouse.db.tables import invitations
from guesthouse.kit.ids import new_id
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.codes import digest, new_secret
from guesthouse.people.errors import (
    AccountExists,
    InvitationForeign,
    InvitationInvalid,
    InvitationSpent,
    LoginInvalid,
    PartnerOffboarded,
    PartnerUnknown,
)
from guesthouse.people.model import (
    Account,
    Action,
    ActorKind,
    Invitation,
    InvitationRequest,
    Invited,
    MembershipOrigin,
    Role,
    Verdict,
)
from guesthouse.people.parts import PeopleParts
from guesthouse.people.permissions import decide, require
from guesthouse.people.rules import RESERVED, check_password, normal_login, normal_title
from guesthouse.people.scope import Scope, account_scope
from guesthouse.people.sessions import SET_BACK
from guesthouse.people.store import Row

INVITED_KINDS = frozenset({ActorKind.OPERATOR, ActorKind.AUDITOR, ActorKind.MEMBER})
LONGEST = dt.timedelta(days=30)


class InvitationUseCases:
    """Inviting, and taking an invitation."""

    def __init__(self, parts: PeopleParts) -> None:
        self._parts = parts

    def invite(self, scope: Scope, request: InvitationRequest) -> Invited:
        """Invite somebody; the code is shown once.

        Whether the login has an account already, who invites is not told.

        Args:
            scope: A manager of the partner, or an operator.
            request: Who shall come in as what.

        Raises:
            PartnerUnknown: There is none, or not for this caller.
            PartnerOffboarded: Nobody of it is let in any more.
            NotPermitted: The caller may not invite to that.
            InvitationInvalid: Kind, partner and role do not go together.
            LoginInvalid: The login is none.
        """
        request = _checked(request)
        self._require_inviter(scope, request)
        with self._parts.database.transaction() as transaction:
            partner = request.partner
            if partner is not None and not self._parts.accounts.has_partner(transaction, partner):
                raise PartnerUnknown(partner)
            if partner is not None:
                self._parts.accounts.require_standing(transaction, partner, is_held=True)
            account = self._parts.accounts.by_login(transaction, request.login)
            may_set = account is not None and self._may_set_password(transaction, scope, account)
            return self._invite(transaction, scope, request, account if may_set else None)

    def invitation(self, code: str) -> Invitation:
        """Return what an invitation is for, to whoever holds its code.

        Raises:
            InvitationSpent: It is none, or none any more.
        """
        with self._parts.database.reading() as transaction:
            row = self._valid(transaction, code)
            return _invitation(row, needs_sign_in=self._needs_sign_in(transaction, row))

    async def accept(self, code: str, password: Sensitive[str]) -> Account:
        """Take an invitation: make the account and set its first password.

        Raises:
            InvitationSpent: It is none, or none any more.
            AccountExists: The login is somebody's who comes in already; they join instead.
            PasswordWeak: The password may not be taken.
            TooManyAttempts: Too many passwords are waiting to be hashed.
        """
        return await self._parts.lane.run(self._accept, code, password)

    def join(self, scope: Scope, code: str) -> Account:
        """Take an invitation with an account one has already.

        Raises:
            InvitationSpent: It is none, or none any more.
            InvitationForeign: It is for another login.
            NotPermitted: The caller has no account, or acts by a token.
        """
        require(scope, Action.ACCOUNT_OWN, None)
        with self._parts.database.transaction() as transaction:
            row = self._valid(transaction, code)
            account = self._parts.accounts.by_login(transaction, row["login"])
            if account is None or account.id != scope.account:
                raise InvitationForeign
            self._hold(transaction, row)
            self._spend(transaction, row)
            return self._admit(transaction, account, row)

    def invitations(self, scope: Scope, partner: str | None = None) -> tuple[Invitation, ...]:
        """Return open invitations, newest first.

        Args:
            scope: Who asks.
            partner: Only to this partner; None is all the caller may see.

        Raises:
            PartnerUnknown: The partner is not for this caller.
            NotPermitted: The caller may not see members.
        """
        if partner is not None:
            require(scope, Action.MEMBER_READ, partner, missing=PartnerUnknown(partner))
        statement = sa.select(invitations).where(*self._open())
        if partner is not None:
            statement = statement.where(invitations.c.partner == partner)
        with self._parts.database.reading() as transaction:
            rows = transaction.rows(statement.order_by(invitations.c.id.desc()))
        return tuple(
            _invitation(row)
            for row in rows
            if decide(scope, Action.MEMBER_READ, row["partner"]) is Verdict.ALLOWED
        )

    def revoke_invitation(self, scope: Scope, invitation_id: str) -> None:
        """End an invitation nobody has taken yet.

        Raises:
            InvitationSpent: There is none, or not for this caller.
            NotPermitted: The caller sees it but may not end it.
        """
        statement = sa.select(invitations).where(invitations.c.id == invitation_id)
        with self._parts.database.transaction() as transaction:
            row = transaction.row(statement.where(*self._open()))
            if row is None:
                raise InvitationSpent
            action = _needed(ActorKind(row["kind"]))
            require(scope, action, row["partner"], missing=InvitationSpent())
            self._revoke(transaction, invitations.c.id == invitation_id)
            self._record(transaction, scope, "invitation.revoke", row)

    def _require_inviter(self, scope: Scope, request: InvitationRequest) -> None:
        partner = request.partner
        missing = None if partner is None else PartnerUnknown(partner)
        require(scope, _needed(request.kind), partner, missing=missing)

    def _invite(
        self,
        transaction: Transaction,
        scope: Scope,
        request: InvitationRequest,
        account: Account | None,
    ) -> Invited:
        code, now = new_secret(), self._parts.clock.now()
        values = {
            "id": new_id("inv", self._parts.clock),
            "login": request.login,
            "title": request.title,
            "kind": request.kind.value,
            "partner": request.partner,
            "role": None if request.role is None else request.role.value,
            "account": None if account is None else account.id,
            "invited_by": scope.actor,
            "created_at": now,
            "expires_at": now + min(request.lifetime, LONGEST),
        }
        transaction.insert(invitations, digest=digest(code.reveal()), **values)
        self._record(transaction, scope, "invitation.create", values)
        return Invited(code, _invitation(values))

    def _may_set_password(self, transaction: Transaction, scope: Scope, account: Account) -> bool:
        """Whether who invites may decide on all an account without credentials has.

        Otherwise a manager could take a person over whom the estate declares for other partners.
        """
        if self._parts.accounts.has_credentials(transaction, account):
            return False
        if account.kind is not ActorKind.MEMBER or account.disabled_at is not None:
            return decide(scope, Action.PARTNER_MANAGE, None) is Verdict.ALLOWED
        verdicts = (decide(scope, Action.MEMBER_MANAGE, partner) for partner in account.roles)
        return all(verdict is Verdict.ALLOWED for verdict in verdicts)

    def _needs_sign_in(self, transaction: Transaction, row: Row) -> bool:
        account = self._parts.accounts.by_login(transaction, row["login"])
        if account is None:
            return False
        may_set = row["account"] == account.id
        return not may_set or self._parts.accounts.has_credentials(transaction, account)

    def _accept(self, code: str, password: Sensitive[str]) -> Account:
        parts = self._parts
        with parts.database.reading() as transaction:
            row = self._valid(transaction, code)
        check_password(password, row["login"])
        kept = parts.lane.hasher.hash(password)
        try:
            with parts.database.transaction() as transaction:
                row = self._valid(transaction, code)
                if self._needs_sign_in(transaction, row):
                    raise AccountExists(row["login"])
                self._hold(transaction, row)
                self._spend(transaction, row)
                account = parts.accounts.by_login(transaction, row["login"])
                account = account or self._make(transaction, row)
                parts.accounts.update(transaction, account.id, password_hash=kept)
                return self._admit(transaction, account, row)
        except IntegrityError as exc:
            # Another invitation to the same login was taken in the same moment.
            raise AccountExists(row["login"]) from exc

    def _make(self, transaction: Transaction, row: Row) -> Account:
        account = Account(
            id=new_id("acc", self._parts.clock),
            login=row["login"],
            title=row["title"],
            kind=ActorKind(row["kind"]),
            has_password=False,
            has_totp=False,
            is_declared=False,
            created_at=self._parts.clock.now(),
        )
        self._parts.accounts.insert(transaction, account)
        return account

    def _admit(self, transaction: Transaction, account: Account, row: Row) -> Account:
        """Give an account what its invitation is for."""
        accounts, kind = self._parts.accounts, ActorKind(row["kind"])
        if kind is not ActorKind.MEMBER:
            self._set_kind(transaction, account, kind)
        elif accounts.membership(transaction, account.id, row["partner"]) is None:
            # What the estate or the provider says of a member stays.
            role, origin = Role(row["role"]), MembershipOrigin.INVITATION
            accounts.join(transaction, account.id, row["partner"], role=role, origin=origin)
        found = accounts.by_id(transaction, account.id)
        if found is None:
            raise InvitationSpent
        self._record(transaction, account_scope(found), "invitation.accept", row)
        return found

    def _set_kind(self, transaction: Transaction, account: Account, kind: ActorKind) -> None:
        """Make somebody an operator or auditor; tokens of what they were before do not grow."""
        if account.kind is kind:
            return
        self._parts.accounts.update(transaction, account.id, kind=kind.value)
        ended = self._parts.tokens.revoke_all(transaction, account.id)
        detail = {"kind": kind.value, "before": account.kind.value, "tokens": ended}
        about, scope = f"account/{account.login}", account_scope(account)
        self._parts.trail.record(transaction, scope, "account.set_kind", about, detail)

    def _hold(self, transaction: Transaction, row: Row) -> None:
        """Let nobody in whose partner is being offboarded: they would come back with it.

        Before the invitation is spent: an offboarding takes these rows in the same order.
        """
        if row["partner"] is None:
            return
        try:
            self._parts.accounts.require_standing(transaction, row["partner"], is_held=True)
        except PartnerOffboarded as exc:
            raise InvitationSpent from exc

    def _spend(self, transaction: Transaction, row: Row) -> None:
        statement = sa.update(invitations).where(invitations.c.id == row["id"], *self._open())
        if transaction.change(statement.values(used_at=self._parts.clock.now())) != 1:
            raise InvitationSpent

    def _revoke(self, transaction: Transaction, where: sa.ColumnElement[bool]) -> int:
        statement = sa.update(invitations).where(where, *self._open())
        return transaction.change(statement.values(revoked_at=self._parts.clock.now()))

    def _valid(self, transaction: Transaction, code: str) -> Row:
        statement = sa.select(invitations).where(invitations.c.digest == digest(code))
        row = transaction.row(statement.where(*self._open()))
        if row is None:
            raise InvitationSpent
        return row

    def _open(self) -> tuple[sa.ColumnElement[bool], ...]:
        """Return what selects the invitations that are good still."""
        now, columns = self._parts.clock.now(), invitations.c
        return (
            columns.used_at.is_(None),
            columns.revoked_at.is_(None),
            columns.expires_at > now,
            # A clock that was set back keeps none alive.
            columns.created_at <= now + SET_BACK,
        )

    def _record(self, transaction: Transaction, scope: Scope, action: str, row: Row) -> None:
        where = [row["partner"], row["id"]] if row["partner"] else [row["id"]]
        detail = {name: row[name] for name in ("login", "kind", "role")}
        about = "/".join(("invitation", *where))
        self._parts.trail.record(transaction, scope, action, about, detail)


def _needed(kind: ActorKind) -> Action:
    return Action.MEMBER_MANAGE if kind is ActorKind.MEMBER else Action.PARTNER_MANAGE


def _checked(request: InvitationRequest) -> InvitationRequest:
    """Return a request as it is kept.

    Raises:
        InvitationInvalid: Kind, partner and role do not go together.
        LoginInvalid: The login is none, or one of ours.
        TitleInvalid: The title is none.
    """
    is_member = request.kind is ActorKind.MEMBER
    complete = (request.partner is not None, request.role is not None) == (is_member, is_member)
    if request.kind not in INVITED_KINDS or not complete or request.lifetime <= dt.timedelta():
        raise InvitationInvalid
    login = normal_login(request.login)
    if login in RESERVED and request.kind is not ActorKind.OPERATOR:
        raise LoginInvalid(login)
    return InvitationRequest(
        login=login,
        title=normal_title(request.title),
        kind=request.kind,
        partner=request.partner,
        role=request.role,
        lifetime=request.lifetime,
    )


def _invitation(row: Row, *, needs_sign_in: bool = False) -> Invitation:
    return Invitation(
        id=row["id"],
        login=row["login"],
        title=row["title"],
        kind=ActorKind(row["kind"]),
        partner=row["partner"],
        role=None if row["role"] is None else Role(row["role"]),
        invited_by=row["invited_by"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        needs_sign_in=needs_sign_in,
    )
