"""The estate: plan, apply."""

from typing import Annotated

from fastapi import APIRouter, status
from pydantic import BaseModel, ConfigDict, Field

from guesthouse.api.guard import GuardedRoute
from guesthouse.api.views import AppliedView, PlanView, plan_view, run_view
from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.people.permissions import Action

router = APIRouter(prefix="/estate", tags=["estate"], route_class=GuardedRoute)

Documents = Annotated[
    dict[str, str], Field(description="The estate's files: texts by relative path.")
]
Name = Annotated[
    str | None, Field(description="Only this environment and what it stands on; null is all.")
]


class PlanRequest(BaseModel):
    """An estate to be compared with what is there."""

    model_config = ConfigDict(extra="forbid")

    documents: Documents
    environment: Name = None


class ApplyRequest(PlanRequest):
    """An estate to be made so."""

    expected: str | None = Field(
        default=None,
        description="Fingerprint of the plan that was shown; anything else to do is refused.",
    )


@router.post("/plan")
@admits(Access.SIGNED_IN, Action.ESTATE_APPLY)
async def plan(services: Provided, caller: Caller, request: PlanRequest) -> PlanView:
    """Show what an apply of these files would do."""
    found = await services.estate.plan(caller, request.documents, environment=request.environment)
    return plan_view(found)


@router.post("/apply", status_code=status.HTTP_202_ACCEPTED)
@admits(Access.SIGNED_IN, Action.ESTATE_APPLY)
async def apply(services: Provided, caller: Caller, request: ApplyRequest) -> AppliedView:
    """Make these files so; the runs that are answered carry on from here."""
    applied = await services.estate.apply(
        caller,
        request.documents,
        environment=request.environment,
        expected=request.expected,
    )
    return AppliedView(plan=plan_view(applied.plan), runs=[run_view(run) for run in applied.runs])
