"""What the rendered sites do in a real nginx."""

import datetime as dt
import json
import socket
import ssl
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from guesthouse.gateway.headers import FORGEABLE
from guesthouse.kit import process
from guesthouse.kit.clock import SystemClock
from tests.integration.gateway.conftest import FORWARDED_PORT, UPLOAD, Caller, Gateway
from tests.integration.gateway.serving import LIMIT, until

HSTS = "max-age=31536000"
KEPT_SECONDS = 5
"""How long an answer of the control plane may be used while it is there."""
SLACK = 0.5


def shown_headers(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 200
    pairs = response.json()["headers"]
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), "a header came twice"
    return dict(pairs)


def test_a_token_passes_and_the_product_learns_who_asked_what(
    gateway: Gateway, caller: Caller
) -> None:
    response = caller.get("app", "/a%2Fb?c=d%20e", token=gateway.token())
    headers = shown_headers(response)
    authority = f"app--acme.apps.localhost:{gateway.port}"
    assert response.json()["path"] == "/a%2Fb"
    assert response.json()["query"] == "c=d%20e"
    expected = {
        "host": authority,
        "x-forwarded-host": authority,
        "x-forwarded-proto": "https",
        "x-forwarded-port": str(gateway.port),
        "x-forwarded-for": "127.0.0.1",
        "x-real-ip": "127.0.0.1",
        "x-guesthouse-environment": "acme",
        "x-guesthouse-route": "app",
    }
    assert {name: headers.get(name) for name in expected} == expected


@pytest.mark.parametrize("route", ["app", "feed", "hub"])
def test_the_product_is_not_told_what_the_relay_is(
    gateway: Gateway, caller: Caller, route: str
) -> None:
    headers = shown_headers(caller.get(route, token=gateway.token()))
    assert [name for name in headers if "relay" in name] == []


def test_the_product_never_gets_a_token_of_the_platform(gateway: Gateway, caller: Caller) -> None:
    assert "authorization" not in shown_headers(caller.get("app", token=gateway.token()))


@pytest.mark.parametrize("route", ["app", "hub"])
def test_forged_headers_do_not_reach_the_product(
    gateway: Gateway, caller: Caller, route: str
) -> None:
    honest = {"X-Forwarded-For", "X-Guesthouse-Environment", "X-Guesthouse-Route", "X-Real-IP"}
    forged = dict.fromkeys((*FORGEABLE, *honest, "X-Forwarded-Proto"), "forged")
    response = caller.request("GET", gateway.url(route), token=gateway.token(), headers=forged)
    assert "forged" not in shown_headers(response).values()


@pytest.mark.parametrize("route", ["app", "hub"])
def test_no_spelling_of_a_header_reaches_the_product_unseen(
    gateway: Gateway, caller: Caller, route: str
) -> None:
    forged = {
        "X_Forwarded_For": "forged",
        "X_Guesthouse_Environment": "forged",
        "Remote_User": "forged",
        "x-FORWARDED-user": "forged",
        "X.Forwarded.For": "forged",
        # Hop by hop: whoever is told to drop the true ones could be told lies instead.
        "Connection": "close, X-Forwarded-For, X-Real-IP, X-Guesthouse-Route",
    }
    response = caller.request("GET", gateway.url(route), token=gateway.token(), headers=forged)
    headers = shown_headers(response)
    assert "forged" not in headers.values()
    assert headers["x-forwarded-for"] == headers["x-real-ip"] == "127.0.0.1"
    assert headers["x-guesthouse-route"] == route
    assert "X-Forwarded-For" not in headers.get("connection", "")


def test_a_host_header_can_not_lie_to_the_product(gateway: Gateway) -> None:
    request = (
        f"GET {gateway.url('api', '/v1.0/x')} HTTP/1.1\r\n"
        "Host: evil.example\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", gateway.port), 20) as plain:
        host = gateway.host("api")
        with gateway.context().wrap_socket(plain, server_hostname=host) as secure:
            secure.sendall(request.encode())
            answer = b"".join(iter(lambda: secure.recv(65536), b""))
    assert b"200 OK" in answer
    assert b"evil.example" not in answer


@pytest.mark.parametrize("outside", [True, False], ids=["outside", "on-the-instance"])
def test_a_product_behind_a_forwarded_port_hears_of_the_one_its_caller_used(
    gateway: Gateway, caller: Caller, *, outside: bool
) -> None:
    port = FORWARDED_PORT if outside else gateway.port
    authority = f"{gateway.host('hub', 'forwarded')}:{port}"
    url = gateway.url("hub", "/", "forwarded")
    headers = shown_headers(caller.request("GET", url, headers={"Host": authority}))
    assert headers["host"] == headers["x-forwarded-host"] == authority
    assert headers["x-forwarded-port"] == str(port)


