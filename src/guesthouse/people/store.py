"""The SQL of accounts and memberships.

Scopes are made of these rows, so no method here takes one; the use cases around it do.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from guesthouse.db import Transaction
from guesthouse.db.tables import accounts, identities, memberships, partners
from guesthouse.people.errors import PartnerOffboarded
from guesthouse.people.model import Account, ActorKind, MembershipOrigin, Role

Row = Mapping[str, Any]


class AccountStore:
    """Accounts with their memberships."""

    def by_id(self, transaction: Transaction, account: str) -> Account | None:
        """Return an account."""
        return self._one(transaction, accounts.c.id == account)

    def by_login(self, transaction: Transaction, login: str) -> Account | None:
        """Return the account of a login."""
        return self._one(transaction, accounts.c.login == login)

    def by_identity(self, transaction: Transaction, issuer: str, subject: str) -> Account | None:
        """Return the account that a provider's subject is."""
        found = transaction.scalar(
            sa.select(identities.c.account).where(
                identities.c.issuer == issuer, identities.c.subject == subject
            )
        )
        return None if found is None else self.by_id(transaction, found)

    def row(self, transaction: Transaction, account: str) -> Row:
        """Return all columns of an account, secrets as they are kept, locked until the end."""
        statement = sa.select(accounts).where(accounts.c.id == account).with_for_update()
        found = transaction.row(statement)
        if found is None:
            raise LookupError(account)
        return found

    def has_credentials(self, transaction: Transaction, account: Account) -> bool:
        """Whether somebody can come in with it already."""
        statement = sa.select(identities.c.subject).where(identities.c.account == account.id)
        return account.has_password or transaction.row(statement) is not None

    def insert(self, transaction: Transaction, account: Account) -> None:
        """Insert an account without its memberships."""
        transaction.insert(
            accounts,
            id=account.id,
            login=account.login,
            title=account.title,
            kind=account.kind.value,
            is_declared=account.is_declared,
            created_at=account.created_at,
        )

    def update(self, transaction: Transaction, account: str, /, **values: object) -> None:
        """Change columns of an account."""
        transaction.change(sa.update(accounts).where(accounts.c.id == account).values(**values))

    def identify(
        self, transaction: Transaction, account: str, *, issuer: str, subject: str
    ) -> None:
        """Note that a provider's subject is an account."""
        transaction.insert(identities, issuer=issuer, subject=subject, account=account)

    def of_partner(self, transaction: Transaction, partner: str) -> list[tuple[Account, Row]]:
        """Return the members of a partner by login, each with their membership."""
        statement = sa.select(memberships).where(memberships.c.partner == partner)
        found = [
            (self.by_id(transaction, row["account"]), row) for row in transaction.rows(statement)
        ]
        known = [(account, row) for account, row in found if account is not None]
        return sorted(known, key=lambda pair: pair[0].login)

    def membership(self, transaction: Transaction, account: str, partner: str) -> Row | None:
        """Return the membership of an account with a partner."""
        return transaction.row(sa.select(memberships).where(*_of(account, partner)))

    def join(
        self,
        transaction: Transaction,
        account: str,
        partner: str,
        *,
        role: Role,
        origin: MembershipOrigin,
    ) -> None:
        """Make an account a member in a role, or change its role."""
        values = {"role": role.value, "origin": origin.value}
        changed = transaction.change(
            sa.update(memberships).where(*_of(account, partner)).values(**values)
        )
        if not changed:
            transaction.insert(memberships, account=account, partner=partner, **values)

    def leave(self, transaction: Transaction, account: str, partner: str) -> None:
        """End a membership."""
        transaction.change(sa.delete(memberships).where(*_of(account, partner)))

    def has_partner(self, transaction: Transaction, partner: str) -> bool:
        """Whether there is such a partner."""
        statement = sa.select(partners.c.name).where(partners.c.name == partner)
        return transaction.row(statement) is not None

    def require_standing(
        self, transaction: Transaction, partner: str, *, is_held: bool = False
    ) -> None:
        """Make sure that things may be made for a partner.

        Args:
            transaction: What to read in.
            partner: Whose things.
            is_held: Whether an offboarding waits until the transaction ends, so that it finds what
                is made here. One that is at work is waited for.

        Raises:
            PartnerOffboarded: It was offboarded.
        """
        statement = sa.select(partners.c.offboarded_at).where(partners.c.name == partner)
        at = transaction.scalar(statement.with_for_update(read=True) if is_held else statement)
        if at is not None:
            raise PartnerOffboarded(partner, at)

    def all(self, transaction: Transaction) -> tuple[Account, ...]:
        """Return every account by login."""
        rows = transaction.rows(sa.select(accounts).order_by(accounts.c.login))
        roles: dict[str, dict[str, Role]] = {row["id"]: {} for row in rows}
        for each in transaction.rows(_standing().order_by(memberships.c.partner)):
            roles[each["account"]][each["partner"]] = Role(each["role"])
        return tuple(_account(row, roles[row["id"]]) for row in rows)

    def count(self, transaction: Transaction, kind: ActorKind) -> int:
        """Return how many accounts of a kind there are."""
        statement = sa.select(sa.func.count()).select_from(accounts)
        return int(transaction.scalar(statement.where(accounts.c.kind == kind.value)))

    def _one(self, transaction: Transaction, where: sa.ColumnElement[bool]) -> Account | None:
        row = transaction.row(sa.select(accounts).where(where))
        if row is None:
            return None
        statement = _standing().where(memberships.c.account == row["id"])
        found = transaction.rows(statement.order_by(memberships.c.partner))
        return _account(row, {each["partner"]: Role(each["role"]) for each in found})


def is_over(at: dt.datetime | None, now: dt.datetime) -> bool:
    """Whether an end has come; None never comes."""
    return at is not None and at <= now


def _standing() -> sa.Select[Any]:
    """Return what selects the memberships that count: none of a partner that was offboarded."""
    return (
        sa.select(memberships)
        .join(partners, partners.c.name == memberships.c.partner)
        .where(partners.c.offboarded_at.is_(None))
    )


def _of(account: str, partner: str) -> tuple[sa.ColumnElement[bool], ...]:
    return memberships.c.account == account, memberships.c.partner == partner


def _account(row: Row, roles: Mapping[str, Role]) -> Account:
    return Account(
        id=row["id"],
        login=row["login"],
        title=row["title"],
        kind=ActorKind(row["kind"]),
        has_password=row["password_hash"] is not None,
        has_totp=row["totp_sealed"] is not None,
        is_declared=row["is_declared"],
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
        roles=roles,
    )
