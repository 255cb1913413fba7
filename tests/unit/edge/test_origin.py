"""Whose page sent a request, told by what browsers say of it."""

from contextlib import nullcontext
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from guesthouse.edge.origin import CrossOrigin, check_anonymous_use, check_cookie_use

HOST = "console.guesthouse.test:8443"
OWN = f"https://{HOST}"
NEIGHBOUR = "https://app--acme.guesthouse.test:8443"
# Request: (method, Sec-Fetch-Site, Origin, may it use a cookie, may it go without one).
CASES = [
    pytest.param("GET", None, None, True, True, id="read-by-a-program"),
    pytest.param("GET", "cross-site", None, True, True, id="read-by-following-a-link"),
    pytest.param("GET", "same-origin", None, True, True, id="stream-of-our-page"),
    pytest.param("GET", "same-origin", OWN, True, True, id="read-with-our-origin"),
    pytest.param("GET", "cross-site", "https://evil.test", False, True, id="foreign-stream"),
    pytest.param("GET", "same-site", NEIGHBOUR, False, True, id="neighbours-stream"),
    pytest.param("GET", None, "null", False, True, id="stream-of-a-sandboxed-page"),
    pytest.param("WEBSOCKET", None, "https://evil.test", False, True, id="foreign-websocket"),
    pytest.param("WEBSOCKET", None, OWN, True, True, id="websocket-of-our-page"),
    pytest.param("WEBSOCKET", None, None, True, True, id="websocket-of-a-program"),
    pytest.param("POST", "same-origin", OWN, True, True, id="our-form"),
    pytest.param("POST", "same-origin", "null", True, True, id="our-form-without-referrer"),
    pytest.param("POST", "none", None, True, True, id="typed-by-the-person"),
    pytest.param("POST", "same-site", NEIGHBOUR, False, False, id="neighbours-form"),
    pytest.param("POST", "cross-site", "https://evil.test", False, False, id="foreign-form"),
    pytest.param("POST", "cross-site", OWN, False, False, id="origin-does-not-outweigh-site"),
    pytest.param("POST", "", OWN, False, False, id="empty-site"),
    pytest.param("POST", None, OWN, True, True, id="our-form-in-an-old-browser"),
    pytest.param("POST", None, OWN.upper(), True, True, id="hosts-have-no-case"),
    pytest.param("POST", None, "https://evil.test", False, False, id="foreign-form-old-browser"),
    pytest.param("POST", None, OWN.removesuffix(":8443"), False, False, id="another-port"),
    pytest.param("POST", None, f"https://{HOST}.evil.test", False, False, id="longer-host"),
    pytest.param("POST", None, "null", False, False, id="origin-hidden"),
    pytest.param("POST", None, "", False, False, id="origin-empty"),
    pytest.param("POST", None, None, False, True, id="written-by-a-program"),
    pytest.param("DELETE", "cross-site", None, False, False, id="foreign-delete"),
    pytest.param("PUT", "same-site", None, False, False, id="neighbours-put"),
]


def _connection(method: str, site: str | None, origin: str | None, host: str) -> HTTPConnection:
    given = {"host": host, "sec-fetch-site": site, "origin": origin}
    headers = [
        (name.encode(), value.encode()) for name, value in given.items() if value is not None
    ]
    scope: dict[str, Any] = {"type": "http", "method": method, "headers": headers}
    if method == "WEBSOCKET":
        scope = {"type": "websocket", "headers": headers}
    return HTTPConnection(scope)


@pytest.mark.parametrize(("method", "site", "origin", "with_cookie", "without"), CASES)
def test_whose_pages_may_send_what(
    *, method: str, site: str | None, origin: str | None, with_cookie: bool, without: bool
) -> None:
    connection = _connection(method, site, origin, HOST)
    with nullcontext() if with_cookie else pytest.raises(CrossOrigin):
        check_cookie_use(connection)
    with nullcontext() if without else pytest.raises(CrossOrigin):
        check_anonymous_use(connection)


@pytest.mark.parametrize(("scheme", "passes"), [("https", False), ("wss", False), ("http", True)])
def test_a_page_of_our_name_without_tls_is_not_ours(*, scheme: str, passes: bool) -> None:
    connection = _connection("POST", None, f"http://{HOST}", HOST)
    connection.scope["scheme"] = scheme
    for check in (check_cookie_use, check_anonymous_use):
        with nullcontext() if passes else pytest.raises(CrossOrigin):
            check(connection)


def test_a_request_without_a_host_is_nobodys() -> None:
    with pytest.raises(CrossOrigin):
        check_cookie_use(_connection("POST", None, "https://", ""))
