"""WebSockets and streams, and how they end."""

import json
import socket
import stat
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from tests.integration.gateway.conftest import MEMBER, Browser, Caller, Gateway
from tests.integration.gateway.serving import LIMIT, Relay, until

ENDED_SECONDS = 5
"""How long somebody may stay who has lost their access."""


def is_open(connection: ClientConnection) -> bool:
    try:
        connection.send("there")
        return connection.recv(5) == "echo there"
    except (ConnectionClosed, TimeoutError):
        return False


def cookies(gateway: Gateway, browser: Browser) -> tuple[dict[str, str], str]:
    """Return the headers of a browser that has come in, and its session at the console."""
    session = browser.sign_in(MEMBER)
    assert browser.come_in(gateway.url("app")).status_code == 200
    return {"Cookie": f"__Host-guesthouse={browser.cookie(gateway.host('app'))}"}, session


def test_a_browser_opens_a_websocket_with_its_cookie_which_the_product_does_not_see(
    gateway: Gateway, browser: Browser
) -> None:
    headers, _ = cookies(gateway, browser)
    headers["Cookie"] += "; theirs=1"
    headers["Origin"] = f"https://{gateway.host('app')}:{gateway.port}"
    with gateway.websocket(headers) as connection:
        shown = json.loads(connection.recv(20))
        assert shown["x-guesthouse-user"].startswith("member")
        assert shown["cookie"] == "theirs=1"
        assert [name for name in shown if "relay" in name] == []
        assert is_open(connection)


def test_a_page_of_somebody_else_opens_no_websocket(gateway: Gateway, browser: Browser) -> None:
    headers, _ = cookies(gateway, browser)
    for origin in ("https://evil.example", "null", f"https://{gateway.host('app', 'other')}"):
        with pytest.raises(InvalidStatus, match="401"):
            gateway.websocket({**headers, "Origin": origin})


def test_who_signs_out_is_out_everywhere_within_five_seconds(
    gateway: Gateway, browser: Browser
) -> None:
    headers, session = cookies(gateway, browser)
    with Browser(gateway) as another:
        other, _ = cookies(gateway, another)
    with (
        gateway.websocket(headers) as first,
        gateway.websocket(headers) as second,
        gateway.websocket(other) as others,
    ):
        for each in (first, second, others):
            each.recv(20)
            assert is_open(each)
        gateway.revoke_session(session)
        until(lambda: not is_open(first) and not is_open(second), seconds=ENDED_SECONDS)
        until(
            lambda: browser.get(gateway.url("app"), headers=headers).status_code == 302,
            seconds=ENDED_SECONDS,
        )
        assert is_open(others), "somebody else's goes on"


def test_a_revoked_token_ends_websockets_and_streams_within_five_seconds(
    gateway: Gateway, caller: Caller
) -> None:
    token = gateway.token()
    bearer = {"Authorization": f"Bearer {token}"}
    stream = caller.stream(caller.prepared("GET", gateway.url("feed", "/feed"), headers=bearer))
    lines = stream.iter_raw()
    assert next(lines) == b"data: .\n\n"
    ended = threading.Event()

    def read() -> None:
        try:
            for _ in lines:
                pass
        except httpx.HTTPError:
            ended.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    with gateway.websocket(bearer) as connection:
        connection.recv(20)
        gateway.revoke_newest()
        until(lambda: not is_open(connection), seconds=ENDED_SECONDS)
    assert ended.wait(ENDED_SECONDS), "the stream was cut, not ended"
    reader.join(LIMIT.total_seconds())


def test_a_relay_of_another_machine_asks_over_https(gateway: Gateway) -> None:
    headers = {"Authorization": f"Bearer {gateway.token('other')}"}
    with gateway.websocket(headers, environment="other") as connection:
        connection.recv(20)
        gateway.control.asked.clear()
        until(lambda: gateway.control.asked.count(("other", "app")) >= 2, seconds=6)
        assert is_open(connection)
        gateway.revoke_newest()
        until(lambda: not is_open(connection), seconds=ENDED_SECONDS)


def test_many_connections_of_one_caller_are_one_question(gateway: Gateway) -> None:
    headers = {"Authorization": f"Bearer {gateway.token()}"}
    with ExitStack() as opened:
        for _ in range(20):
            opened.enter_context(gateway.websocket(headers))
        gateway.control.asked.clear()
        until(lambda: len(gateway.control.asked) >= 2, seconds=6)
        assert len(gateway.control.asked) <= 3


