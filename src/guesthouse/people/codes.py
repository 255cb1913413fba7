"""Secrets that browsers and programs hold: made at random, kept as digests."""

import hashlib
import secrets

from guesthouse.kit.sensitive import Sensitive

SECRET_BYTES = 32
USER_CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so that no code is a word, and nothing that reads as a digit."""
USER_CODE_LENGTH = 8
RECOVERY_BYTES = 10


def new_secret() -> Sensitive[str]:
    """Return a fresh secret of 256 random bits, fit for cookies and addresses."""
    return Sensitive(secrets.token_urlsafe(SECRET_BYTES))


def digest(secret: str) -> str:
    """Return what is kept of a secret.

    A fast hash is right here: there are too many random bits to guess.
    """
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def new_user_code() -> str:
    """Return a code to be read from one screen and typed on another: ``BCDF-GHJK``."""
    drawn = "".join(secrets.choice(USER_CODE_ALPHABET) for _ in range(USER_CODE_LENGTH))
    return f"{drawn[: USER_CODE_LENGTH // 2]}-{drawn[USER_CODE_LENGTH // 2 :]}"


def normal_user_code(text: str) -> str:
    """Return a typed code as it was made, whatever the case and the hyphens."""
    kept = "".join(letter for letter in text.upper() if letter in USER_CODE_ALPHABET)
    return f"{kept[: USER_CODE_LENGTH // 2]}-{kept[USER_CODE_LENGTH // 2 :]}"


def new_recovery_code() -> str:
    """Return a code for whoever has lost their authenticator: 80 random bits, in four groups."""
    drawn = secrets.token_hex(RECOVERY_BYTES)
    return "-".join(drawn[at : at + 5] for at in range(0, len(drawn), 5))


def normal_recovery_code(text: str) -> str:
    """Return a typed recovery code as it was made; other text comes back as no code."""
    kept = "".join(letter for letter in text.lower() if letter in "0123456789abcdef")
    return "-".join(kept[at : at + 5] for at in range(0, len(kept), 5))
