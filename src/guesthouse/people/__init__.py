"""Who may do what: scopes, members, tokens. The only package that makes a Scope."""

from guesthouse.people.model import Action, ActorKind, Role
from guesthouse.people.permissions import decide, may_somewhere, require
from guesthouse.people.scope import (
    Scope,
    auditor_scope,
    member_scope,
    operator_scope,
    routes_scope,
    system_scope,
)

__all__ = [
    "Action",
    "ActorKind",
    "Role",
    "Scope",
    "auditor_scope",
    "decide",
    "may_somewhere",
    "member_scope",
    "operator_scope",
    "require",
    "routes_scope",
    "system_scope",
]
