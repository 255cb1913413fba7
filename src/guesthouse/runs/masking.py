"""Keeps secrets out of logs, in every form that programs print them in."""

import base64
import json
import threading
import urllib.parse
from collections.abc import Iterable

from guesthouse.kit.sensitive import MASK, Sensitive

MINIMUM_LENGTH = 4
"""Masking shorter secrets would blacken ordinary words."""


class Masker:
    """Replaces known secrets in text; secrets may be added while others write."""

    def __init__(self, secrets: Iterable[Sensitive[str]] = ()) -> None:
        self._lock = threading.Lock()
        self._forms: tuple[str, ...] = ()
        self.add(*secrets)

    def add(self, *secrets: Sensitive[str]) -> None:
        """Mask these as well from now on."""
        found = {form for secret in secrets for form in forms(secret.reveal())}
        with self._lock:
            # The longest first: a secret that holds another must not leave its rest behind.
            self._forms = tuple(sorted({*self._forms, *found}, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """Return the text with each secret masked."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text


def forms(secret: str) -> set[str]:
    """Return the texts that give a secret away: raw, base64, URL and JSON."""
    # A log is written by the line, so each line of a key file is a secret of its own.
    parts = {secret, secret.strip(), *(line.strip() for line in secret.splitlines())}
    found: set[str] = set()
    for part in parts:
        if len(part) >= MINIMUM_LENGTH:
            found |= {part, *_encoded(part)}
    return {form for form in found if len(form) >= MINIMUM_LENGTH}


def _encoded(part: str) -> set[str]:
    raw = part.encode()
    return {
        *_base64(raw),
        urllib.parse.quote(part, safe=""),
        urllib.parse.quote(part),
        urllib.parse.quote_plus(part),
        json.dumps(part)[1:-1],
        json.dumps(part, ensure_ascii=False)[1:-1],
    }


def _base64(raw: bytes) -> set[str]:
    """Return base64 of the secret alone and of its insides at each of the three offsets."""
    found: set[str] = set()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        found.add(encode(raw).decode())
        for offset in range(3):
            # Beside other bytes, the digits at both ends mix with the neighbours: cut them off.
            text = encode(b"\0" * offset + raw).decode().rstrip("=")
            start = (0, 2, 3)[offset]
            inside = text[start : (offset + len(raw)) * 8 // 6]
            if len(inside) >= 2 * MINIMUM_LENGTH:
                found.add(inside)
    return found
