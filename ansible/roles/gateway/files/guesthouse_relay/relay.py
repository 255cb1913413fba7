"""Carries one request for each connection of nginx's."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time

from guesthouse_relay.request import Question, Request, RequestRefused, parse
from guesthouse_relay.watch import LATE, Connection, ControlPlane, Pair, Watch

HEAD_BYTES = 96 * 1024
"""nginx takes at most 64 KiB from a client and adds its own."""
CHUNK_BYTES = 64 * 1024
HEAD_SECONDS = 10.0
CONNECT_SECONDS = 4.0
FLUSH_SECONDS = 10.0
LINGER_SECONDS = 1.0
IDLE_SECONDS = 3600.0
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 5\r\n"
    b"Connection: close\r\n\r\n"
)

log = logging.getLogger("relay")


class AddressRefused(RequestRefused):
    """No product is there."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address} is no container's")


class Relay:
    """Everything under way."""

    def __init__(
        self, control: ControlPlane, pools: list[ipaddress.IPv4Network], *, limit: int
    ) -> None:
        self._control = control
        self._pools = pools
        self._limit = limit
        self._count = 0
        self._watches: dict[Question, tuple[Watch, asyncio.Task[None]]] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one request of nginx's; never raises."""
        is_carried = self._count < self._limit
        self._count += is_carried
        try:
            await (self._answer(reader, writer) if is_carried else _refused(reader, writer))
        except RequestRefused as exc:
            log.warning("not carried: %s", exc)
        except (OSError, EOFError, LATE, asyncio.LimitOverrunError):
            pass  # either end went away, and nginx tells its client
        finally:
            self._count -= is_carried
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS)
        request = parse(head, now=time.time())
        if not any(ipaddress.IPv4Address(request.address) in pool for pool in self._pools):
            raise AddressRefused(request.address)
        opening = asyncio.open_connection(request.address, request.port, limit=CHUNK_BYTES)
        product = await asyncio.wait_for(opening, CONNECT_SECONDS)
        await self._carry(request, (reader, writer), product)

    async def _carry(self, request: Request, nginx: Pair, product: Pair) -> None:
        connection = Connection(nginx[1], product[1])
        try:
            self._watch(request).add(connection)
            product[1].write(request.head)
            await _copied(nginx, product)
            if not connection.is_over:
                await _flushed(nginx[1])
        finally:
            self._forget(request.question, connection)
            product[1].transport.abort()

    def _watch(self, request: Request) -> set[Connection]:
        """Return who shares the request's question, which is asked from now on."""
        about = request.question
        if about not in self._watches:
            watch = Watch(about, self._control)
            watch.count(request.kept_seconds, now=time.monotonic())
            # It first runs when the caller waits for something; by then somebody is in it.
            task = asyncio.get_running_loop().create_task(watch.run())
            self._watches[about] = (watch, task)
        return self._watches[about][0].connections

    def _forget(self, about: Question, connection: Connection) -> None:
        watch, task = self._watches[about]
        watch.connections.discard(connection)
        if not watch.connections:
            task.cancel()
            del self._watches[about]


async def _copied(nginx: Pair, product: Pair) -> None:
    """Copy both ways until one end closes or nothing moves any more."""
    moved = [time.monotonic()]
    tasks = {
        asyncio.ensure_future(_copy(nginx[0], product[1], moved)),
        asyncio.ensure_future(_copy(product[0], nginx[1], moved)),
    }
    try:
        done: set[asyncio.Future[None]] = set()
        while not done and time.monotonic() - moved[0] < IDLE_SECONDS:
            done, _ = await asyncio.wait(
                tasks, timeout=IDLE_SECONDS / 60, return_when=asyncio.FIRST_COMPLETED
            )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copy(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, moved: list[float]
) -> None:
    while True:
        data = await source.read(CHUNK_BYTES)
        if not data:
            return
        sink.write(data)
        # Waits while the other end takes no more: nothing piles up here.
        await sink.drain()
        moved[0] = time.monotonic()


async def _refused(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say that there are too many."""
    writer.write(BUSY)
    writer.write_eof()
    # Closed with something unread, the socket would take the answer back.
    await asyncio.wait_for(_drained(reader), LINGER_SECONDS)


async def _drained(reader: asyncio.StreamReader) -> None:
    """Read to the end, and keep nothing."""
    while await reader.read(CHUNK_BYTES):
        pass


async def _flushed(writer: asyncio.StreamWriter) -> None:
    """Close once everything written was taken; who takes nothing loses it."""
    writer.close()
    await asyncio.wait_for(writer.wait_closed(), FLUSH_SECONDS)
