"""What a partner holds, counted in the database; and the ends that no other feature makes."""

import datetime as dt
from collections.abc import Collection

import sqlalchemy as sa

from guesthouse.db import Transaction
from guesthouse.db.tables import (
    accounts,
    device_logins,
    environments,
    gateway_codes,
    gateway_sessions,
    invitations,
    memberships,
    partners,
    runs,
    sessions,
    tokens,
)
from guesthouse.environments.model import EnvironmentState
from guesthouse.environments.service import DESTROY
from guesthouse.estate.departure import Holdings, Leaver, LeavingEnvironment, LeavingRun
from guesthouse.people import ActorKind, Role, Scope
from guesthouse.people.store import Row
from guesthouse.runs import RunState
from guesthouse.stacks.model import Access

ENDING = EnvironmentState.ENDING.value


class HoldingStore:
    """What is there of a partner, whoever holds it; the service has seen that an operator asks."""

    def row(
        self, scope: Scope, transaction: Transaction, partner: str, *, for_update: bool
    ) -> Row | None:
        """Return a partner's row; to be changed, nobody else changes it until the end."""
        del scope
        statement = sa.select(partners).where(partners.c.name == partner)
        return transaction.row(statement.with_for_update() if for_update else statement)

    def set_offboarded(
        self,
        scope: Scope,
        transaction: Transaction,
        partner: str,
        *,
        at: dt.datetime | None,
        desired: object,
    ) -> None:
        """Write since when a partner is offboarded, and what is asked of it."""
        del scope
        statement = sa.update(partners).where(partners.c.name == partner)
        transaction.change(statement.values(offboarded_at=at, desired=desired))

    def holdings(
        self, scope: Scope, transaction: Transaction, partner: str, *, at: dt.datetime
    ) -> Holdings:
        """Return all a partner and its people hold at a time."""
        members = self._members(transaction, partner)
        leaving = [row["account"] for row, keeps in members if not keeps]
        names = self.environments(scope, transaction, partner)
        return Holdings(
            members=tuple(
                Leaver(row["login"], Role(row["role"]), keeps_account=keeps)
                for row, keeps in members
            ),
            sessions=_count(
                transaction, sessions.c.account.in_(leaving), sessions.c.revoked_at.is_(None)
            ),
            tokens=len(_tokens(transaction, partner, leaving)),
            invitations=_count(
                transaction, _is_open_invitation(partner), invitations.c.expires_at > at
            ),
            device_logins=_count(transaction, device_logins.c.account.in_(leaving)),
            gateway_sessions=_count(transaction, _at_routes(leaving, names)),
            environments=_environments(transaction, partner),
            runs=_runs(transaction, partner),
        )

    def hold(self, scope: Scope, transaction: Transaction, partner: str) -> None:
        """Wait until nobody else is at work on the partner's environments and open runs.

        Workers change a run, then write its audit row; who writes audit rows first and changes
        runs afterwards would wait for them, and they for us.
        """
        del scope
        for table, is_theirs in (
            (environments, environments.c.partner == partner),
            (runs, sa.and_(runs.c.partner == partner, runs.c.ended_at.is_(None))),
        ):
            first = next(iter(table.primary_key))
            statement = sa.select(first).where(is_theirs).order_by(first).with_for_update()
            transaction.rows(statement)

    def environments(
        self, scope: Scope, transaction: Transaction, partner: str
    ) -> tuple[str, ...]:
        """Return the names of a partner's environments, those on their way out among them."""
        del scope
        statement = sa.select(environments.c.name).where(environments.c.partner == partner)
        rows = transaction.rows(statement.order_by(environments.c.name))
        return tuple(row["name"] for row in rows)

    def end_invitations(
        self, scope: Scope, transaction: Transaction, partner: str, *, at: dt.datetime
    ) -> None:
        """End every invitation that was not taken, whatever its age by this clock."""
        del scope
        statement = sa.update(invitations).where(_is_open_invitation(partner))
        transaction.change(statement.values(revoked_at=at))

    def end_tokens(
        self, scope: Scope, transaction: Transaction, partner: str, *, at: dt.datetime
    ) -> None:
        """End every token that reaches this partner alone, and narrow those that reach more."""
        del scope
        for row in _tokens(transaction, partner, ()):
            statement = sa.update(tokens).where(tokens.c.id == row["id"])
            transaction.change(statement.values(revoked_at=at))
        for row in _narrowed_tokens(transaction, partner):
            kept = [name for name in row["partners"] if name != partner]
            statement = sa.update(tokens).where(tokens.c.id == row["id"])
            transaction.change(statement.values(partners=kept))

    def close_routes(
        self, scope: Scope, transaction: Transaction, names: Collection[str], leaving: Holdings
    ) -> None:
        """Forget every browser that is in at a route of these environments, or on its way in."""
        logins = [member.login for member in leaving.members if not member.keeps_account]
        of_logins = sa.select(accounts.c.id).where(accounts.c.login.in_(logins))
        ids = [row["id"] for row in transaction.rows(of_logins)]
        del scope
        transaction.change(sa.delete(gateway_sessions).where(_at_routes(ids, names)))
        transaction.change(
            sa.delete(gateway_codes).where(gateway_codes.c.environment.in_(sorted(names)))
        )

    def enable(self, scope: Scope, transaction: Transaction, *, disabled_at: dt.datetime) -> int:
        """Enable the accounts that an offboarding disabled; return how many."""
        del scope
        statement = sa.update(accounts).where(accounts.c.disabled_at == disabled_at)
        return transaction.change(statement.values(disabled_at=None))

    def _members(self, transaction: Transaction, partner: str) -> list[tuple[Row, bool]]:
        """Return each membership, and whether its account goes on without it."""
        other = (
            sa.select(memberships.c.account)
            .join(partners, partners.c.name == memberships.c.partner)
            .where(memberships.c.partner != partner, partners.c.offboarded_at.is_(None))
        )
        statement = (
            sa.select(
                memberships.c.account,
                memberships.c.role,
                accounts.c.login,
                accounts.c.kind,
                memberships.c.account.in_(other).label("has_other"),
            )
            .join(accounts, accounts.c.id == memberships.c.account)
            .where(memberships.c.partner == partner)
            .order_by(accounts.c.login)
        )
        return [
            (row, bool(row["has_other"]) or row["kind"] != ActorKind.MEMBER.value)
            for row in transaction.rows(statement)
        ]