def test_no_other_port_is_believed(gateway: Gateway, caller: Caller) -> None:
    host = gateway.host("hub", "forwarded")
    url = gateway.url("hub", "/", "forwarded")
    headers = shown_headers(caller.request("GET", url, headers={"Host": f"{host}:1"}))
    assert headers["host"] == f"{host}:{FORWARDED_PORT}"


def test_plain_http_is_led_to_https(gateway: Gateway) -> None:
    with httpx.Client() as client:
        response = client.post(
            f"http://127.0.0.1:{gateway.port}/x?y=1",
            headers={"Host": gateway.host("app")},
        )
    assert response.status_code == 308
    assert response.headers["location"] == gateway.url("app", "/x?y=1")


@pytest.mark.parametrize(
    ("route", "path", "status"),
    [
        pytest.param("hub", "/", 200, id="product"),
        pytest.param("hub", "/broken", 500, id="product-fails"),
        pytest.param("app", "/", 401, id="refused"),
        pytest.param("gone", "/", 502, id="product-away"),
        pytest.param("api", "/elsewhere", 404, id="outside-the-path"),
    ],
)
def test_every_answer_asks_browsers_to_stay_with_https(
    caller: Caller, route: str, path: str, status: int
) -> None:
    response = caller.get(route, path)
    assert response.status_code == status
    assert response.headers.get_list("strict-transport-security") == [HSTS]
    assert "x-powered-by" not in response.headers
    assert response.headers["server"] == "nginx"


def test_curl_accepts_the_certificate_and_speaks_http_2(gateway: Gateway) -> None:
    argv = ["curl", "--silent", "--show-error", "--fail", "--cacert", str(gateway.ca_file)]
    argv += ["--write-out", "%{http_version}", gateway.url("hub")]
    argv += ["--resolve", f"{gateway.host('hub')}:{gateway.port}:127.0.0.1"]
    done = process.run(argv, limit=LIMIT)
    assert done.ok, done.errors
    assert '"method": "GET"' in done.output
    assert done.output.endswith("}2"), "pages with many parts want HTTP/2"


