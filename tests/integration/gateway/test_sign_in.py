"""A browser's way to a product: the console, the code, the cookie, and out again."""

import json
import re

import httpx
import pytest

from guesthouse.kit import process
from tests.integration.gateway.conftest import (
    MEMBER,
    OUTSIDER,
    OWNER,
    Browser,
    Caller,
    Gateway,
)
from tests.integration.gateway.serving import LIMIT, until
from tests.integration.gateway.test_gateway import KEPT_SECONDS, SLACK, shown_headers

STATE = re.compile(r"__Host-guesthouse-state=([0-9a-f]{32}); (.*)")
ATTRIBUTES = "Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax"
FORGED = "f" * 32


def begin(browser: Browser, gateway: Gateway, path: str = "/") -> tuple[str, str]:
    """Open a product without a session; return where one is sent, and the state."""
    answer = browser.get(gateway.url("app", path))
    assert answer.status_code == 302
    found = STATE.fullmatch(answer.headers["set-cookie"])
    assert found
    return answer.headers["location"], found[1]


def code_address(browser: Browser, gateway: Gateway, path: str = "/") -> str:
    """Go to the console and return where it sends the browser back."""
    page, _ = begin(browser, gateway, path)
    browser.sign_in(MEMBER)
    answer = browser.get(page)
    assert answer.status_code == 303
    return answer.headers["location"]


def enter(caller: Caller, url: str, state: str) -> httpx.Response:
    """Bring a code with a state, whosever it is."""
    cookies = {"Cookie": f"__Host-guesthouse-state={state}"}
    return caller.request("GET", url, headers=cookies)


def test_a_browser_signs_in_once_and_comes_back_to_where_it_was(
    gateway: Gateway, browser: Browser
) -> None:
    browser.sign_in(MEMBER)
    answer = browser.come_in(gateway.url("app", "/a%2Fb?c=d%20e&state=mine&next=//evil"))
    headers = shown_headers(answer)
    assert answer.json()["path"] == "/a%2Fb"
    assert answer.json()["query"] == "c=d%20e&state=mine&next=//evil"
    assert headers["x-guesthouse-user"].startswith("member")
    assert headers["x-guesthouse-partner"] == "acme"
    assert headers["x-guesthouse-role"] == "viewer"
    assert [each.status_code for each in answer.history] == [302, 303, 302]
    again = browser.get(gateway.url("app"))
    assert (again.status_code, again.history) == (200, [])


def test_the_state_is_the_hosts_alone_and_new_each_time(
    gateway: Gateway, browser: Browser
) -> None:
    answer = browser.get(gateway.url("app", "/x?y=1"))
    found = STATE.fullmatch(answer.headers["set-cookie"])
    assert found
    assert found[2] == ATTRIBUTES
    page = f"https://console.localhost:{gateway.port}/enter/acme/app"
    assert answer.headers["location"] == f"{page}?state={found[1]}&next=/x?y=1"
    assert answer.headers["cache-control"] == "no-store"
    assert begin(browser, gateway)[1] != found[1]


def test_the_cookie_is_the_hosts_alone(gateway: Gateway, browser: Browser) -> None:
    answer = browser.get(code_address(browser, gateway))
    assert answer.status_code == 302
    given, ended = answer.headers.get_list("set-cookie")
    assert re.fullmatch(
        r"__Host-guesthouse=[A-Za-z0-9_-]+; Path=/; Secure; HttpOnly; SameSite=Lax", given
    )
    assert ended.startswith("__Host-guesthouse-state=; Max-Age=0; Path=/; Secure;")
    assert browser.cookie(gateway.host("app"), "__Host-guesthouse-state") is None