def _count(transaction: Transaction, *where: sa.ColumnElement[bool]) -> int:
    return int(transaction.scalar(sa.select(sa.func.count()).where(*where)))


def _is_open_invitation(partner: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        invitations.c.partner == partner,
        invitations.c.used_at.is_(None),
        invitations.c.revoked_at.is_(None),
    )


def _tokens(transaction: Transaction, partner: str, owners: Collection[str]) -> list[Row]:
    """Return the tokens that end: those of accounts that end, and those for nothing else."""
    statement = sa.select(tokens).where(tokens.c.revoked_at.is_(None))
    return [
        row
        for row in transaction.rows(statement)
        if row["account"] in set(owners) or row["partners"] == [partner]
    ]


def _narrowed_tokens(transaction: Transaction, partner: str) -> list[Row]:
    statement = sa.select(tokens).where(tokens.c.revoked_at.is_(None))
    return [
        row
        for row in transaction.rows(statement.where(tokens.c.partners.is_not(None)))
        if partner in row["partners"] and row["partners"] != [partner]
    ]


def _at_routes(owners: Collection[str], names: Collection[str]) -> sa.ColumnElement[bool]:
    theirs = sa.select(sessions.c.id).where(sessions.c.account.in_(list(owners)))
    return sa.or_(
        gateway_sessions.c.environment.in_(sorted(names)), gateway_sessions.c.session.in_(theirs)
    )


def _environments(transaction: Transaction, partner: str) -> tuple[LeavingEnvironment, ...]:
    statement = sa.select(environments).where(
        environments.c.partner == partner, environments.c.state != ENDING
    )
    return tuple(
        LeavingEnvironment(
            row["name"],
            row["state"],
            routes=_addresses(row["lock"], asked=True),
            unasked_routes=_addresses(row["lock"], asked=False),
        )
        for row in transaction.rows(statement.order_by(environments.c.name))
    )


def _addresses(lock: Row | None, *, asked: bool) -> tuple[str, ...]:
    """Return addresses of routes: those the gateway asks us about, or those open to everybody."""
    routes = (lock or {}).get("routes", {}).values()
    platform = Access.PLATFORM.value
    return tuple(
        sorted(str(route["url"]) for route in routes if (route["access"] == platform) is asked)
    )


def _runs(transaction: Transaction, partner: str) -> tuple[LeavingRun, ...]:
    is_open = sa.or_(
        runs.c.state == RunState.QUEUED.value,
        sa.and_(runs.c.state == RunState.RUNNING.value, runs.c.cancel_requested.is_(False)),
    )
    statement = sa.select(runs).where(runs.c.partner == partner, runs.c.kind != DESTROY, is_open)
    return tuple(
        LeavingRun(row["id"], row["kind"], row["environment"], row["state"])
        for row in transaction.rows(statement.order_by(runs.c.id))
    )
