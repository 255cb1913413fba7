"""Addresses inside the console: where a person goes on after signing in."""

from typing import Final
from urllib.parse import quote, urlsplit

HOME: Final = "/"
MAX_LENGTH: Final = 2048


def own_path(text: str | None) -> str:
    r"""Return an address of the console that was handed in, or the home page's for any other.

    Browsers take ``//host``, ``/\host`` and, since they drop tabs and line ends, ``/<tab>/host``
    for other hosts; whoever signs in must not end up there.
    """
    if text is None or not text.startswith("/") or len(text) > MAX_LENGTH:
        return HOME
    if text.startswith(("//", "/\\")) or not all(_is_harmless(letter) for letter in text):
        return HOME
    parts = urlsplit(text)
    return HOME if parts.scheme or parts.netloc else text


def sign_in_path(following: str) -> str:
    """Return the address of the sign-in page that leads on to an address of ours."""
    return leading_on("/sign-in", following)


def enrol_path(following: str) -> str:
    """Return the address of the page for a second factor that leads on to an address of ours."""
    return leading_on("/account/totp", following)


def leading_on(path: str, following: str) -> str:
    """Return an address of ours that knows where to go on from there."""
    following = own_path(following)
    return path if following == HOME else f"{path}?next={quote(following, safe='')}"


def _is_harmless(letter: str) -> bool:
    return " " < letter < "\x7f" and letter != "\\"
