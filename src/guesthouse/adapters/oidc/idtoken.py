"""Whether an ID token holds: who signed it, for whom, when, and for which attempt. Pure.

Authlib judges the claims, joserfc beneath it the signature; what both leave open is closed here.
"""

import binascii
import datetime as dt
import hmac
import json
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import BadSignatureError, ClaimError, JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey
from joserfc.jws import JWSRegistry

from guesthouse.people.provider import Doubt, ProviderRefused

LEEWAY = dt.timedelta(seconds=60)
"""How far the provider's clock may be from ours."""
FAMILY: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC"}
CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
# Never `none`, and never an HS…: that would take the provider's public key for a shared secret.
BELIEVED = frozenset(f"{family}{bits}" for family in FAMILY for bits in (256, 384, 512))
MAX_KEYS = 64
MAX_TRIES = 8
MIN_RSA_BYTES = 2048 // 8
PARTS = 3
# A private or shared part that a provider publishes by mistake makes no key here.
PUBLIC: Final = frozenset({"kty", "kid", "use", "alg", "n", "e", "crv", "x", "y"})
MAX_HEADER = 8192
MAX_SUBJECT = 255

Key = RSAKey | ECKey


class KeyUnknown(ProviderRefused):
    """None of these keys signed it; a newer one may have."""

    def __init__(self) -> None:
        super().__init__(Doubt.KEY)


class _Registry(JWSRegistry):
    max_header_length = MAX_HEADER


@dataclass(frozen=True)
class Expected:
    """What a token must say."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str
    algorithms: frozenset[str]
    """What the provider says it signs with."""


def keys_of(document: Mapping[str, Any]) -> tuple[Key, ...]:
    """Return the keys of a JWK set that can check a signature; others are passed over."""
    entries = document.get("keys")
    if not isinstance(entries, list):
        return ()
    found = (_key(entry) for entry in entries[:MAX_KEYS] if isinstance(entry, dict))
    return tuple(key for key in found if key is not None)


def claims_of(
    token: str, keys: Iterable[Key], expected: Expected, now: dt.datetime
) -> Mapping[str, Any]:
    """Return what a token says, all of it checked.

    Raises:
        KeyUnknown: None of the keys signed it.
        ProviderRefused: It is no token, not for us, not for this attempt, or not valid now.
    """
    header = _header(token)
    algorithm = header.get("alg")
    if algorithm not in BELIEVED & expected.algorithms:
        raise ProviderRefused(Doubt.ALGORITHM)
    claims = _signed(token, _candidates(header, keys), str(algorithm))
    _judge(claims, header, expected, now)
    return claims


def _key(entry: Mapping[str, Any]) -> Key | None:
    if entry.get("use", "sig") != "sig" or entry.get("kty") not in FAMILY.values():
        return None
    public = {name: value for name, value in entry.items() if name in PUBLIC}
    try:
        if public["kty"] == "RSA" and len(_decoded(public["n"])) < MIN_RSA_BYTES:
            return None
        return cast("Key", JWKRegistry.import_key(public))
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        # One key that is no key must not hide the others.
        return None


def _header(token: str) -> Mapping[str, Any]:
    parts = token.split(".")
    if len(parts) != PARTS or len(parts[0]) > MAX_HEADER:
        raise ProviderRefused(Doubt.NO_TOKEN)
    try:
        header = json.loads(_decoded(parts[0]))
    except (ValueError, RecursionError) as exc:
        raise ProviderRefused(Doubt.NO_TOKEN) from exc
    if not isinstance(header, dict):
        raise ProviderRefused(Doubt.NO_TOKEN)
    return header


def _candidates(header: Mapping[str, Any], keys: Iterable[Key]) -> list[Key]:
    """Return the keys that may have signed: of the right family, and of the name it gives."""
    algorithm, name = str(header["alg"]), header.get("kid")
    family = FAMILY[algorithm[:2]]
    return [
        key
        for key in keys
        if key.key_type == family
        and key.get("crv") == CURVES.get(algorithm)
        and key.alg in (None, algorithm)
        and (name is None or key.get("kid") == name)
    ][:MAX_TRIES]


def _signed(token: str, candidates: list[Key], algorithm: str) -> dict[str, Any]:
    registry = _Registry(algorithms=[algorithm], strict_check_header=False)
    for key in candidates:
        try:
            return jwt.decode(token, key, algorithms=[algorithm], registry=registry).claims
        except BadSignatureError:
            continue
        except (JoseError, ValueError, TypeError, RecursionError) as exc:
            raise ProviderRefused(Doubt.NO_TOKEN) from exc
    raise KeyUnknown


def _judge(
    claims: dict[str, Any], header: Mapping[str, Any], expected: Expected, now: dt.datetime
) -> None:
    # First and by ourselves, whatever a later release of the library makes optional.
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(
        nonce.encode(errors="replace"), expected.nonce.encode()
    ):
        raise ProviderRefused(Doubt.ATTEMPT)
    if claims.get("iss") != expected.issuer:
        raise ProviderRefused(Doubt.OTHER_PROVIDER)
    options = {
        "iss": {"essential": True, "value": expected.issuer},
        "aud": {"essential": True, "value": expected.client_id},
        "sub": {"essential": True},
    }
    params = {
        "client_id": expected.client_id,
        "nonce": expected.nonce,
        "access_token": expected.access_token,
    }
    token = CodeIDToken(claims, header, options, params)
    try:
        token.validate(int(now.timestamp()), int(LEEWAY.total_seconds()))
    except ClaimError as exc:
        raise ProviderRefused(Doubt.CLAIM, exc.claim) from exc
    except (JoseError, ValueError, TypeError) as exc:
        raise ProviderRefused(Doubt.CLAIM) from exc
    if len(claims["sub"]) > MAX_SUBJECT:
        raise ProviderRefused(Doubt.CLAIM, "sub")


def _decoded(text: str) -> bytes:
    """Return what base64url without padding stands for.

    Raises:
        ValueError: It stands for nothing.
    """
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError) as exc:
        raise ValueError(text[:20]) from exc
