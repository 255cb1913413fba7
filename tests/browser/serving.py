"""Serves a console with TLS in this process, behind a relay whose connections a test can cut."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from guesthouse.gateway.certificates import CertificateAuthority
from guesthouse.kit.clock import SystemClock

HOST = "console.localhost"
CHUNK = 64 * 1024


class Relay:
    """Passes bytes on, until it is told to hang up on everybody."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.connections = 0
        self.bytes_to_browser = 0
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_refusing = False

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def cut(self, *, refuse: bool = False) -> None:
        """Break every connection; refuse new ones, too, until told otherwise."""
        self._is_refusing = refuse
        for writer in set(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_refusing:
            writer.transport.abort()
            return
        self.connections += 1
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, inner_writer}
        await asyncio.gather(
            self._pass(reader, inner_writer), self._pass(inner_reader, writer, counted=True)
        )
        self._writers -= {writer, inner_writer}

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool = False
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                self.bytes_to_browser += len(data) if counted else 0
                writer.write(data)
                await writer.drain()
        writer.close()


@dataclass(frozen=True)
class Console:
    """A console that answers."""

    relay: Relay
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.relay.port}"

    def cut(self, *, refuse: bool = False) -> None:
        self.loop.call_soon_threadsafe(lambda: self.relay.cut(refuse=refuse))


@contextlib.contextmanager
def serving(app: ASGIApp, place: Path) -> Iterator[Console]:
    """Serve an application in a thread until the end of the block."""
    authority = CertificateAuthority(place / "ca", SystemClock(), domains=("localhost",))
    issued = authority.certificate("console", hosts=(HOST,))
    (place / "cert.pem").write_text(issued.certificate_pem)
    (place / "key.pem").write_text(issued.key_pem.reveal())
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                ssl_certfile=place / "cert.pem",
                ssl_keyfile=place / "key.pem",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=1,
                # As the gateway in front of it, which keeps a browser's connections for as long.
                timeout_keep_alive=65,
            )
        )
        server_thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        relay = Relay(listening.getsockname()[1])
        loop = asyncio.new_event_loop()
        ready = threading.Event()
        relay_thread = threading.Thread(target=_relay, args=(loop, relay, ready))
        server_thread.start()
        relay_thread.start()
        ready.wait(10)
        try:
            yield Console(relay, loop)
        finally:
            server.should_exit = True
            server_thread.join(20)
            loop.call_soon_threadsafe(loop.stop)
            relay_thread.join(20)
            loop.close()


def _relay(loop: asyncio.AbstractEventLoop, relay: Relay, ready: threading.Event) -> None:
    asyncio.set_event_loop(loop)
    server = loop.run_until_complete(relay.start())
    ready.set()
    loop.run_forever()
    server.close()
    relay.cut(refuse=True)
    pending = asyncio.all_tasks(loop)
    loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
