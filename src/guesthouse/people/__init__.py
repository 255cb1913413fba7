"""Who may do what: scopes, members, tokens. The only package that makes a Scope."""

from guesthouse.people.scope import (
    ActorKind,
    Scope,
    member_scope,
    operator_scope,
    routes_scope,
    system_scope,
)

__all__ = [
    "ActorKind",
    "Scope",
    "member_scope",
    "operator_scope",
    "routes_scope",
    "system_scope",
]
