"""Identifiers: sortable by time, unguessable enough to be permanent addresses, readable aloud."""

import secrets

from guesthouse.kit.clock import Clock

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
TIME_DIGITS = 9
RANDOM_DIGITS = 11


def new_id(prefix: str, clock: Clock) -> str:
    """Return a new identifier such as ``run_01j8…``.

    Args:
        prefix: What it identifies, without the underscore.
        clock: Gives the milliseconds that make identifiers sort by age.
    """
    milliseconds = int(clock.now().timestamp() * 1000)
    random_part = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_DIGITS))
    return f"{prefix}_{_digits(milliseconds)}{random_part}"


def _digits(number: int) -> str:
    """Return the number in base 32, padded so that text order is number order."""
    digits = []
    for _ in range(TIME_DIGITS):
        number, rest = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[rest])
    return "".join(reversed(digits))
