"""Accounts of people the company's OpenID provider vouches for, made and kept as their groups say.

Issuer and subject alone say whose account it is; no login and no address ever leads to one.
"""

import re

import sqlalchemy as sa

from guesthouse.db import Transaction
from guesthouse.db.tables import partners
from guesthouse.kit.ids import new_id
from guesthouse.people.codes import digest
from guesthouse.people.errors import ExternalLoginTaken
from guesthouse.people.groups import Grants
from guesthouse.people.model import (
    TITLE_LIMIT,
    Account,
    ExternalIdentity,
    MembershipOrigin,
)
from guesthouse.people.parts import PeopleParts
from guesthouse.people.rules import LOGIN, RESERVED
from guesthouse.people.scope import system_scope

NOT_IN_LOGINS = re.compile(r"[^a-z0-9._@+-]+")
LOGIN_LENGTH = 63
PROVIDER = MembershipOrigin.PROVIDER


class ExternalAccounts:
    """Brings accounts up to date with what the provider says; each change has its audit row."""

    def __init__(self, parts: PeopleParts) -> None:
        self._parts = parts

    def known(self, transaction: Transaction, identity: ExternalIdentity) -> Account | None:
        """Return the account of an identity, made or brought up to date; None for nobody.

        Raises:
            ExternalLoginTaken: It would be a new account, and somebody else has the login.
        """
        accounts = self._parts.accounts
        account = accounts.by_identity(transaction, identity.issuer, identity.subject)
        standing = sa.select(partners.c.name).where(partners.c.offboarded_at.is_(None))
        names = [row["name"] for row in transaction.rows(standing)]
        grants = self._parts.groups.of(identity.groups, names)
        if account is None and not grants.is_anything:
            return None
        if account is None:
            account = self._make(transaction, identity, grants)
        self._bring_up_to_date(transaction, account, grants)
        found = accounts.by_id(transaction, account.id)
        if found is not None and not grants.is_anything and not found.roles:
            # Whoever left every group is out in browsers and programs that are open still, too.
            self._parts.sessions.revoke_all(transaction, found.id)
            self._parts.tokens.revoke_all(transaction, found.id)
            return None if found.disabled_at is None else found
        return found

    def _make(
        self, transaction: Transaction, identity: ExternalIdentity, grants: Grants
    ) -> Account:
        accounts, login = self._parts.accounts, _login(identity)
        # An equal login proves nothing: to take one for the other would hand the account over.
        if accounts.by_login(transaction, login) is not None:
            raise ExternalLoginTaken(login)
        account = Account(
            id=new_id("acc", self._parts.clock),
            login=login,
            title=_title(identity, login),
            kind=grants.kind,
            has_password=False,
            has_totp=False,
            is_declared=False,
            created_at=self._parts.clock.now(),
        )
        accounts.insert(transaction, account)
        accounts.identify(
            transaction, account.id, issuer=identity.issuer, subject=identity.subject
        )
        detail = {
            "issuer": identity.issuer,
            "subject": identity.subject,
            "kind": grants.kind.value,
        }
        self._tell(transaction, "account.create", f"account/{login}", detail)
        return account

    def _bring_up_to_date(
        self, transaction: Transaction, account: Account, grants: Grants
    ) -> None:
        if account.kind is not grants.kind:
            kind = grants.kind.value
            self._parts.accounts.update(transaction, account.id, kind=kind)
            # Tokens of what they were before do not grow.
            ended = self._parts.tokens.revoke_all(transaction, account.id)
            detail = {"kind": kind, "before": account.kind.value, "tokens": str(ended)}
            self._tell(transaction, "account.set_kind", f"account/{account.login}", detail)
        for partner in sorted(set(account.roles) | set(grants.roles)):
            self._set(transaction, account, partner, grants)

    def _set(
        self, transaction: Transaction, account: Account, partner: str, grants: Grants
    ) -> None:
        """Give or take one membership; what an invitation or the estate gave is left alone."""
        accounts, role = self._parts.accounts, grants.roles.get(partner)
        row = accounts.membership(transaction, account.id, partner)
        if row is not None and row["origin"] != PROVIDER.value:
            return
        about = f"member/{partner}/{account.login}"
        if role is None:
            accounts.leave(transaction, account.id, partner)
            self._tell(transaction, "member.remove", about, {"origin": PROVIDER.value})
        elif row is None or row["role"] != role.value:
            accounts.join(transaction, account.id, partner, role=role, origin=PROVIDER)
            detail = {"role": role.value, "origin": PROVIDER.value}
            self._tell(transaction, "member.set_role", about, detail)

    def _tell(
        self, transaction: Transaction, action: str, about: str, detail: dict[str, str]
    ) -> None:
        self._parts.trail.record(transaction, system_scope(), action, about, detail)


def _login(identity: ExternalIdentity) -> str:
    wanted = NOT_IN_LOGINS.sub("-", identity.login.strip().lower())[:LOGIN_LENGTH]
    wanted = wanted.lstrip("._@+-")
    if LOGIN.fullmatch(wanted) and wanted not in RESERVED:
        return wanted
    return f"person-{digest(f'{identity.issuer} {identity.subject}')[:12]}"


def _title(identity: ExternalIdentity, login: str) -> str:
    text = "".join(letter for letter in identity.title if letter.isprintable())
    return " ".join(text.split())[:TITLE_LIMIT] or login
