"""Environments: look, deploy, destroy."""

from typing import Any

from fastapi import APIRouter, status
from pydantic import BaseModel, ConfigDict, Field

from guesthouse.api.guard import GuardedRoute
from guesthouse.api.paging import Cursor, Limit
from guesthouse.api.views import (
    EnvironmentView,
    PageView,
    RunView,
    SecretView,
    environment_view,
    page_of,
    run_view,
    secret_view,
)
from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.permissions import Action

router = APIRouter(prefix="/environments", tags=["environments"], route_class=GuardedRoute)


MAX_SECRET = 64 * 1024


class DeployRequest(BaseModel):
    """How to deploy."""

    model_config = ConfigDict(extra="forbid")

    locked: dict[str, Any] | None = Field(
        default=None, description="A lock to reproduce; null deploys what is declared."
    )


class SecretValue(BaseModel):
    """What to keep."""

    model_config = ConfigDict(extra="forbid")

    value: str = Field(min_length=1, max_length=MAX_SECRET, repr=False)


@router.get("")
@admits(Access.SIGNED_IN, Action.ENVIRONMENT_READ)
def environments(
    services: Provided, caller: Caller, cursor: Cursor = None, limit: Limit = None
) -> PageView[EnvironmentView]:
    """List environments by name."""
    page = services.environments.list(caller, cursor=cursor, limit=limit)
    return page_of(page, environment_view)


@router.get("/{name}")
@admits(Access.SIGNED_IN, Action.ENVIRONMENT_READ)
def environment(services: Provided, caller: Caller, name: str) -> EnvironmentView:
    """Show an environment with its addresses."""
    return environment_view(services.environments.get(caller, name))


@router.get("/{name}/lock")
@admits(Access.SIGNED_IN, Action.VARIABLES_READ)
def lock(services: Provided, caller: Caller, name: str) -> dict[str, Any]:
    """Show digests, commits and versions of what runs; `apply` reproduces it."""
    return dict(services.environments.lock(caller, name))


@router.get("/{name}/secrets")
@admits(Access.SIGNED_IN, Action.VARIABLES_READ)
def secrets(services: Provided, caller: Caller, name: str) -> list[SecretView]:
    """List secrets by name, and whether each has a value; values are never shown."""
    return [secret_view(secret) for secret in services.secrets.list(caller, name)]


@router.put("/{name}/secrets/{secret}")
@admits(Access.SIGNED_IN, Action.SECRETS_WRITE)
def set_secret(
    services: Provided, caller: Caller, name: str, secret: str, request: SecretValue
) -> SecretView:
    """Set a secret; the next deployment hands it out."""
    return secret_view(services.secrets.put(caller, name, secret, Sensitive(request.value)))


@router.post("/{name}/deploy", status_code=status.HTTP_202_ACCEPTED)
@admits(Access.SIGNED_IN, Action.ENVIRONMENT_DEPLOY)
def deploy(
    services: Provided, caller: Caller, name: str, request: DeployRequest | None = None
) -> RunView:
    """Start a run that deploys the environment's product anew."""
    locked = None if request is None else request.locked
    return run_view(services.environments.deploy(caller, name, locked=locked))


@router.delete("/{name}", status_code=status.HTTP_202_ACCEPTED)
@admits(Access.SIGNED_IN, Action.ENVIRONMENT_MANAGE)
def destroy(services: Provided, caller: Caller, name: str) -> RunView:
    """Start a run that removes all of the environment."""
    return run_view(services.environments.destroy(caller, name))
