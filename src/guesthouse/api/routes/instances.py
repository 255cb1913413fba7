"""Instances: look, provision, destroy."""

from fastapi import APIRouter, status

from guesthouse.api.guard import GuardedRoute
from guesthouse.api.paging import Cursor, Limit
from guesthouse.api.views import (
    InstanceView,
    PageView,
    RunView,
    instance_view,
    page_of,
    run_view,
)
from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.people.permissions import Action

router = APIRouter(prefix="/instances", tags=["instances"], route_class=GuardedRoute)


@router.get("")
@admits(Access.SIGNED_IN, Action.INSTANCE_READ)
def instances(
    services: Provided, caller: Caller, cursor: Cursor = None, limit: Limit = None
) -> PageView[InstanceView]:
    """List instances by name."""
    page = services.instances.list(caller, cursor=cursor, limit=limit)
    return page_of(page, instance_view)


@router.get("/{name}")
@admits(Access.SIGNED_IN, Action.INSTANCE_READ)
def instance(services: Provided, caller: Caller, name: str) -> InstanceView:
    """Show an instance and what is known of its machine."""
    return instance_view(services.instances.get(caller, name))


@router.post("/{name}/provision", status_code=status.HTTP_202_ACCEPTED)
@admits(Access.SIGNED_IN, Action.INSTANCE_MANAGE)
def provision(services: Provided, caller: Caller, name: str) -> RunView:
    """Start a run that makes the machine ready."""
    return run_view(services.instances.provision(caller, name))


@router.delete("/{name}", status_code=status.HTTP_202_ACCEPTED)
@admits(Access.SIGNED_IN, Action.INSTANCE_MANAGE)
def destroy(services: Provided, caller: Caller, name: str) -> RunView:
    """Start a run that destroys a machine no environment lives on."""
    return run_view(services.instances.destroy(caller, name))
