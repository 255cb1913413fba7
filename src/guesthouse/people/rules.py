"""What a login, a title and a password may be."""

import re

from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.errors import LoginInvalid, PasswordWeak, TitleInvalid
from guesthouse.people.model import MIN_PASSWORD, TITLE_LIMIT

LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,62}")
RESERVED = frozenset({"system", "anonymous", "operator"})
"""Actors of our own in audit rows; only the first operator may be called so."""
MAX_PASSWORD_BYTES = 1024
LEAST_DIFFERENT = 5
TELLING_LOGIN = 4
"""A login this long is guessed first where a password holds it."""


def normal_login(text: str) -> str:
    """Return the login a text stands for.

    Raises:
        LoginInvalid: It stands for none.
    """
    login = text.strip().lower()
    if not LOGIN.fullmatch(login):
        raise LoginInvalid(text)
    return login


def normal_title(text: str) -> str:
    """Return a person's name, one line.

    Raises:
        TitleInvalid: It is empty, too long, or has characters that are not to be seen.
    """
    title = " ".join(text.split())
    if not 0 < len(title) <= TITLE_LIMIT or not title.isprintable():
        raise TitleInvalid
    return title


def check_password(password: Sensitive[str], login: str) -> None:
    """Make sure that a password may be taken.

    Raises:
        PasswordWeak: It is too short, too long, or too easy.
    """
    text = password.reveal()
    well_known = (login, "guesthouse") if len(login) >= TELLING_LOGIN else ("guesthouse",)
    reasons = {
        "is too short": len(text) < MIN_PASSWORD,
        "is too long": len(text.encode(errors="replace")) > MAX_PASSWORD_BYTES,
        "repeats itself": len(set(text)) < LEAST_DIFFERENT,
        "holds a word everybody knows": any(word in text.lower() for word in well_known),
    }
    for reason, applies in reasons.items():
        if applies:
            raise PasswordWeak(reason)
