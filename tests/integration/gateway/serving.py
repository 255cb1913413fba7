"""A real nginx with our sites, a product behind it, and a control plane that can go away."""

import asyncio
import getpass
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import jinja2
import uvicorn
from starlette.types import ASGIApp

from guesthouse.kit import process
from guesthouse.kit.clock import SystemClock

LIMIT = timedelta(seconds=20)
AUTHORISE = "/api/internal/authorise"
Message = dict[str, Any]
Receive = Callable[[], Any]
Send = Callable[[Message], Any]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

ROLES = Path(__file__).parents[3] / "ansible" / "roles"
RELAY = ROLES / "gateway" / "files"
MISNAMED = """
server {{
    listen {port} ssl;
    server_name other.localhost;
    location / {{ proxy_pass http://127.0.0.1:{control_port}; }}
}}
"""
"""The control plane by a name that its certificate lacks."""


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(holds: Callable[[], bool], *, seconds: float) -> float:
    """Wait until something holds and return how long that took; fail at the limit."""
    clock, pause = SystemClock(), threading.Event()
    started = clock.monotonic()
    while not holds():
        waited = clock.monotonic() - started
        assert waited < seconds, f"not within {seconds} s"
        pause.wait(0.05)
    return clock.monotonic() - started


class Served:
    """An ASGI application on a port, in a thread, that can be stopped and started again."""

    def __init__(self, app: Application) -> None:
        self.port = free_port()
        self._app = app
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        config = uvicorn.Config(
            self._app,
            host="127.0.0.1",
            port=self.port,
            log_level="critical",
            lifespan="off",
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        until(lambda: server.started, seconds=10)
        self._server, self._thread = server, thread

    def stop(self) -> None:
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(LIMIT.total_seconds())
        assert not self._thread.is_alive()
        self._server = self._thread = None


@dataclass
class Control:
    """The control plane itself; counts what it is asked, and can fail."""

    app: ASGIApp
    page: Callable[[Message], str | None]
    """Stands for the console's page that leads back to a gateway: a request to an address."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    status: int | None = None
    """Answered instead, where set."""
    may_answer: threading.Event = field(default_factory=threading.Event)
    """Cleared, it takes questions and answers none."""

    def __post_init__(self) -> None:
        self.may_answer.set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == AUTHORISE:
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            named = [headers.get(f"x-guesthouse-{name}", "") for name in ("environment", "route")]
            self.asked.append((named[0], named[1]))
        if not self.may_answer.is_set():
            await asyncio.to_thread(self.may_answer.wait, LIMIT.total_seconds())
        if self.status is not None:
            await answer(send, self.status, [])
        elif path.startswith("/enter/"):
            address = self.page(scope)
            location = (address or "/sign-in").encode()
            await answer(send, 303 if address else 401, [(b"location", location)])
        else:
            await cast("Application", self.app)(scope, receive, send)


class Product:
    """A product that shows what it is sent."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.has_body = threading.Event()
        self.seen: list[str] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await _echo(scope, receive, send)
            return
        self.seen.append(scope["path"])
        match scope["path"].rpartition("/")[2]:
            case "stream":
                await self._stream(send)
            case "feed":
                await _feed(receive, send)
            case "accel":
                await answer(
                    send, 200, [(b"x-accel-redirect", b"/.guesthouse/authorise")], b"mine"
                )
            case "sign-in":
                await answer(send, 401, [(b"www-authenticate", b"Basic")], b"product's own")
            case "broken":
                await answer(send, 500, [(b"strict-transport-security", b"max-age=0")], b"oops")
            case _:
                await self._show(scope, receive, send)

    async def _stream(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first\n", "more_body": True})
        await asyncio.to_thread(self.go_on.wait, LIMIT.total_seconds())
        await send({"type": "http.response.body", "body": b"second\n"})

    async def _show(self, scope: Message, receive: Receive, send: Send) -> None:
        received, more = 0, True
        while more:
            message = await receive()
            received += len(message.get("body", b""))
            more = message.get("more_body", False)
            if received:
                self.has_body.set()
        shown = {
            "method": scope["method"],
            "path": scope["raw_path"].decode(),
            "query": scope["query_string"].decode(),
            "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
            "received": received,
        }
        await answer(send, 200, [(b"x-powered-by", b"secret")], json.dumps(shown).encode())


async def answer(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b""
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _echo(scope: Message, receive: Receive, send: Send) -> None:
    """Begin with the headers, then say everything once more."""
    await receive()
    await send({"type": "websocket.accept"})
    shown = {name.decode(): value.decode() for name, value in scope["headers"]}
    await send({"type": "websocket.send", "text": json.dumps(shown)})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": f"echo {message['text']}"})


async def _feed(receive: Receive, send: Send) -> None:
    """Send a line now and then, until the reader is gone."""
    gone = asyncio.ensure_future(_gone(receive))
    start = {"type": "http.response.start", "status": 200}
    await send({**start, "headers": [(b"content-type", b"text/event-stream")]})
    while not gone.done():
        await send({"type": "http.response.body", "body": b"data: .\n\n", "more_body": True})
        await asyncio.wait([gone], timeout=0.2)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@dataclass
class Relay:
    """The relay as a process of its own, as on an instance; it may be found anew."""

    root: Path
    ca_file: Path
    pool: str = "127.0.0.0/8"

    @property
    def socket(self) -> Path:
        return self.root / "gateway" / "cache" / "relay" / "socket"

    @property
    def log(self) -> Path:
        return self.root / "relay.log"

    @contextmanager
    def running(self, *more: str) -> Iterator[None]:
        self.socket.parent.mkdir(parents=True, exist_ok=True)
        argv = [sys.executable, "-B", "-s", "-m", "guesthouse_relay", "--socket", str(self.socket)]
        argv += ["--ca", str(self.ca_file), "--pool", self.pool, *more]
        environment = {**process.base_environment(), "PYTHONPATH": str(RELAY)}
        with (
            self.log.open("wb") as log,
            subprocess.Popen(argv, env=environment, stderr=log) as running,
        ):
            try:
                until(self._answers, seconds=10)
                yield
            finally:
                running.terminate()
                running.wait(LIMIT.total_seconds())

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0


@dataclass(frozen=True)
class Nginx:
    """One nginx of the test's own, in a directory of its own."""

    root: Path
    port: int
    control_port: int

    @contextmanager
    def running(self) -> Iterator[None]:
        self._write()
        self._run("-t")
        self._run()
        try:
            yield
        finally:
            self._run("-s", "stop")
            until(lambda: not (self.root / "gateway" / "nginx.pid").exists(), seconds=10)

    def _write(self) -> None:
        """Write what the gateway role writes, and the console's site."""
        directory = self.root / "gateway"
        for folder in ("logs", "sites", "cache"):
            (directory / folder).mkdir(exist_ok=True)
        roles = {
            "gateway/templates/nginx.conf.j2": directory / "nginx.conf",
            # How gateways of other machines reach the control plane.
            "control/templates/console.conf.j2": directory / "sites" / "console.conf",
        }
        for source, target in roles.items():
            text = (ROLES / source).read_text()
            template = jinja2.Template(text, undefined=jinja2.StrictUndefined)
            target.write_text(template.render(self._variables(directory)))
        misnamed = MISNAMED.format(port=self.port, control_port=self.control_port)
        (directory / "sites" / "misnamed.conf").write_text(misnamed)

    def _variables(self, directory: Path) -> dict[str, object]:
        return {
            "gateway_user": getpass.getuser(),
            "gateway_directory": directory,
            "gateway_cache": directory / "cache",
            "guesthouse_gateway_port": self.port,
            "guesthouse_api_port": self.control_port,
            "guesthouse_influxdb_port": 1,
            "guesthouse_domain": "localhost",
            "control_body_bytes": 2**20,
            "control_telemetry_bytes": 2**20,
        }

    def _run(self, *arguments: str) -> None:
        directory = self.root / "gateway"
        environment = process.base_environment()
        environment["PATH"] = f"{environment['PATH']}:/usr/sbin"
        argv = ["nginx", "-e", str(directory / "logs" / "error.log")]
        argv += ["-p", str(directory), "-c", str(directory / "nginx.conf"), *arguments]
        done = process.run(argv, limit=LIMIT, env=environment)
        assert done.ok, done.errors
