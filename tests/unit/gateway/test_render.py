import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from guesthouse.gateway.headers import FORGEABLE
from guesthouse.gateway.model import Access, ControlPlane, Route, Site, route_host
from guesthouse.gateway.render import render_site
from guesthouse.gateway.trust import trust_instructions
from tests.golden.compare import assert_golden

APPS = "apps.localhost"


def route(name: str, **changed: Any) -> Route:  # noqa: ANN401 - fields of many types
    made = Route(name, route_host(name, "acme", APPS), "10.201.1.3", 8080)
    return replace(made, **changed)


PLATFORM = route("app", websockets=True, upload_bytes=10 * 2**20)
PRODUCT = route("hub", access=Access.PRODUCT, websockets=True, path="/hub/")
PUBLIC = route("api", access=Access.PUBLIC, streaming=True, path="/v1.0")
LOCAL = Site(
    environment="acme",
    routes=(PLATFORM, PRODUCT, PUBLIC),
    port=8443,
    root="/var/lib/guesthouse/gateway",
    control=ControlPlane("http://127.0.0.1:8470", "https://console.localhost:8443"),
)
REMOTE = replace(
    LOCAL,
    routes=(route("app"), route("feed", streaming=True)),
    port=443,
    control=ControlPlane(
        "https://203.0.113.7:8443", "https://console.example.com:8443", "console.example.com"
    ),
)
FORWARDED = replace(LOCAL, routes=(PUBLIC,), port=443, public_port=8444)


@pytest.mark.parametrize(
    ("name", "site"),
    [
        pytest.param("three-routes.conf", LOCAL, id="three-routes"),
        pytest.param("remote.conf", REMOTE, id="remote"),
        pytest.param("forwarded.conf", FORWARDED, id="forwarded"),
        pytest.param("no-routes.conf", replace(LOCAL, routes=()), id="no-routes"),
    ],
)
def test_sites_are_as_reviewed(name: str, site: Site) -> None:
    assert_golden(f"gateway/{name}", render_site(site))


def _block(text: str, host: str) -> str:
    return next(part for part in text.split("\nserver {")[1:] if f"server_name {host};" in part)


@pytest.mark.parametrize("made", [PLATFORM, PRODUCT, PUBLIC], ids=lambda made: made.name)
def test_only_platform_routes_ask_and_take_the_token_away(made: Route) -> None:
    block = _block(render_site(LOCAL), made.host)
    is_platform = made.access is Access.PLATFORM
    assert ("auth_request" in block) is is_platform
    assert ('proxy_set_header Authorization "";' in block) is is_platform


@pytest.mark.parametrize("made", [PLATFORM, PRODUCT, PUBLIC], ids=lambda made: made.name)
def test_every_route_strips_what_could_be_forged(made: Route) -> None:
    block = _block(render_site(LOCAL), made.host)
    missing = [name for name in FORGEABLE if f'proxy_set_header {name} "";' not in block]
    told = {"X-Guesthouse-Partner", "X-Guesthouse-Role", "X-Guesthouse-User"}
    assert set(missing) == (told if made.access is Access.PLATFORM else set())


@pytest.mark.parametrize("made", [PLATFORM, PRODUCT, PUBLIC], ids=lambda made: made.name)
def test_no_route_hands_on_cookies_of_the_platform(made: Route) -> None:
    block = _block(render_site(LOCAL), made.host)
    assert block.count("proxy_set_header Cookie ") == 1
    assert "proxy_set_header Cookie $guesthouse_product_cookie;" in block


def test_only_what_can_last_goes_through_the_relay() -> None:
    plain = render_site(replace(LOCAL, routes=(route("app"), PRODUCT, PUBLIC)))
    assert "guesthouse_relay;" not in plain
    block = _block(render_site(REMOTE), "feed--acme.apps.localhost")
    assert "proxy_pass http://guesthouse_relay;" in block


def test_a_site_without_platform_routes_asks_nobody() -> None:
    assert "guesthouse_control" not in render_site(FORWARDED)


@pytest.mark.parametrize(
    "name",
    [
        "Forwarded",
        "Proxy",
        "Remote-User",
        "X-Client-Cert",
        "X-Forwarded-Client-Cert",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Port",
        "X-Forwarded-Prefix",
        "X-Forwarded-Proto",
        "X-Forwarded-User",
        "X-Guesthouse-Environment",
        "X-Guesthouse-Partner",
        "X-Guesthouse-Route",
        "X-Guesthouse-User",
        "X-Original-URL",
        "X-Real-IP",
        "X-Rewrite-URL",
    ],
)
def test_no_route_passes_on_what_products_are_known_to_believe(name: str) -> None:
    for made in LOCAL.routes:
        assert f"proxy_set_header {name} " in _block(render_site(LOCAL), made.host)


def test_the_names_are_each_listed_once_and_without_underscores() -> None:
    lower = [name.lower() for name in FORGEABLE]
    assert sorted(set(lower)) == sorted(lower)
    assert not any("_" in name for name in FORGEABLE)


ROLES = Path(__file__).parents[3] / "ansible" / "roles"


def test_nginx_drops_names_with_underscores_and_malformed_ones() -> None:
    text = (ROLES / "gateway/templates/nginx.conf.j2").read_text()
    assert "    underscores_in_headers off;" in text
    assert "    ignore_invalid_headers on;" in text


def test_nobody_takes_a_connection_to_the_console_over() -> None:
    text = (ROLES / "control/templates/console.conf.j2").read_text()
    assert re.findall(r"proxy_set_header (?:Upgrade|Connection) (.*);", text)
    assert set(re.findall(r"proxy_set_header (?:Upgrade|Connection) (.*);", text)) == {'""'}


def test_only_websockets_may_take_a_connection_over() -> None:
    text = render_site(LOCAL)
    assert re.findall(r"proxy_set_header Upgrade (\S+);", text) == [
        "$guesthouse_upgrade",
        "$guesthouse_upgrade",
        '""',
    ]
    assert "proxy_set_header Upgrade $http_upgrade" not in text
    mapped = (ROLES / "gateway/templates/nginx.conf.j2").read_text()
    words = mapped.partition("map $http_upgrade $guesthouse_upgrade {")[2].partition("}")[0]
    assert words.split() == ["default", "'';", "websocket", "websocket;"]


def test_no_header_is_set_twice_in_a_location() -> None:
    for location in re.split(r"\n    location ", render_site(LOCAL)):
        names = re.findall(r"proxy_set_header (\S+)", location.partition("\n    }")[0])
        assert sorted(names, key=str.lower) == sorted(set(names), key=str.lower)


def test_nothing_listens_without_tls() -> None:
    found = set(re.findall(r"listen .*;", render_site(LOCAL)))
    assert found == {"listen 8443 ssl;", "listen [::]:8443 ssl;"}


def test_trust_is_explained_for_each_system() -> None:
    text = trust_instructions(
        "/tmp/ca.pem",  # noqa: S108 - a name in a text
        fingerprint="AA:BB",
        url="https://app--acme.apps.localhost:8443/",
    )
    assert_golden("gateway/trust.txt", text)
