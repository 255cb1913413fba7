"""Offboarding: show what ends with a partner, end it in one transaction, and prove that it did."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from guesthouse import audit
from guesthouse.db import Database, Transaction
from guesthouse.environments.service import EnvironmentService
from guesthouse.estate.departure import (
    Departure,
    Holdings,
    Offboarded,
    PartnerStands,
    SnapshotImpossible,
    StillLeaving,
    evidence_of,
)
from guesthouse.estate.holdings import HoldingStore
from guesthouse.estate.store import ADDED, LEAVING, EstateStore
from guesthouse.kit.clock import Clock
from guesthouse.people import Action, Scope, require
from guesthouse.people.accounts import AccountService
from guesthouse.people.errors import PartnerUnknown
from guesthouse.people.store import Row
from guesthouse.runs import Run, RunService


class OffboardService:
    """Sees a partner out, and lets it come back."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        accounts: AccountService,
        environments: EnvironmentService,
        runs: RunService,
    ) -> None:
        self._database = database
        self._clock = clock
        self._accounts = accounts
        self._environments = environments
        self._runs = runs
        self._store = HoldingStore()
        self._estate = EstateStore()

    def plan(self, scope: Scope, partner: str) -> Departure:
        """Return what an offboarding would end; of one that is over, what is left.

        Raises:
            PartnerUnknown: There is none, or not for this caller.
            NotPermitted: The caller is no operator.
        """
        _require(scope, partner)
        with self._database.reading() as transaction:
            row = self._found(scope, transaction, partner, for_update=False)
            now = self._clock.now()
            holdings = self._store.holdings(scope, transaction, partner, at=now)
            standing = {environment.name for environment in holdings.environments}
            names = self._store.environments(scope, transaction, partner)
        return Departure(
            partner=partner,
            title=str(row["desired"].get("title", "")),
            is_declared=_is_declared(row),
            offboarded_at=row["offboarded_at"],
            holdings=holdings,
            waiting=tuple(name for name in names if name not in standing),
        )

    def offboard(self, scope: Scope, partner: str, *, keep_snapshot: bool = False) -> Offboarded:
        """Let nobody of a partner in any more, and end all it holds.

        1. From the first write on its memberships count nowhere, and nothing is made for it.
        2. Members leave; accounts with no other partner are disabled, their sessions and tokens
           end. Tokens that reach this partner alone end, whoever's they are.
        3. Its runs are cancelled; its environments are marked as ending, so gateways refuse them
           once their kept answers are too old, and runs are queued that destroy them.
        4. All of it is looked for anew, and what was not found any more is the evidence.

        It happens in one transaction, whole or not at all. Done again, it ends what is there by
        then, such as an environment whose destruction failed.

        Args:
            scope: An operator's.
            partner: Who leaves.
            keep_snapshot: Refused where true, since nothing could be kept.

        Raises:
            PartnerUnknown: There is none, or not for this caller.
            NotPermitted: The caller is no operator.
            SnapshotImpossible: A snapshot was asked for.
        """
        _require(scope, partner)
        now = self._clock.now()
        with self._database.transaction() as transaction:
            # An apply that is at work is waited for, and finds the partner gone afterwards.
            self._estate.take_turns(scope, transaction)
            row = self._found(scope, transaction, partner)
            if keep_snapshot:
                raise SnapshotImpossible(partner)
            since = row["offboarded_at"] or now
            self._store.set_offboarded(
                scope, transaction, partner, at=since, desired=row["desired"]
            )
            self._store.hold(scope, transaction, partner)
            before = self._store.holdings(scope, transaction, partner, at=now)
            runs = self._end(transaction, scope, partner, before, since)
            left = self._store.holdings(scope, transaction, partner, at=now)
            evidence = evidence_of(before, left, runs, now)
            if row["offboarded_at"] is None or not before.is_empty:
                detail = {"evidence": [each.sentence for each in evidence]}
                self._record(transaction, scope, "partner.offboard", partner, detail)
            noted = str(audit.newest(transaction))
        return Offboarded(
            partner, since, evidence, runs, left, is_declared=_is_declared(row), noted=noted
        )

    def readmit(self, scope: Scope, partner: str) -> int:
        """Let a partner come back; nothing of what it held does.

        Accounts that its offboarding disabled are enabled, but are members nowhere: whoever shall
        come in is invited or declared anew. A partner that the estate names no more counts as
        added by hand.

        Returns:
            How many accounts were enabled.

        Raises:
            PartnerUnknown: There is none, or not for this caller.
            PartnerStands: It was not offboarded.
            StillLeaving: Its environments are not gone yet.
            NotPermitted: The caller is no operator.
        """
        _require(scope, partner)
        with self._database.transaction() as transaction:
            self._estate.take_turns(scope, transaction)
            row = self._found(scope, transaction, partner)
            since = row["offboarded_at"]
            if since is None:
                raise PartnerStands(partner)
            waiting = self._store.environments(scope, transaction, partner)
            if waiting:
                raise StillLeaving(partner, waiting)
            desired = dict(row["desired"])
            if desired.pop(LEAVING, None) is not None:
                desired[ADDED] = True
            self._store.set_offboarded(scope, transaction, partner, at=None, desired=desired)
            enabled = self._store.enable(scope, transaction, disabled_at=since)
            self._record(transaction, scope, "partner.readmit", partner, {"enabled": enabled})
        return enabled

    def _end(
        self,
        transaction: Transaction,
        scope: Scope,
        partner: str,
        holdings: Holdings,
        since: dt.datetime,
    ) -> tuple[Run, ...]:
        """End all there is, and return the runs that destroy what is on instances."""
        names, now = self._store.environments(scope, transaction, partner), self._clock.now()
        # Whatever writes audit rows comes last: who writes one keeps all others waiting.
        self._store.close_routes(scope, transaction, names, holdings)
        self._store.end_tokens(scope, transaction, partner, at=now)
        if holdings.members or holdings.invitations:
            self._accounts.expel_in(transaction, scope, partner, at=since)
        self._store.end_invitations(scope, transaction, partner, at=now)
        for run in holdings.runs:
            self._runs.cancel_in(transaction, scope, run.id)
        return tuple(
            self._environments.destroy_in(transaction, scope, environment.name)
            for environment in holdings.environments
        )

    def _found(
        self, scope: Scope, transaction: Transaction, partner: str, *, for_update: bool = True
    ) -> Row:
        row = self._store.row(scope, transaction, partner, for_update=for_update)
        if row is None:
            raise PartnerUnknown(partner)
        return row

    def _record(
        self,
        transaction: Transaction,
        scope: Scope,
        action: str,
        partner: str,
        detail: Mapping[str, Any],
    ) -> None:
        audit.record(transaction, scope, action, f"partner/{partner}", detail, self._clock)


def _require(scope: Scope, partner: str) -> None:
    require(scope, Action.PARTNER_MANAGE, partner, missing=PartnerUnknown(partner))


def _is_declared(row: Row) -> bool:
    return not {ADDED, LEAVING} & set(row["desired"])
