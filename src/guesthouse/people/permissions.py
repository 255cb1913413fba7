"""Who may do what. Every door and every service asks here, and nowhere else is it decided."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from guesthouse.errors import GuesthouseError
from guesthouse.people.errors import NotEnrolled, NotPermitted
from guesthouse.people.model import Action, ActorKind, Role, Verdict
from guesthouse.people.scope import Scope

__all__ = [
    "AUDITOR_ACTIONS",
    "GIVABLE",
    "ROLE_ACTIONS",
    "Action",
    "NotEnrolled",
    "NotPermitted",
    "Role",
    "Verdict",
    "decide",
    "may_somewhere",
    "require",
    "require_enrolled",
    "require_own_access",
]

_VIEWER: Final = frozenset(
    {
        Action.ENVIRONMENT_READ,
        Action.ROUTE_USE,
        Action.RUN_READ,
        Action.LOG_READ,
        Action.METRICS_READ,
        Action.MEMBER_READ,
        Action.ACTIVITY_READ,
    }
)
_DEVELOPER: Final = _VIEWER | {
    Action.ENVIRONMENT_DEPLOY,
    Action.RUN_CANCEL,
    Action.VARIABLES_READ,
    Action.JOB_RUN,
    Action.CONSOLE_RESTART,
}
_MANAGER: Final = _DEVELOPER | {
    Action.ENVIRONMENT_MANAGE,
    Action.SECRETS_WRITE,
    Action.MEMBER_MANAGE,
}
ROLE_ACTIONS: Final[Mapping[Role, frozenset[Action]]] = MappingProxyType(
    {Role.VIEWER: _VIEWER, Role.DEVELOPER: _DEVELOPER, Role.MANAGER: _MANAGER}
)
"""What a role may do with the things of its partner."""
AUDITOR_ACTIONS: Final = frozenset(
    {
        Action.ENVIRONMENT_READ,
        Action.VARIABLES_READ,
        Action.RUN_READ,
        Action.LOG_READ,
        Action.METRICS_READ,
        Action.MEMBER_READ,
        Action.ACTIVITY_READ,
        Action.ESTATE_READ,
        Action.INSTANCE_READ,
        Action.AUDIT_READ,
    }
)
"""What an auditor may do, everywhere."""
GIVABLE: Final = frozenset(Action) - {Action.ACCOUNT_OWN}
"""What a token can be given at all: it makes no tokens and ends no sessions."""


def decide(scope: Scope, action: Action, partner: str | None) -> Verdict:
    """Say whether somebody may do something with a thing.

    Args:
        scope: Who asks.
        action: What they want to do.
        partner: Whose thing it is; None for what belongs to no partner.
    """
    if action is Action.ACCOUNT_OWN:
        return Verdict.ALLOWED if _owns_account(scope) else Verdict.DENIED
    if not scope.sees(partner):
        return Verdict.HIDDEN
    if scope.is_enrolling or action not in _narrowed(scope, _granted(scope, partner)):
        return Verdict.DENIED
    return Verdict.ALLOWED


def require(
    scope: Scope,
    action: Action,
    partner: str | None,
    *,
    missing: GuesthouseError | None = None,
) -> None:
    """Let through who may do it.

    Args:
        scope: Who asks.
        action: What they want to do.
        partner: Whose thing it is; None for what belongs to no partner.
        missing: What is raised where the thing does not exist for the caller; None where that
            there is such a thing is no secret.

    Raises:
        NotPermitted: The caller sees it but may not do that.
        NotEnrolled: They might, had they a second factor.
    """
    match decide(scope, action, partner):
        case Verdict.ALLOWED:
            return
        case Verdict.HIDDEN:
            raise missing or NotPermitted(action)
        case Verdict.DENIED:
            raise NotEnrolled if scope.is_enrolling else NotPermitted(action)


def require_enrolled(scope: Scope) -> None:
    """Let through who may manage an account of their own, second factor and all.

    Raises:
        NotPermitted: The caller has no account, or acts by a token.
        NotEnrolled: Their account lacks a second factor it needs.
    """
    require(scope, Action.ACCOUNT_OWN, None)
    if scope.is_enrolling:
        raise NotEnrolled


def require_own_access(scope: Scope) -> None:
    """Let through who may see, and end, what they come in by.

    That is a person signed in, and a token of theirs that nothing narrows, such as the command
    line's: it ends tokens and sessions, but never makes any.

    Raises:
        NotPermitted: The caller has no account, or their token is narrowed.
    """
    if scope.account is None or not scope.is_whole:
        require(scope, Action.ACCOUNT_OWN, None)


def may_somewhere(scope: Scope, action: Action) -> bool:
    """Whether there is anything at all that the caller may do this with."""
    owners = sorted(scope.roles) if scope.partners is None else sorted(scope.partners)
    return any(decide(scope, action, owner) is Verdict.ALLOWED for owner in (None, *owners))


def _owns_account(scope: Scope) -> bool:
    return scope.account is not None and scope.token is None and not scope.is_for_routes_only


def _granted(scope: Scope, partner: str | None) -> frozenset[Action]:
    match scope.kind:
        case ActorKind.OPERATOR | ActorKind.SYSTEM:
            return frozenset(Action)
        case ActorKind.AUDITOR:
            return AUDITOR_ACTIONS
        case ActorKind.MEMBER:
            role = None if partner is None else scope.roles.get(partner)
            return frozenset() if role is None else ROLE_ACTIONS[role]
        case ActorKind.TESTS | ActorKind.ANONYMOUS:
            return frozenset()


def _narrowed(scope: Scope, granted: frozenset[Action]) -> frozenset[Action]:
    if scope.is_for_routes_only:
        granted = granted & {Action.ROUTE_USE}
    return granted if scope.scopes is None else granted & scope.scopes
