"""Reads what nginx hands over. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

PREFIX = "x-guesthouse-relay-"
ENDPOINT = "/api/internal/authorise"
STALE = re.compile(r"stale-if-error=([0-9]{1,9})")


class RequestRefused(Exception):
    """nginx would not send that; it is not answered."""

    def __init__(self, what: str) -> None:
        super().__init__(f"a request of nginx's is not as it writes them: {what}")


@dataclass(frozen=True)
class Question:
    """What the control plane is asked; connections with the same one share it."""

    control: str
    """Its address, ``http://host:port`` or https."""
    name: str
    """The name it has, and its certificate with it."""
    environment: str
    route: str
    authorization: str = field(repr=False)
    cookie: str = field(repr=False)

    def request(self) -> bytes:
        """Return the request."""
        lines = [
            f"GET {ENDPOINT} HTTP/1.1",
            f"Host: {self.name}",
            f"X-Guesthouse-Environment: {self.environment}",
            f"X-Guesthouse-Route: {self.route}",
            "Connection: close",
        ]
        if self.authorization:
            lines.append(f"Authorization: {self.authorization}")
        if self.cookie:
            lines.append(f"X-Guesthouse-Cookie: {self.cookie}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


@dataclass(frozen=True)
class Request:
    """One request of nginx's."""

    address: str
    port: int
    question: Question
    kept_seconds: float
    """How long its caller stays admitted while the control plane is away."""
    head: bytes
    """What the product gets of the head."""


def parse(head: bytes, *, now: float) -> Request:
    """Return the request whose head was read.

    Args:
        head: Everything up to and with the empty line.
        now: Seconds since 1970.

    Raises:
        RequestRefused: It is none that nginx writes.
    """
    lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    headers: dict[str, str] = {}
    passed = [lines[0]]
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        lower = name.lower()
        if not colon or lower != lower.strip():
            raise RequestRefused("header")
        if lower.startswith(PREFIX) and lower in headers:
            raise RequestRefused("doubled")
        headers[lower] = value.strip()
        if not lower.startswith(PREFIX):
            passed.append(line)
    if headers.get("upgrade", "").lower() != "websocket":
        # One connection is one request: what followed would carry our headers to the product.
        passed = [line for line in passed if not line.lower().startswith("connection:")]
        passed.append("Connection: close")
    address, port = upstream(headers.get(f"{PREFIX}upstream", ""))
    return Request(
        address=address,
        port=port,
        question=question(headers),
        kept_seconds=kept_seconds(headers, now=now),
        head="\r\n".join([*passed, "", ""]).encode("latin-1"),
    )


def upstream(text: str) -> tuple[str, int]:
    """Return address and port.

    Raises:
        RequestRefused: They are none.
    """
    address, _, port = text.rpartition(":")
    try:
        return str(ipaddress.IPv4Address(address)), int(port)
    except ValueError:
        raise RequestRefused("upstream") from None


def question(headers: dict[str, str]) -> Question:
    """Return what the control plane is asked.

    Raises:
        RequestRefused: It isn't said where to ask, or about what.
    """
    control, _, name = headers.get(f"{PREFIX}control", "").partition(" ")
    environment = headers.get("x-guesthouse-environment", "")
    route = headers.get("x-guesthouse-route", "")
    if not (control and name and environment and route):
        raise RequestRefused("question")
    return Question(
        control=control,
        name=name,
        environment=environment,
        route=route,
        authorization=credential(headers.get(f"{PREFIX}authorization", "")),
        cookie=headers.get(f"{PREFIX}cookie", ""),
    )


def credential(authorization: str) -> str:
    """Return a header so that no token has two: each spelling would be asked about by itself.

    Whoever had thousands asked could keep everybody's turn from coming, and so stay when revoked.
    """
    scheme, _, token = authorization.partition(" ")
    return f"Bearer {token.strip()}" if scheme.lower() == "bearer" else ""


def kept_seconds(headers: dict[str, str], *, now: float) -> float:
    """Return how long nginx's own answer admits, counted from when the control plane gave it."""
    kept = stale_seconds(headers.get(f"{PREFIX}admitted", ""))
    try:
        answered = parsedate_to_datetime(headers.get(f"{PREFIX}answered", "")).timestamp()
    except (TypeError, ValueError):
        return 0.0
    return max(0.0, min(kept, answered + kept - now))


def stale_seconds(cache_control: str) -> float:
    """Return how long an answer counts while the control plane is away."""
    found = STALE.search(cache_control)
    return float(found[1]) if found else 0.0
