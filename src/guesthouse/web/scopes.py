"""What the scopes of tokens are called on a page. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from guesthouse.people import Scope
from guesthouse.people.model import Action
from guesthouse.people.permissions import GIVABLE, may_somewhere

WORDS: Final[Mapping[Action, str]] = MappingProxyType(
    {
        Action.ROUTE_USE: "Call the product's API and pages",
        Action.ENVIRONMENT_READ: "See environments and their addresses",
        Action.ENVIRONMENT_DEPLOY: "Deploy a new version",
        Action.ENVIRONMENT_MANAGE: "Create and destroy environments",
        Action.RUN_READ: "See runs",
        Action.LOG_READ: "Read logs",
        Action.RUN_CANCEL: "Cancel runs",
        Action.JOB_RUN: "Start jobs",
        Action.CONSOLE_RESTART: "Restart services",
        Action.VARIABLES_READ: "Read variables",
        Action.SECRETS_WRITE: "Set secrets",
        Action.METRICS_READ: "Read metrics",
        Action.MEMBER_READ: "See members",
        Action.MEMBER_MANAGE: "Invite and remove members",
        Action.ACTIVITY_READ: "Read who did what",
        Action.PARTNER_MANAGE: "Add and offboard partners",
        Action.ESTATE_READ: "Read the estate's plan",
        Action.ESTATE_APPLY: "Apply the estate",
        Action.INSTANCE_READ: "See instances",
        Action.INSTANCE_MANAGE: "Provision and destroy instances",
        Action.AUDIT_READ: "Read the audit log",
    }
)
"""In the order they are offered."""


@dataclass(frozen=True)
class ScopeChoice:
    """One scope a token can be given."""

    value: str
    word: str
    is_chosen: bool = False


def offered(caller: Scope, chosen: frozenset[str] = frozenset()) -> tuple[ScopeChoice, ...]:
    """Return the scopes somebody can give: what they may do somewhere themselves."""
    return tuple(
        ScopeChoice(action.value, word, action.value in chosen)
        for action, word in WORDS.items()
        if action in GIVABLE and may_somewhere(caller, action)
    )


def words_of(scopes: frozenset[Action]) -> tuple[ScopeChoice, ...]:
    """Return scopes with their words."""
    return tuple(
        ScopeChoice(action.value, word) for action, word in WORDS.items() if action in scopes
    )
