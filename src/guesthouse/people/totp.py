"""Codes of authenticators (RFC 6238): six digits, half a minute, each taken once."""

import base64
import datetime as dt
import hmac
import secrets
from typing import Final

import pyotp

from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.model import TotpEnrolment

SECRET_BYTES = 20
STEP_SECONDS = 30
DIGITS = 6
TOLERATED: Final = (0, -1, 1)
"""Steps a phone's clock may be off."""


def new_totp_secret() -> Sensitive[bytes]:
    """Return a fresh secret."""
    return Sensitive(secrets.token_bytes(SECRET_BYTES))


def enrolment(secret: Sensitive[bytes], *, login: str, issuer: str) -> TotpEnrolment:
    """Return what an authenticator is given: the secret, and an address for a QR code."""
    text = _text(secret)
    uri = pyotp.TOTP(text).provisioning_uri(name=login, issuer_name=issuer)
    return TotpEnrolment(Sensitive(text), Sensitive(uri))


def accepted_step(
    secret: Sensitive[bytes], code: str, *, now: dt.datetime, spent: int | None
) -> int | None:
    """Return the step a code is right for, or None where it is wrong or was taken before.

    Args:
        secret: The authenticator's.
        code: What was typed; blanks do not matter.
        now: The time.
        spent: The last step a code was taken for: that one and those before are spent, so that
            who looks over a shoulder can't use the code again. None for none yet.
    """
    typed = "".join(code.split())
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdecimal()):
        return None
    generator = pyotp.HOTP(_text(secret))
    here = int(now.timestamp()) // STEP_SECONDS
    for step in (here + offset for offset in TOLERATED):
        is_fresh = spent is None or step > spent
        if is_fresh and hmac.compare_digest(generator.at(step), typed):
            return step
    return None


def _text(secret: Sensitive[bytes]) -> str:
    return base64.b32encode(secret.reveal()).decode()
