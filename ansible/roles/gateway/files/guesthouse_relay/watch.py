"""Asks the control plane who may stay, and hangs up on the others."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from guesthouse_relay.request import Question, stale_seconds

ANSWER_BYTES = 16 * 1024
QUESTIONS_AT_ONCE = 64
ASK_SECONDS = 2.0
"""Between the beginnings of two questions; with `ANSWER_SECONDS` less than 5."""
ANSWER_SECONDS = 2.5
COUNTS_SECONDS = 4.0
"""How long an answer counts in any case, as it does for nginx."""
REFUSED = frozenset({401, 403})
ADMITTED = 204
LATE = asyncio.TimeoutError
"""Before Python 3.11 another class than the builtin one."""

log = logging.getLogger("relay")
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class ControlAway(Exception):
    """The control plane gave no answer."""


class ControlPlane:
    """Asks who may stay."""

    def __init__(self, trust: ssl.SSLContext | None) -> None:
        self._trust = trust
        self._turns = asyncio.Semaphore(QUESTIONS_AT_ONCE)

    async def ask(self, about: Question) -> tuple[int, float]:
        """Return the status of the answer, and how long it counts while nobody answers.

        Raises:
            ControlAway: There is none, or one that says nothing.
        """
        try:
            return await asyncio.wait_for(self._in_turn(about), ANSWER_SECONDS)
        except (OSError, ValueError, LookupError, EOFError, LATE) as exc:
            raise ControlAway(type(exc).__name__) from exc
        except asyncio.LimitOverrunError as exc:
            raise ControlAway("length") from exc

    async def _in_turn(self, about: Question) -> tuple[int, float]:
        async with self._turns:
            return await self._ask(about)

    async def _ask(self, about: Question) -> tuple[int, float]:
        reader, writer = await self._connect(about)
        try:
            writer.write(about.request())
            await writer.drain()
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        finally:
            writer.transport.abort()
        lines = head.split("\r\n")
        status = int(lines[0].split(" ")[1])
        if status != ADMITTED and status not in REFUSED:
            raise ControlAway(str(status))
        kept = [line for line in lines if line.lower().startswith("cache-control:")]
        return status, stale_seconds(kept[0] if kept else "")

    async def _connect(self, about: Question) -> Pair:
        address = urlsplit(about.control)
        if address.scheme != "https":
            return await asyncio.open_connection(
                address.hostname, address.port or 80, limit=ANSWER_BYTES
            )
        return await asyncio.open_connection(
            address.hostname,
            address.port or 443,
            limit=ANSWER_BYTES,
            ssl=self._trust or ssl.create_default_context(),
            server_hostname=about.name,
        )


@dataclass(eq=False)
class Connection:
    """One request under way."""

    downstream: asyncio.StreamWriter
    upstream: asyncio.StreamWriter
    is_over: bool = False

    def hang_up(self) -> None:
        """End it now, whatever is still to be sent."""
        self.is_over = True
        for writer in (self.downstream, self.upstream):
            writer.transport.abort()


class Watch:
    """Asks one question for as long as somebody is there it is about."""

    def __init__(self, about: Question, control: ControlPlane) -> None:
        self.connections: set[Connection] = set()
        self.admitted_until = 0.0
        self._about = about
        self._control = control

    def count(self, kept: float, *, now: float) -> None:
        """Take over an answer that admits, and counts so long while nobody answers."""
        self.admitted_until = now + COUNTS_SECONDS + kept

    async def run(self) -> None:
        """Ask, and hang up on everybody once the answer is no."""
        try:
            while self.connections:
                started = time.monotonic()
                await self._once(started)
                await asyncio.sleep(max(0.0, started + ASK_SECONDS - time.monotonic()))
        finally:
            # Whatever ended this: nobody stays whom nobody watches.
            self._hang_up("nobody asks any more")

    async def _once(self, now: float) -> None:
        try:
            status, kept = await self._control.ask(self._about)
        except ControlAway as exc:
            if time.monotonic() > self.admitted_until:
                self._hang_up(f"the control plane did not answer: {exc}")
            return
        if status == ADMITTED:
            self.count(kept, now=now)
        else:
            self._hang_up(f"the control plane answered {status}")

    def _hang_up(self, why: str) -> None:
        for connection in tuple(self.connections):
            if not connection.is_over:
                log.info("%s %s: ended, %s", self._about.environment, self._about.route, why)
                connection.hang_up()
