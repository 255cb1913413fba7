"""What ends when a partner leaves, and the evidence that it did. Pure values and their words."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from guesthouse.errors import Conflict, Invalid
from guesthouse.people import Role
from guesthouse.runs import Run


@dataclass(frozen=True)
class Leaver:
    """A member who is seen out."""

    login: str
    role: Role
    keeps_account: bool
    """Whether they go on signing in: a member elsewhere too, or no member at all."""


@dataclass(frozen=True)
class LeavingEnvironment:
    """An environment that ends."""

    name: str
    state: str
    routes: tuple[str, ...]
    """Addresses whose gateway asks who passes: nobody does any more."""
    unasked_routes: tuple[str, ...] = ()
    """Addresses open to everybody; they answer until the environment is destroyed."""


@dataclass(frozen=True)
class LeavingRun:
    """A run that is cancelled."""

    id: str
    kind: str
    environment: str | None
    state: str


@dataclass(frozen=True)
class Holdings:
    """All that a partner and its people hold at one moment."""

    members: tuple[Leaver, ...] = ()
    sessions: int = 0
    """Browsers signed in by accounts that end with it."""
    tokens: int = 0
    """Tokens of those accounts, and whoever's that reach this partner alone."""
    invitations: int = 0
    device_logins: int = 0
    """Programs that one of those accounts has let in and that have not fetched their token."""
    gateway_sessions: int = 0
    """Browsers that are in at a route of its environments, or at any by those accounts."""
    environments: tuple[LeavingEnvironment, ...] = ()
    """Those that are not being destroyed already."""
    runs: tuple[LeavingRun, ...] = ()
    """Those queued or at work, but for those that destroy."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to end."""
        return self == Holdings()


@dataclass(frozen=True)
class Departure:
    """A partner, and what ends when it is offboarded."""

    partner: str
    title: str
    is_declared: bool
    """Whether the estate declares it; its file has to go, too."""
    offboarded_at: dt.datetime | None
    """None while it is welcome."""
    holdings: Holdings
    waiting: tuple[str, ...]
    """Environments that are being destroyed and are not gone yet."""


@dataclass(frozen=True)
class Evidence:
    """One thing that has ended."""

    sentence: str
    count: int
    at: dt.datetime


@dataclass(frozen=True)
class Offboarded:
    """What an offboarding did."""

    partner: str
    offboarded_at: dt.datetime
    """When it was offboarded first."""
    evidence: tuple[Evidence, ...]
    runs: tuple[Run, ...]
    """They destroy its environments from here."""
    left: Holdings
    """What was found when all was looked for anew, after the last change; empty, or it lies."""
    is_declared: bool
    noted: str
    """Mark of the audit row that tells of it, for `guesthouse audit verify --noted`."""


class SnapshotImpossible(Invalid):
    """A snapshot was asked for, and there are none."""

    def __init__(self, partner: str) -> None:
        super().__init__(
            "a snapshot can't be kept: this version makes none, and its environments are "
            "destroyed with their data",
            next_step=f"save what is needed, then: guesthouse partner offboard {partner}",
        )


class PartnerStands(Conflict):
    """It was not offboarded, so there is nothing to take back."""

    def __init__(self, partner: str) -> None:
        super().__init__(
            f"partner {partner} was not offboarded",
            next_step=f"guesthouse partner show {partner}",
        )


class StillLeaving(Conflict):
    """It was offboarded, and its environments are not gone yet."""

    def __init__(self, partner: str, environments: Sequence[str]) -> None:
        super().__init__(
            f"environments of {partner} are not gone yet: {', '.join(environments)}",
            next_step="wait for the runs that destroy them: guesthouse run list",
        )


def evidence_of(
    before: Holdings, after: Holdings, runs: Sequence[Run], at: dt.datetime
) -> tuple[Evidence, ...]:
    """Return a sentence for each kind of thing that has ended, also where there was none.

    Args:
        before: What there was.
        after: What was found afterwards.
        runs: Those that destroy its environments.
        at: When.
    """
    return tuple(
        Evidence(sentence, count, at) for sentence, count in _sentences(before, after, runs)
    )


def _sentences(
    before: Holdings, after: Holdings, runs: Sequence[Run]
) -> Iterator[tuple[str, int]]:
    logins = [member.login for member in before.members]
    disabled = [member.login for member in before.members if not member.keeps_account]
    ending = [environment.name for environment in before.environments]
    routes = [address for environment in before.environments for address in environment.routes]
    cancelled = [run.id for run in before.runs]
    yield _was(len(logins) - len(after.members), "member", "seen out", logins)
    yield _was(len(disabled), "account", "disabled", disabled)
    yield _was(before.sessions - after.sessions, "session", "ended")
    yield _was(before.tokens - after.tokens, "token", "revoked")
    yield _was(before.invitations - after.invitations, "invitation", "revoked")
    waiting = before.device_logins - after.device_logins
    yield _was(waiting, "sign-in of a program", "ended", many="sign-ins of programs")
    gateway = before.gateway_sessions - after.gateway_sessions
    yield _was(gateway, "browser", "signed out of routes")
    yield _was(len(cancelled) - len(after.runs), "run", "cancelled", cancelled)
    yield _was(len(ending) - len(after.environments), "environment", "ended", ending)
    yield _was(len(routes), "route", "closed to everybody within 5 seconds", routes)
    ids = [run.id for run in runs]
    yield _was(len(ids), "run", "queued to destroy what is on instances", ids)
    yield from _unasked(before)


def _unasked(before: Holdings) -> Iterator[tuple[str, int]]:
    found = [
        address for environment in before.environments for address in environment.unasked_routes
    ]
    if found:
        noun = "route asks" if len(found) == 1 else "routes ask"
        named = ", ".join(found)
        yield f"{len(found)} {noun} nobody and answers until it is destroyed: {named}", len(found)


def _was(
    count: int, noun: str, done: str, names: Sequence[str] = (), *, many: str = ""
) -> tuple[str, int]:
    what = f"{noun} was" if count == 1 else f"{many or noun + 's'} were"
    named = f": {', '.join(names)}" if names else ""
    return f"{count} {what} {done}{named}", count