def test_a_route_with_a_path_is_signed_in_to_as_well(gateway: Gateway, browser: Browser) -> None:
    browser.sign_in(MEMBER)
    answer = browser.come_in(gateway.url("status", "/status/now?full=1"))
    assert (answer.json()["path"], answer.json()["query"]) == ("/status/now", "full=1")
    from_the_front_door = browser.come_in(gateway.url("status"))
    assert from_the_front_door.json()["path"] == "/status"


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        pytest.param("GET", {"Accept": "*/*"}, id="no-page-wanted"),
        pytest.param("GET", {"Accept": "application/json"}, id="json-wanted"),
        pytest.param("POST", {}, id="no-get"),
        pytest.param("GET", {"Authorization": "Bearer nothing"}, id="a-token"),
        pytest.param("GET", {"Sec-Fetch-Mode": "cors"}, id="a-script"),
    ],
)
def test_programs_are_told_what_to_send(
    gateway: Gateway, browser: Browser, method: str, headers: dict[str, str]
) -> None:
    answer = browser.request(method, gateway.url("app"), headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "set-cookie" not in answer.headers
    assert "Authorization: Bearer" in answer.json()["next_step"]


def test_an_outsider_is_not_brought_in(gateway: Gateway, browser: Browser) -> None:
    browser.sign_in(OUTSIDER)
    answer = browser.come_in(gateway.url("app"))
    assert answer.status_code == 401
    assert answer.url.host == "console.localhost"


def test_a_product_sees_no_cookie_of_the_platform(gateway: Gateway, browser: Browser) -> None:
    browser.sign_in(MEMBER)
    browser.come_in(gateway.url("app"))
    browser.cookies.set("theirs", "1", domain=gateway.host("app"))
    browser.cookies.set("__Host-guesthouse-state", FORGED, domain=gateway.host("app"))
    answer = browser.get(gateway.url("app"))
    assert shown_headers(answer)["cookie"] == "theirs=1"
    assert browser.cookie(gateway.host("app")) is not None


OURS = "__Host-guesthouse=0123456789abcdef0123456789"


@pytest.mark.parametrize("route", ["app", "hub", "api"])
@pytest.mark.parametrize(
    ("sent", "passed"),
    [
        pytest.param(f"{OURS}; a=1; b=2", "a=1; b=2", id="first"),
        pytest.param(f"a=1; {OURS}; b=2", "a=1; b=2", id="middle"),
        pytest.param(f"a=1; b=2; {OURS}", "a=1; b=2", id="last"),
        pytest.param(OURS, None, id="alone"),
        pytest.param(f"a=1; {OURS}; __Host-guesthouse-state={FORGED}; b=2", "a=1; b=2", id="both"),
        pytest.param(f"a=1;{OURS};b=2", "a=1;b=2", id="no-spaces"),
        pytest.param("a=1; __host-GUESTHOUSE=x; b=2", "a=1; b=2", id="other-case"),
        pytest.param("a=1; __Host-guesthouse; b=2", "a=1; b=2", id="no-value"),
        pytest.param("; ".join([OURS] * 4) + "; a=1", None, id="too-many"),
        pytest.param(f"a=1, {OURS}; b=2", None, id="after-a-comma"),
        pytest.param('a="; b="; c=3', 'a="; b="; c=3', id="none-of-ours"),
    ],
)
def test_cookies_of_the_platform_are_taken_out_whatever_stands_beside_them(
    gateway: Gateway, caller: Caller, route: str, sent: str, passed: str | None
) -> None:
    answer = caller.request(
        "GET", gateway.url(route, "/v1.0/x"), token=gateway.token(), headers={"Cookie": sent}
    )
    assert shown_headers(answer).get("cookie") == passed


@pytest.mark.parametrize("protocol", ["--http1.1", "--http2"])
def test_cookies_that_come_in_pieces_are_taken_out_as_well(
    gateway: Gateway, protocol: str
) -> None:
    argv = ["curl", "--silent", "--show-error", "--fail", protocol, gateway.url("app")]
    argv += ["--cacert", str(gateway.ca_file)]
    argv += ["--resolve", f"{gateway.host('app')}:{gateway.port}:127.0.0.1"]
    for piece in ("a=1", OURS, f"__Host-guesthouse-state={FORGED}", "b=2"):
        argv += ["--header", f"Cookie: {piece}"]
    argv += ["--header", f"Authorization: Bearer {gateway.token()}"]
    done = process.run(argv, limit=LIMIT)
    assert done.ok, done.errors
    assert dict(json.loads(done.output)["headers"])["cookie"] == "a=1; b=2"


def test_a_long_cookie_header_is_no_burden(gateway: Gateway, caller: Caller) -> None:
    sent = "; ".join(["__Host-guesthouse"] * 500) + ";" + " " * 6000 + "x"
    answer = caller.request(
        "GET", gateway.url("app"), token=gateway.token(), headers={"Cookie": sent}
    )
    assert "cookie" not in shown_headers(answer)
    assert answer.elapsed.total_seconds() < 1


def test_identity_comes_from_the_control_plane_alone(gateway: Gateway, browser: Browser) -> None:
    browser.sign_in(MEMBER)
    browser.come_in(gateway.url("app"))
    lies = {f"X-Guesthouse-{name}": "forged" for name in ("User", "Partner", "Role")}
    lies |= {f"X-Guesthouse-Relay-{name}": "forged" for name in ("Upstream", "Cookie", "Control")}
    answer = browser.get(gateway.url("app"), headers=lies)
    assert "forged" not in shown_headers(answer).values()
    assert shown_headers(answer)["x-guesthouse-user"].startswith("member")


def test_people_of_the_company_belong_to_no_partner(gateway: Gateway, browser: Browser) -> None:
    browser.sign_in(OWNER)
    headers = shown_headers(browser.come_in(gateway.url("app")))
    assert headers["x-guesthouse-role"] == "operator"
    assert "x-guesthouse-partner" not in headers


def test_a_code_opens_once(gateway: Gateway, browser: Browser, caller: Caller) -> None:
    address = code_address(browser, gateway)
    state = browser.cookie(gateway.host("app"), "__Host-guesthouse-state")
    assert state
    assert browser.get(address).status_code == 302
    replayed = enter(caller, address, state)
    assert replayed.status_code == 403
    assert "set-cookie" not in replayed.headers
    assert "Open acme again" in replayed.text


@pytest.mark.parametrize(
    ("route", "environment"),
    [
        pytest.param("feed", "acme", id="another-route"),
        pytest.param("app", "other", id="another-environment"),
    ],
)
def test_a_code_opens_no_other_host(
    gateway: Gateway, browser: Browser, caller: Caller, route: str, environment: str
) -> None:
    address = code_address(browser, gateway)
    state = browser.cookie(gateway.host("app"), "__Host-guesthouse-state")
    elsewhere = address.replace(gateway.host("app"), gateway.host(route, environment))
    assert elsewhere != address
    assert enter(caller, elsewhere, state or "").status_code == 403


@pytest.mark.parametrize("state", [FORGED, "", "x"], ids=["another", "none", "malformed"])
def test_a_code_opens_in_no_other_browser(
    gateway: Gateway, browser: Browser, caller: Caller, state: str
) -> None:
    stolen = code_address(browser, gateway)
    assert enter(caller, stolen, state).status_code == 403


def test_a_cookie_of_one_route_opens_no_other(
    gateway: Gateway, browser: Browser, caller: Caller
) -> None:
    browser.sign_in(MEMBER)
    browser.come_in(gateway.url("app"))
    cookie = {"Cookie": f"__Host-guesthouse={browser.cookie(gateway.host('app'))}"}
    assert caller.request("GET", gateway.url("app"), headers=cookie).status_code == 200
    for url in (gateway.url("feed", "/x"), gateway.url("app", environment="other")):
        assert caller.request("GET", url, headers=cookie).status_code == 401


def test_two_cookies_of_the_name_open_nothing(
    gateway: Gateway, browser: Browser, caller: Caller
) -> None:
    browser.sign_in(MEMBER)
    browser.come_in(gateway.url("app"))
    good = f"__Host-guesthouse={browser.cookie(gateway.host('app'))}"
    planted = {"Cookie": f"{OURS}; {good}"}
    assert caller.request("GET", gateway.url("app"), headers=planted).status_code == 401


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        pytest.param("https://{app}:{port}", 200, id="own"),
        pytest.param("https://{feed}:{port}", 200, id="own-other-route"),
        pytest.param("https://{neighbour}:{port}", 401, id="another-environment"),
        pytest.param("https://{app}", 401, id="another-port"),
        pytest.param("http://{app}:{port}", 401, id="plain"),
        pytest.param("https://console.localhost:{port}", 401, id="console"),
        pytest.param("https://evil.example", 401, id="foreign"),
        pytest.param("https://{app}:{port}.evil.example", 401, id="longer"),
        pytest.param("https://evil--x--acme.apps.localhost:{port}", 401, id="more-hyphens"),
        pytest.param("null", 401, id="hidden"),
    ],
)
def test_the_cookie_counts_only_from_pages_of_its_environment(
    gateway: Gateway, browser: Browser, origin: str, status: int
) -> None:
    browser.sign_in(MEMBER)
    browser.come_in(gateway.url("app"))
    names = {"app": gateway.host("app"), "feed": gateway.host("feed"), "port": gateway.port}
    sent = origin.format(**names, neighbour=gateway.host("app", "other"))
    answer = browser.post(gateway.url("app"), headers={"Origin": sent})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Sec-Fetch-Site": "same-origin"}, 200, id="own"),
        pytest.param({"Sec-Fetch-Site": "none"}, 200, id="by-hand"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 401, id="a-neighbour"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 401, id="a-stranger"),
        pytest.param(
            {"Sec-Fetch-Site": "same-site", "Referer": "https://{feed}:{port}/x"},
            200,
            id="own-other",
        ),
        pytest.param(
            {
                "Sec-Fetch-Site": "same-site",
                "Referer": "https://{neighbour}:{port}/https://{feed}/",
            },
            401,
            id="a-neighbour-named",
        ),
        pytest.param(
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200, id="a-link"
        ),
    ],
)
def test_the_cookie_counts_for_no_part_of_somebody_elses_page(
    gateway: Gateway, browser: Browser, headers: dict[str, str], status: int
) -> None:
    browser.sign_in(MEMBER)
    browser.come_in(gateway.url("app"))
    names = {"feed": gateway.host("feed"), "port": gateway.port}
    names["neighbour"] = gateway.host("app", "other")
    sent = {"Sec-Fetch-Mode": "no-cors", "Accept": "*/*"} | headers
    sent = {name: value.format(**names) for name, value in sent.items()}
    assert browser.get(gateway.url("app"), headers=sent).status_code == status