def test_a_stranger_without_our_ca_refuses_the_certificate(gateway: Gateway) -> None:
    context = ssl.create_default_context()
    with (
        socket.create_connection(("127.0.0.1", gateway.port), 20) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(plain, server_hostname=gateway.host("app"))


@pytest.mark.parametrize("name", ["nobody--acme.apps.localhost", "evil.example"])
def test_an_unknown_host_reaches_no_product(gateway: Gateway, caller: Caller, name: str) -> None:
    gateway.product.seen.clear()
    headers = {"Host": name}
    response = caller.request("GET", gateway.url("hub"), headers=headers)
    assert response.status_code == 421
    assert gateway.product.seen == []


def test_websockets_pass(gateway: Gateway) -> None:
    with gateway.websocket({"Authorization": f"Bearer {gateway.token()}"}) as socket_:
        shown = json.loads(socket_.recv(20))
        assert shown["x-guesthouse-user"] == "member"
        assert not {name for name in shown if "relay" in name or name == "authorization"}
        socket_.send("hello")
        assert socket_.recv(20) == "echo hello"
        socket_.send("again")
        assert socket_.recv(20) == "echo again"


def test_websockets_need_a_token_as_well(gateway: Gateway) -> None:
    with pytest.raises(InvalidStatus, match="401"):
        gateway.websocket({})


def test_streams_are_not_held_back(gateway: Gateway, caller: Caller) -> None:
    gateway.product.go_on.clear()
    response = caller.stream(caller.prepared("GET", gateway.url("hub", "/stream")))
    lines = response.iter_lines()
    assert next(lines) == "first"
    gateway.product.go_on.set()
    assert list(lines) == ["second"]
    response.close()


def test_streamed_uploads_are_not_held_back(gateway: Gateway, caller: Caller) -> None:
    gateway.product.has_body.clear()

    def parts() -> Iterator[bytes]:
        yield b"first"
        assert gateway.product.has_body.wait(LIMIT.total_seconds())
        yield b"second"

    response = caller.request("POST", gateway.url("hub"), content=parts())
    assert response.json()["received"] == len(b"firstsecond")


@pytest.mark.parametrize("route", ["app", "hub"])
def test_uploads_pass_up_to_the_declared_size(
    gateway: Gateway, caller: Caller, route: str
) -> None:
    token = gateway.token()
    url = gateway.url(route)
    fits = caller.request("POST", url, token=token, content=b"x" * UPLOAD)
    assert (fits.status_code, fits.json()["received"]) == (200, UPLOAD)
    too_big = caller.request("POST", url, token=token, content=b"x" * (UPLOAD + 1))
    assert too_big.status_code == 413
    assert too_big.headers["content-type"] == "application/problem+json"
    assert f"{UPLOAD} bytes" in too_big.json()["detail"]


def test_no_token_is_answered_with_what_to_do(caller: Caller) -> None:
    responses = [caller.get("app"), caller.get("app")]
    for each in responses:  # asked for, and kept
        assert each.headers.get_list("www-authenticate") == ['Bearer realm="guesthouse"']
    response = responses[0]
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert "Authorization: Bearer" in response.json()["next_step"]


def test_an_unauthenticated_upload_never_reaches_the_product(
    gateway: Gateway, caller: Caller
) -> None:
    url = gateway.url("app", "/refused")
    assert caller.request("POST", url, content=b"x" * 1000).status_code == 401
    assert "/refused" not in gateway.product.seen


def test_an_outsider_is_answered_like_someone_lost(gateway: Gateway, caller: Caller) -> None:
    outsider = gateway.token("other")
    other = caller.get("app", token=outsider)
    assert other.status_code == 403
    lost = caller.get("app", token=gateway.token("nobody"))
    assert (lost.status_code, lost.json()) == (403, other.json())


def test_an_answer_for_one_environment_opens_no_other(gateway: Gateway, caller: Caller) -> None:
    token = gateway.token()
    assert caller.get("app", token=token).status_code == 200
    response = caller.request("GET", gateway.url("app", "/", "other"), token=token)
    assert response.status_code == 403


def test_the_control_plane_is_asked_once_for_many_requests(
    gateway: Gateway, caller: Caller
) -> None:
    token = gateway.token()
    gateway.control.asked.clear()
    for _ in range(20):
        assert caller.get("app", token=token).status_code == 200
    assert gateway.control.asked == [("acme", "app")]


@pytest.mark.parametrize("route", ["hub", "api"])
def test_other_access_passes_without_asking(gateway: Gateway, caller: Caller, route: str) -> None:
    gateway.control.asked.clear()
    headers = {"Authorization": "Basic dXNlcjpwYXNz"}
    response = caller.request("GET", gateway.url(route, "/v1.0/x"), headers=headers)
    assert shown_headers(response)["authorization"] == "Basic dXNlcjpwYXNz"
    assert gateway.control.asked == []


def test_a_product_signs_people_in_itself(caller: Caller) -> None:
    response = caller.get("hub", "/sign-in")
    assert (response.status_code, response.text) == (401, "product's own")
    assert response.headers["www-authenticate"] == "Basic"


def test_a_products_own_failure_is_shown_as_it_is(gateway: Gateway, caller: Caller) -> None:
    response = caller.get("app", "/broken", token=gateway.token())
    assert (response.status_code, response.text) == (500, "oops")


def test_a_product_can_not_send_nginx_elsewhere(caller: Caller) -> None:
    response = caller.get("hub", "/accel")
    assert (response.status_code, response.text) == (200, "mine")


def test_the_inner_location_is_closed(gateway: Gateway, caller: Caller) -> None:
    gateway.control.asked.clear()
    token = gateway.token()
    assert caller.get("app", "/.guesthouse/authorise", token=token).status_code == 404
    assert gateway.control.asked == []


def test_a_product_that_is_away_is_said(caller: Caller) -> None:
    response = caller.get("gone")
    assert response.status_code == 502
    assert response.json()["next_step"] == "Look at it: guesthouse env show acme"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/v1.0", 200, id="itself"),
        pytest.param("/v1.0/x", 200, id="below"),
        pytest.param("/v1.0x", 404, id="beside"),
        pytest.param("/v1x0/x", 404, id="dot-is-a-dot"),
        pytest.param("/v1.0/../admin", 404, id="up"),
        pytest.param("/v1.0/%2e%2e/admin", 404, id="up-encoded"),
        pytest.param("/v1.0/..%2fadmin", 404, id="up-with-encoded-slash"),
        pytest.param("/v1.0?next=/../x", 200, id="dots-in-the-query"),
        pytest.param("/v1.0/a..b/..c", 200, id="dots-in-a-name"),
        # The product gets the address as it was written, and may read it otherwise than nginx.
        pytest.param("/admin/../v1.0/x", 404, id="from-beside"),
        pytest.param("/admin/..%2Fv1.0/x", 404, id="from-beside-with-encoded-slash"),
        pytest.param("/admin//../v1.0/x", 404, id="from-beside-with-two-slashes"),
        pytest.param("//v1.0/x", 404, id="two-slashes"),
        pytest.param("/v1.0/../admin/%2e%2e/v1.0/x", 404, id="out-and-in"),
        pytest.param("/v1.0/..;a=b/admin", 404, id="up-with-parameters"),
        pytest.param("/v1.0/..%5Cadmin", 404, id="up-with-backslash"),
    ],
)
def test_a_route_with_a_path_opens_nothing_beside_it(
    gateway: Gateway, path: str, status: int
) -> None:
    host = gateway.host("api")
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", gateway.port), 20) as plain,
        gateway.context().wrap_socket(plain, server_hostname=host) as secure,
    ):
        secure.sendall(request.encode())
        answer = b"".join(iter(lambda: secure.recv(65536), b""))
    assert answer.split(b" ", 2)[1] == str(status).encode()


