"""Offboarding: what would end with a partner, and its end."""

import datetime as dt

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from guesthouse.api.guard import GuardedRoute
from guesthouse.api.views import RunView, run_view
from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.estate.departure import Departure, Holdings, Offboarded
from guesthouse.people import Action, Role

router = APIRouter(prefix="/partners/{name}", tags=["people"], route_class=GuardedRoute)


class OffboardRequest(BaseModel):
    """How to offboard."""

    model_config = ConfigDict(extra="forbid")

    keep_snapshot: bool = Field(
        default=False, description="Refused where true: there are no snapshots yet."
    )


class LeaverView(BaseModel):
    """A member who is seen out."""

    login: str
    role: Role
    keeps_account: bool = Field(description="Whether they go on signing in, to something else.")


class LeavingEnvironmentView(BaseModel):
    """An environment that ends."""

    name: str
    state: str
    routes: list[str] = Field(description="Addresses that refuse everybody within 5 seconds.")
    unasked_routes: list[str] = Field(
        description="Addresses open to everybody; they answer until they are destroyed."
    )


class LeavingRunView(BaseModel):
    """A run that is cancelled."""

    id: str
    kind: str
    environment: str | None
    state: str


class HoldingsView(BaseModel):
    """All that a partner and its people hold."""

    members: list[LeaverView]
    sessions: int
    tokens: int
    invitations: int
    device_logins: int
    gateway_sessions: int
    environments: list[LeavingEnvironmentView]
    runs: list[LeavingRunView]


class DepartureView(BaseModel):
    """A partner, and what ends when it is offboarded."""

    partner: str
    title: str
    is_declared: bool = Field(description="Whether the estate declares it.")
    offboarded_at: dt.datetime | None
    ends: HoldingsView
    waiting: list[str] = Field(description="Environments that are being destroyed.")


class EvidenceView(BaseModel):
    """One thing that has ended."""

    sentence: str
    count: int
    at: dt.datetime


class OffboardedView(BaseModel):
    """What an offboarding did."""

    partner: str
    offboarded_at: dt.datetime
    evidence: list[EvidenceView]
    runs: list[RunView] = Field(description="They destroy its environments from here.")
    left: HoldingsView = Field(description="What was found when all was looked for anew.")
    is_declared: bool = Field(description="Whether its file has to go from the estate, too.")
    noted: str = Field(description="Mark of the audit row, for `audit verify --noted`.")


class ReadmittedView(BaseModel):
    """A partner that may come back."""

    partner: str
    enabled: int = Field(description="Accounts that may sign in again; they are members nowhere.")


@router.get("/offboard")
@admits(Access.SIGNED_IN, Action.PARTNER_MANAGE)
def plan(services: Provided, caller: Caller, name: str) -> DepartureView:
    """Show what offboarding a partner would end; of one that is over, what is left."""
    return departure_view(services.offboarding.plan(caller, name))


@router.post("/offboard")
@admits(Access.SIGNED_IN, Action.PARTNER_MANAGE)
def offboard(
    services: Provided, caller: Caller, name: str, request: OffboardRequest | None = None
) -> OffboardedView:
    """Let nobody of a partner in any more, end all it holds, and prove it."""
    keep = request is not None and request.keep_snapshot
    return offboarded_view(services.offboarding.offboard(caller, name, keep_snapshot=keep))


@router.post("/readmit")
@admits(Access.SIGNED_IN, Action.PARTNER_MANAGE)
def readmit(services: Provided, caller: Caller, name: str) -> ReadmittedView:
    """Let a partner come back that was offboarded; its people are invited anew."""
    return ReadmittedView(partner=name, enabled=services.offboarding.readmit(caller, name))


def departure_view(departure: Departure) -> DepartureView:
    """Return a plan as it looks on the wire."""
    return DepartureView(
        partner=departure.partner,
        title=departure.title,
        is_declared=departure.is_declared,
        offboarded_at=departure.offboarded_at,
        ends=_holdings(departure.holdings),
        waiting=list(departure.waiting),
    )


def offboarded_view(done: Offboarded) -> OffboardedView:
    """Return what was done as it looks on the wire."""
    return OffboardedView(
        partner=done.partner,
        offboarded_at=done.offboarded_at,
        evidence=[EvidenceView(**vars(each)) for each in done.evidence],
        runs=[run_view(run) for run in done.runs],
        left=_holdings(done.left),
        is_declared=done.is_declared,
        noted=done.noted,
    )


def _holdings(holdings: Holdings) -> HoldingsView:
    return HoldingsView(
        members=[LeaverView(**vars(member)) for member in holdings.members],
        sessions=holdings.sessions,
        tokens=holdings.tokens,
        invitations=holdings.invitations,
        device_logins=holdings.device_logins,
        gateway_sessions=holdings.gateway_sessions,
        environments=[
            LeavingEnvironmentView(
                name=environment.name,
                state=environment.state,
                routes=list(environment.routes),
                unasked_routes=list(environment.unasked_routes),
            )
            for environment in holdings.environments
        ],
        runs=[LeavingRunView(**vars(run)) for run in holdings.runs],
    )
