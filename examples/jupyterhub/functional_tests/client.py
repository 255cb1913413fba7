"""A client of JupyterHub that knows nothing but its address: what a partner's program would do."""

import json
import re
import secrets
import ssl
import time
from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid4

import httpx
from websockets.sync.client import ClientConnection, connect

REQUEST_SECONDS = 30.0
START_SECONDS = 180.0
ANSWER_SECONDS = 60.0


class SignInRefused(Exception):
    """The hub does not take the name with the password."""

    def __init__(self, username: str) -> None:
        super().__init__(f"JupyterHub does not let {username} in")


class ServerNotStarted(Exception):
    """A person's server did not come up."""

    def __init__(self, username: str) -> None:
        super().__init__(f"The server of {username} did not start")


class NoAnswer(Exception):
    """A kernel ended, or said nothing, before it had an answer."""


@dataclass(frozen=True)
class Address:
    """Where the hub is, and whom to trust about it."""

    url: str
    authority: ssl.SSLContext | None = None
    machine: str | None = None

    @classmethod
    def of(cls, url: str, *, ca_file: str | None = None, machine: str | None = None) -> Self:
        """Return an address.

        Args:
            url: Where the hub is.
            ca_file: The authority behind an https URL; None: the system's.
            machine: Where to connect to instead of asking what the host's name stands for, as
                Python does not know that `*.localhost` is 127.0.0.1; None: ask.
        """
        secure = url.startswith("https:")
        authority = ssl.create_default_context(cafile=ca_file) if secure else None
        if authority is not None:
            # The WebSocket client reads and writes in two threads. With TLS 1.3 tickets come while
            # it writes its request, and now and then that is never sent.
            authority.maximum_version = ssl.TLSVersion.TLSv1_2
        return cls(url.rstrip("/"), authority, machine)

    def http(self, headers: dict[str, str] | None = None) -> httpx.Client:
        """Return a client for this address."""
        url = httpx.URL(self.url)

        def expect_host(request: httpx.Request) -> None:
            request.extensions["sni_hostname"] = url.host

        return httpx.Client(
            base_url=url.copy_with(host=self.machine or url.host),
            verify=self.authority if self.authority is not None else True,
            timeout=REQUEST_SECONDS,
            headers={"Host": url.netloc.decode(), **(headers or {})},
            # Wherever we connect to, the certificate must be for the host.
            event_hooks={"request": [expect_host]},
        )

    def websocket(self, path: str, headers: dict[str, str]) -> ClientConnection:
        """Open a WebSocket at this address."""
        url = httpx.URL(self.url)
        port = url.port or (80 if self.authority is None else 443)
        return connect(
            self.url.replace("http", "ws", 1) + path,
            address=(self.machine or url.host, port),
            ssl=self.authority,
            additional_headers=headers,
            # A kernel is started while its first connection waits.
            open_timeout=ANSWER_SECONDS,
            proxy=None,
        )


def create_token(address: Address, username: str, password: str) -> str:
    """Sign in as a person does in a browser, and make a token for programs.

    Raises:
        SignInRefused: Name and password do not go together.
    """
    with address.http() as browser:
        form = browser.get("/hub/login").raise_for_status()
        answer = browser.post(
            "/hub/login",
            data={"username": username, "password": password, "_xsrf": _xsrf(form.text)},
        )
        if answer.status_code != httpx.codes.FOUND:
            raise SignInRefused(username)
        page = browser.get("/hub/token").raise_for_status()
        made = browser.post(
            f"/hub/api/users/{username}/tokens",
            json={"note": "made by the client", "expires_in": 3600},
            headers={"X-XSRFToken": _xsrf(page.text), "Referer": f"{address.url}/hub/token"},
        )
        return str(made.raise_for_status().json()["token"])


class Person:
    """What one person does with a token: start a server, run code on it, stop it again."""

    def __init__(self, address: Address, username: str, token: str) -> None:
        self._address = address
        self._username = username
        self._credentials = {"Authorization": f"token {token}"}
        self._http = address.http(self._credentials)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def about(self) -> dict[str, Any]:
        """Return what the hub knows of the person."""
        found = self._http.get(f"/hub/api/users/{self._username}").raise_for_status()
        return dict(found.json())

    def start_server(self) -> None:
        """Start the person's server and follow its progress until it is ready.

        Raises:
            ServerNotStarted: It failed, or took too long.
        """
        server = f"/hub/api/users/{self._username}/server"
        self._http.post(server).raise_for_status()
        if not self._becomes_ready(f"{server}/progress"):
            raise ServerNotStarted(self._username)

    def _becomes_ready(self, progress: str) -> bool:
        """Read the hub's stream of events to its end; return whether it ended well."""
        ready = False
        with self._http.stream("GET", progress, timeout=START_SECONDS) as events:
            events.raise_for_status()
            for line in events.iter_lines():
                if line.startswith("data:"):
                    ready = bool(json.loads(line.removeprefix("data:")).get("ready"))
        return ready

    def stop_server(self) -> None:
        """Stop the person's server."""
        self._http.delete(f"/hub/api/users/{self._username}/server").raise_for_status()

    def upload(self, path: str, text: str) -> None:
        """Write a text file in the person's directory."""
        body = {"type": "file", "format": "text", "content": text}
        self._http.put(self._of_server(f"api/contents/{path}"), json=body).raise_for_status()

    def run(self, code: str) -> str:
        """Run code in a fresh kernel and return the text of its result.

        Raises:
            NoAnswer: The kernel did not answer.
        """
        made = self._http.post(self._of_server("api/kernels"), json={"name": "python3"})
        kernel = made.raise_for_status().json()["id"]
        session = secrets.token_hex(8)
        channels = self._of_server(f"api/kernels/{kernel}/channels?session_id={session}")
        try:
            with self._address.websocket(channels, self._credentials) as kernel_socket:
                return _execute(kernel_socket, session, code)
        finally:
            self._http.delete(self._of_server(f"api/kernels/{kernel}"))

    def _of_server(self, path: str) -> str:
        return f"/user/{self._username}/{path}"


def _execute(kernel: ClientConnection, session: str, code: str) -> str:
    """Ask a kernel to run code; its answer is the result whose parent is the question."""
    question = uuid4().hex
    header = {"msg_id": question, "msg_type": "execute_request", "session": session}
    message = {
        "header": {**header, "username": "", "version": "5.3", "date": ""},
        "parent_header": {},
        "metadata": {},
        "channel": "shell",
        "content": {"code": code, "silent": False, "allow_stdin": False},
    }
    kernel.send(json.dumps(message))
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        answer = json.loads(kernel.recv(timeout=deadline - time.monotonic()))
        if answer["parent_header"].get("msg_id") != question:
            continue
        if answer["msg_type"] == "execute_result":
            return str(answer["content"]["data"]["text/plain"])
        if answer["msg_type"] in {"error", "execute_reply"}:
            raise NoAnswer(json.dumps(answer["content"])[:500])


def _xsrf(page: str) -> str:
    """Return the token a page of the hub carries against forged requests."""
    found = re.search(r'xsrf_token: ?"([^"]+)"', page)
    return found.group(1) if found else ""