def test_a_routes_front_door_leads_to_its_path(gateway: Gateway, caller: Caller) -> None:
    response = caller.get("api")
    assert (response.status_code, response.headers["location"]) == (
        302,
        gateway.url("api", "/v1.0"),
    )


def test_a_revoked_token_is_refused_within_the_time_answers_are_kept(
    gateway: Gateway, caller: Caller
) -> None:
    token = gateway.token()
    assert caller.get("app", token=token).status_code == 200
    gateway.revoke_newest()
    until(lambda: caller.get("app", token=token).status_code == 401, seconds=KEPT_SECONDS + SLACK)


def test_an_expired_token_is_refused_within_the_time_answers_are_kept(
    gateway: Gateway, caller: Caller
) -> None:
    token = gateway.token(lifetime=dt.timedelta(seconds=1))
    assert caller.get("app", token=token).status_code == 200
    until(lambda: caller.get("app", token=token).status_code == 401, seconds=KEPT_SECONDS + SLACK)


def test_a_new_grant_is_not_kept_out_for_long(gateway: Gateway, caller: Caller) -> None:
    token = gateway.token("nobody")
    assert caller.get("app", token=token).status_code == 403
    gateway.control.asked.clear()
    assert caller.get("app", token=token).status_code == 403
    assert gateway.control.asked == [], "a refusal is kept, too"
    until(
        lambda: (
            caller.get("app", token=token).status_code == 403 and len(gateway.control.asked) > 0
        ),
        seconds=KEPT_SECONDS,
    )


def test_the_control_plane_may_be_asked_over_https(gateway: Gateway, caller: Caller) -> None:
    token = gateway.token("other")
    gateway.control.asked.clear()
    response = caller.request("GET", gateway.url("app", "/", "other"), token=token)
    assert response.status_code == 200
    assert gateway.control.asked == [("other", "app")]


def test_a_control_plane_with_another_name_is_not_believed(
    gateway: Gateway, caller: Caller
) -> None:
    gateway.control.asked.clear()
    url = gateway.url("app", "/", "untrusting")
    response = caller.request("GET", url, token=gateway.token())
    assert response.status_code == 503
    assert gateway.control.asked == []


def test_whoever_was_admitted_stays_admitted_while_the_control_plane_is_away(
    gateway: Gateway, caller: Caller
) -> None:
    known, stranger = gateway.token(), gateway.token()
    assert caller.get("app", token=known).status_code == 200
    refused = "ghs_nobody"
    assert caller.get("app", token=refused).status_code == 401
    gateway.control_server.stop()
    try:
        unknown = caller.get("app", token=stranger)
        assert unknown.status_code == 503
        assert "does not answer" in unknown.json()["detail"]
        statuses: set[int] = set()
        deadline = dt.timedelta(seconds=KEPT_SECONDS + 1)
        _watch(caller, known, statuses, deadline)
        assert statuses == {200}
        assert caller.get("app", token=refused).status_code == 503, "not known, not let in"
    finally:
        gateway.control_server.start()
    assert caller.get("app", token=stranger).status_code == 200


def test_a_control_plane_that_fails_counts_as_away(gateway: Gateway, caller: Caller) -> None:
    known = gateway.token()
    assert caller.get("app", token=known).status_code == 200
    gateway.control.status = 500
    gateway.control.asked.clear()
    try:
        until(
            lambda: (
                caller.get("app", token=known).status_code == 200
                and len(gateway.control.asked) > 0
            ),
            seconds=KEPT_SECONDS + 2,
        )
        assert caller.get("app", token=gateway.token()).status_code == 503
    finally:
        gateway.control.status = None


def _watch(caller: Caller, token: str, statuses: set[int], duration: dt.timedelta) -> None:
    """Call until the time is over, and keep each status that came."""
    started = dt.timedelta(seconds=SystemClock().monotonic())

    def is_over() -> bool:
        statuses.add(caller.get("app", token=token).status_code)
        return dt.timedelta(seconds=SystemClock().monotonic()) - started > duration

    until(is_over, seconds=duration.total_seconds() + 5)