def test_who_leaves_is_asked_to_sign_in_again(gateway: Gateway, browser: Browser) -> None:
    browser.sign_in(MEMBER)
    browser.come_in(gateway.url("app"))
    url = gateway.url("app", "/.guesthouse/leave")
    foreign = browser.post(url, headers={"Origin": "https://evil.example"})
    assert "set-cookie" not in foreign.headers
    assert browser.get(gateway.url("app")).status_code == 200
    cookie = browser.cookie(gateway.host("app"))
    left = browser.post(url, headers={"Origin": f"https://{gateway.host('app')}:{gateway.port}"})
    assert left.status_code == 303
    assert left.headers["location"] == "https://console.localhost:8443/"
    assert browser.cookie(gateway.host("app")) is None
    kept = {"Cookie": f"__Host-guesthouse={cookie}"}
    until(
        lambda: browser.get(gateway.url("app"), headers=kept).status_code == 302,
        seconds=KEPT_SECONDS + SLACK,
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("POST", "/.guesthouse/enter?code=x", 405, id="enter-by-form"),
        pytest.param("GET", "/.guesthouse/leave", 405, id="leave-by-link"),
        pytest.param("GET", "/.guesthouse/other", 404, id="unknown"),
    ],
)
def test_the_platforms_own_places_are_no_products(
    gateway: Gateway, caller: Caller, method: str, path: str, status: int
) -> None:
    answer = caller.request(method, gateway.url("app", path), token=gateway.token())
    assert answer.status_code == status


def test_other_products_have_these_places_to_themselves(caller: Caller) -> None:
    answer = caller.get("hub", "/.guesthouse/enter")
    assert answer.json()["path"] == "/.guesthouse/enter"


def test_a_gateway_of_another_machine_brings_people_in_over_https(
    gateway: Gateway, browser: Browser
) -> None:
    browser.sign_in(OWNER)
    answer = browser.come_in(gateway.url("app", "/there", environment="other"))
    assert shown_headers(answer)["x-guesthouse-user"].startswith("owner")
    assert answer.json()["path"] == "/there"
