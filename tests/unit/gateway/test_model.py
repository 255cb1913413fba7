from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from guesthouse.errors import Kind
from guesthouse.gateway.model import (
    ControlPlane,
    Decision,
    Route,
    RouteInvalid,
    Site,
    route_host,
)

HOST = "app--acme.apps.localhost"
CONSOLE = "https://console.example.com"
CONTROL = ControlPlane("http://127.0.0.1:8470", CONSOLE)
INJECTION = "x; } server { listen 80"


def route(**changed: Any) -> Route:  # noqa: ANN401 - fields of many types
    values: dict[str, Any] = {
        "name": "app",
        "host": HOST,
        "address": "10.201.1.3",
        "port": 8080,
    }
    return Route(**values | changed)


def site(**changed: Any) -> Site:  # noqa: ANN401 - fields of many types
    values: dict[str, Any] = {
        "environment": "acme",
        "routes": (route(),),
        "port": 8443,
        "root": "/var/lib/guesthouse/gateway",
        "control": CONTROL,
    }
    return Site(**values | changed)


def test_a_routes_host_is_one_label_below_the_apps_domain() -> None:
    assert route_host("app", "acme", "apps.localhost") == HOST


def test_a_label_has_at_most_63_characters() -> None:
    route_host("r" * 30, "e" * 31, "apps.localhost")
    with pytest.raises(RouteInvalid, match="can't be served") as caught:
        route_host("r" * 31, "e" * 31, "apps.localhost")
    assert caught.value.kind is Kind.INVALID


@pytest.mark.parametrize(
    ("name", "environment", "domain"),
    [
        pytest.param("xn", "acme", "apps.localhost", id="punycode"),
        pytest.param("a--b", "acme", "apps.localhost", id="two-hyphens"),
        pytest.param("app-", "acme", "apps.localhost", id="hyphen-at-end"),
        pytest.param("App", "acme", "apps.localhost", id="capital"),
        pytest.param("", "acme", "apps.localhost", id="empty"),
        pytest.param("app\n", "acme", "apps.localhost", id="newline"),
        pytest.param("app", INJECTION, "apps.localhost", id="environment"),
        pytest.param("app", "acme", "apps.localhost;", id="domain"),
        pytest.param("app", "acme", "apps..localhost", id="empty-label"),
        pytest.param("app", "acme", f"{'a.' * 120}localhost", id="long-host"),
    ],
)
def test_odd_names_make_no_host(name: str, environment: str, domain: str) -> None:
    with pytest.raises(RouteInvalid):
        route_host(name, environment, domain)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"name": INJECTION}, id="name"),
        pytest.param({"host": INJECTION}, id="host"),
        pytest.param({"host": f"{HOST}\n"}, id="host-newline"),
        pytest.param({"address": INJECTION}, id="address"),
        pytest.param({"address": "unix:/run/docker.sock"}, id="address-socket"),
        pytest.param({"address": "api"}, id="address-name"),
        pytest.param({"port": 0}, id="port-0"),
        pytest.param({"port": 65536}, id="port-65536"),
        pytest.param({"path": "api"}, id="path-relative"),
        pytest.param({"path": "/a b"}, id="path-blank"),
        pytest.param({"path": "/a/../b"}, id="path-up"),
        pytest.param({"path": "/${host}"}, id="path-variable"),
        pytest.param({"path": "/{"}, id="path-brace"),
        pytest.param({"path": "/x\n"}, id="path-newline"),
        pytest.param({"upload_bytes": 0}, id="upload-0"),
    ],
)
def test_a_route_takes_no_value_that_could_be_configuration(changed: dict[str, Any]) -> None:
    with pytest.raises(RouteInvalid):
        route(**changed)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"environment": INJECTION}, id="environment"),
        pytest.param({"port": 0}, id="port"),
        pytest.param({"public_port": 65536}, id="public-port"),
        pytest.param({"root": "var/lib"}, id="root-relative"),
        pytest.param({"root": "/var/lib; }"}, id="root-odd"),
        pytest.param({"routes": (route(), route(name="b"))}, id="host-twice"),
    ],
)
def test_a_site_takes_no_value_that_could_be_configuration(changed: dict[str, Any]) -> None:
    with pytest.raises(RouteInvalid):
        site(**changed)


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8470",
        "http://127.0.0.1:8470/",
        "http://127.0.0.1:8470/x",
        "http://a b",
        "file:///etc/passwd",
        "http://user@host",
        "http://-x",
    ],
)
def test_the_control_planes_address_is_scheme_host_and_port(url: str) -> None:
    with pytest.raises(RouteInvalid):
        ControlPlane(url, CONSOLE)


@pytest.mark.parametrize("console", ["", "http://console.localhost", f"{CONSOLE}/"])
def test_people_are_sent_to_a_console_over_https_only(console: str) -> None:
    with pytest.raises(RouteInvalid):
        ControlPlane("http://127.0.0.1:8470", console)


def test_the_control_planes_name_may_differ_from_its_address() -> None:
    control = ControlPlane("https://203.0.113.7:8443", CONSOLE, "console.example.com")
    assert (control.host, control.authority) == ("console.example.com", "203.0.113.7:8443")
    assert ControlPlane(CONSOLE, CONSOLE).host == "console.example.com"


@pytest.mark.parametrize(
    ("url", "authority"),
    [("https://a.example", "a.example:443"), ("http://127.0.0.1", "127.0.0.1:80")],
)
def test_the_control_planes_port_is_the_usual_one_unless_said(url: str, authority: str) -> None:
    assert ControlPlane(url, CONSOLE).authority == authority


@pytest.mark.parametrize(
    ("changed", "url"),
    [
        pytest.param({}, f"https://{HOST}:8443/", id="port"),
        pytest.param({"port": 443}, f"https://{HOST}/", id="usual-port"),
        pytest.param({"public_port": 9443}, f"https://{HOST}:9443/", id="forwarded-port"),
    ],
)
def test_addresses_name_the_port_unless_it_is_the_usual_one(
    changed: dict[str, Any], url: str
) -> None:
    made = site(**changed)
    assert made.url(made.routes[0]) == url


def test_nginx_is_answered_only_what_it_knows() -> None:
    assert {decision.status for decision in Decision} == {204, 401, 403}
    assert Decision.NOT_FOUND.status == Decision.DENIED.status


NAMES = st.from_regex(r"[a-z](-?[a-z0-9]){0,12}", fullmatch=True)


@given(pair=st.tuples(NAMES, NAMES), other=st.tuples(NAMES, NAMES))
@example(pair=("a", "b-c"), other=("a-b", "c"))
def test_no_two_environments_share_a_host(pair: tuple[str, str], other: tuple[str, str]) -> None:
    hosts = {route_host(route, name, "apps.localhost") for route, name in (pair, other)}
    assert len(hosts) == len({pair, other})