def test_a_stream_comes_line_by_line_and_whole(gateway: Gateway, caller: Caller) -> None:
    gateway.product.go_on.clear()
    headers = {"Authorization": f"Bearer {gateway.token()}"}
    url = gateway.url("feed", "/stream")
    response = caller.stream(caller.prepared("GET", url, headers=headers))
    lines = response.iter_lines()
    assert next(lines) == "first"
    gateway.product.go_on.set()
    assert list(lines) == ["second"]
    response.close()


def test_megabytes_pass_in_both_directions(gateway: Gateway) -> None:
    size = 2**19
    headers = {"Authorization": f"Bearer {gateway.token()}"}
    with gateway.websocket(headers) as connection:
        connection.recv(20)
        for _ in range(4):
            connection.send("y" * size)
            assert len(connection.recv(20)) == len("echo ") + size


def test_websockets_outlast_the_control_plane(gateway: Gateway, browser: Browser) -> None:
    headers, _ = cookies(gateway, browser)
    with gateway.websocket(headers) as connection:
        connection.recv(20)
        gateway.control_server.stop()
        try:
            asked = len(gateway.control.asked)
            with gateway.websocket(headers) as opened_meanwhile:
                opened_meanwhile.recv(20)
                with pytest.raises(InvalidStatus, match="503"):
                    gateway.websocket({"Authorization": "Bearer nobody-knows"})
                stays = threading.Event()
                assert not stays.wait(5)
                assert is_open(connection)
                assert is_open(opened_meanwhile)
            assert len(gateway.control.asked) == asked
        finally:
            gateway.control_server.start()
        assert is_open(connection)


def test_nobody_but_the_gateway_opens_the_socket(gateway: Gateway) -> None:
    mode = gateway.relay.socket.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


def _asked(relay: Relay, head: str) -> bytes:
    """Say something to the relay itself; return all it answers until it hangs up."""
    with socket.socket(socket.AF_UNIX) as plain:
        plain.settimeout(20)
        plain.connect(str(relay.socket))
        plain.sendall(head.encode())
        received = bytearray()
        with suppress(ConnectionResetError):
            while some := plain.recv(65536):
                received += some
    return bytes(received)


def _head(upstream: str, control: str = "http://127.0.0.1:1 localhost") -> str:
    lines = {
        "X-Guesthouse-Environment": "acme",
        "X-Guesthouse-Route": "app",
        "X-Guesthouse-Relay-Upstream": upstream,
        "X-Guesthouse-Relay-Control": control,
    }
    headers = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"GET /feed HTTP/1.1\r\n{headers}\r\n"


@pytest.fixture
def alone(tmp_path: Path, gateway: Gateway) -> Relay:
    """A relay nobody else uses, for the addresses of one network."""
    return Relay(tmp_path, gateway.ca_file, pool="127.0.0.2/32")


def test_a_control_plane_with_another_name_vouches_for_nobody(gateway: Gateway) -> None:
    gateway.control.asked.clear()
    # Its certificate lacks the name, so that it is as good as away.
    control = f"https://127.0.0.1:{gateway.port} other.localhost"
    streamed = _asked(gateway.relay, _head(f"127.0.0.1:{gateway.product_port}", control))
    assert streamed.startswith(b"HTTP/1.1 200 OK")
    assert gateway.control.asked == []


def test_it_connects_to_products_and_to_nothing_else(alone: Relay, gateway: Gateway) -> None:
    gateway.control.asked.clear()
    with alone.running():
        port = gateway.control_server.port
        assert _asked(alone, _head(f"127.0.0.1:{port}")) == b""
    assert gateway.control.asked == []
    assert "127.0.0.1 is no container's" in alone.log.read_text()


def test_it_takes_so_many_connections_and_no_more(alone: Relay) -> None:
    with alone.running("--connections", "1"), ExitStack() as held:

        def is_held() -> bool:
            # Whoever looked whether it listens may still be there: then this one is too many.
            first = held.enter_context(socket.socket(socket.AF_UNIX))
            first.settimeout(1)
            first.connect(str(alone.socket))
            first.sendall(b"GET / HTTP/1.1\r\n")
            try:
                first.recv(16)
            except TimeoutError:
                return True
            first.close()
            return False

        until(is_held, seconds=10)
        for _ in range(3):
            assert _asked(alone, "").startswith(b"HTTP/1.1 503 ")
            assert _asked(alone, _head("127.0.0.2:1")).startswith(b"HTTP/1.1 503 ")


def test_it_takes_no_endless_head(alone: Relay) -> None:
    with alone.running():
        head = _head("127.0.0.2:1").removesuffix("\r\n")
        assert _asked(alone, head + f"X-Long: {'x' * 200_000}") == b""
