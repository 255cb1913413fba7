"""Who a person is, by what the provider says of them. Pure."""

from collections.abc import Mapping
from typing import Any

from guesthouse.people.model import ExternalIdentity

MAX_GROUPS = 1000
MAX_TEXT = 255
LOGINS = ("preferred_username", "email", "upn", "nickname")
"""Where a wish for a login may stand; it says nothing about who somebody is."""


def identity_of(issuer: str, claims: Mapping[str, Any], groups_claim: str) -> ExternalIdentity:
    """Return who claims speak of; only issuer and subject are taken for their identity."""
    login = _first(claims, *LOGINS)
    return ExternalIdentity(
        issuer=issuer,
        subject=str(claims["sub"]),
        login=login,
        title=_first(claims, "name") or login,
        groups=groups_of(claims, groups_claim) or (),
    )


def lacks_something(claims: Mapping[str, Any], groups_claim: str) -> bool:
    """Whether the token alone does not tell who somebody is here."""
    return groups_of(claims, groups_claim) is None or not _first(claims, *LOGINS)


def groups_of(claims: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    """Return the groups; None where the claim is missing.

    Args:
        claims: What the provider says.
        name: The claim's name, or the path to it with dots: ``realm_access.roles``.
    """
    value = claims.get(name)
    if value is None:
        value = _inside(claims, name)
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return None
    names = (text for text in value[:MAX_GROUPS] if isinstance(text, str))
    return tuple(dict.fromkeys(text for text in names if 0 < len(text) <= MAX_TEXT))


def _inside(claims: Mapping[str, Any], path: str) -> object:
    value: object = claims
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _first(claims: Mapping[str, Any], *names: str) -> str:
    values = (claims.get(name) for name in names)
    return next((value[:MAX_TEXT] for value in values if isinstance(value, str) and value), "")
