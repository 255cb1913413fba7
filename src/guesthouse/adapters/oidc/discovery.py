"""What a provider says of itself at its well-known address. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from guesthouse.people.provider import ProviderUnfit

WELL_KNOWN = "/.well-known/openid-configuration"
BASIC = "client_secret_basic"
POST = "client_secret_post"
CHALLENGE = "S256"


@dataclass(frozen=True)
class Metadata:
    """The parts of a provider's configuration that we use."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    algorithms: frozenset[str]
    """What it may sign tokens with; what we believe is fewer."""
    authenticates_by: frozenset[str]
    scopes: frozenset[str]
    """Empty where it does not say."""
    names_itself: bool
    """Whether it must name itself in the browser's address (RFC 9207)."""


def configuration_address(issuer: str) -> str:
    """Return where a provider describes itself."""
    return issuer.rstrip("/") + WELL_KNOWN


def metadata_of(issuer: str, document: Mapping[str, Any]) -> Metadata:
    """Return what a provider's configuration says.

    Args:
        issuer: What the operator configured.
        document: The provider's answer.

    Raises:
        ProviderUnfit: It is another provider's, lacks something, or would leave TLS.
    """
    # Any difference counts: an answer of somebody else would lead to their keys.
    if document.get("issuer") != issuer:
        raise ProviderUnfit(issuer, "it calls itself by another issuer")
    if CHALLENGE not in _words(document, "code_challenge_methods_supported", CHALLENGE):
        raise ProviderUnfit(issuer, "it does not support PKCE with S256")
    userinfo = document.get("userinfo_endpoint")
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_address(issuer, document, "authorization_endpoint"),
        token_endpoint=_address(issuer, document, "token_endpoint"),
        jwks_uri=_address(issuer, document, "jwks_uri"),
        userinfo_endpoint=_address(issuer, document, "userinfo_endpoint") if userinfo else None,
        algorithms=_words(document, "id_token_signing_alg_values_supported", "RS256"),
        authenticates_by=_words(document, "token_endpoint_auth_methods_supported", BASIC),
        scopes=_words(document, "scopes_supported"),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _words(document: Mapping[str, Any], name: str, *default: str) -> frozenset[str]:
    value = document.get(name)
    if not isinstance(value, list):
        return frozenset(default)
    return frozenset(word for word in value if isinstance(word, str))


def _address(issuer: str, document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not is_https(value):
        raise ProviderUnfit(issuer, f"its {name} is no https address")
    return value


def is_https(address: str) -> bool:
    """Whether an address is one that TLS protects, and nothing odd."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    is_plain = address.isprintable() and " " not in address and "\\" not in address
    return parts.scheme == "https" and bool(host) and parts.username is None and is_plain
