"""What the site of a platform route asks the control plane: who passes, enters, leaves. Pure.

The maps this leans on (``$guesthouse_cookie``, ``$guesthouse_state``, ``$guesthouse_is_browser``)
and the upstream ``guesthouse_relay`` are the gateway role's.
"""

import re
from collections.abc import Iterator

from guesthouse.gateway.model import HTTPS_PORT, Route, Site
from guesthouse.gateway.paths import RESERVED
from guesthouse.gateway.syntax import HSTS, block, header, problem

AUTHORISE = f"{RESERVED}authorise"
ENTER = f"{RESERVED}enter"
LEAVE = f"{RESERVED}leave"
INTERNAL = "/api/internal"
STATE_SECONDS = 600
RELAY = "guesthouse_relay"
# nginx matches its maps with these names and no others; see the gateway role.
SINGLE_NAME = "[a-z](?:-?[a-z0-9])*"


def control_upstream(site: Site) -> list[str]:
    """Return where the control plane is asked."""
    control = site.control
    return block(
        f"upstream {control_name(site)}",
        f"server {control.authority} max_fails=0;",
        "# Nobody is there, ever. nginx lets a kept answer outlast its time only where a",
        "# connection failed; this makes one of each answer that is the control plane's error.",
        "server unix:/dev/null max_fails=0 backup;",
    )


def credentials(site: Site) -> list[str]:
    """Return what decides whether the browser's cookie counts for a request.

    A page of somebody else can have the browser send it: in WebSockets and forms, which name their
    origin, and for images and scripts, which name at most the page. Maps, because nginx looks at
    them only where there is a cookie, and once for a request.
    """
    ours = _origins(site)
    foreign, page, stranger = (_name(site, word) for word in ("foreign", "page", "stranger"))
    relayed = _name(site, "relay_cookie")
    return [
        *block(f"map $http_origin {foreign}", "default 1;", f'"~^{ours}$" "";', f'"" {page};'),
        *block(f"map $guesthouse_is_embedded {page}", 'default "";', f"1 {stranger};"),
        *block(f"map $http_referer {stranger}", "default 1;", f'"~^{ours}/" "";'),
        *block(f"map {foreign} {credential(site)}", 'default "";', '"" $guesthouse_cookie;'),
        *block(f"map $guesthouse_upgrade {relayed}", f"default {credential(site)};", '"" "";'),
    ]


def credential(site: Site) -> str:
    """Return the variable that holds the cookie where it counts."""
    return _name(site, "credential")


def _name(site: Site, word: str) -> str:
    """Return a variable of the site's own; a name holds no underscore, so no two are the same."""
    return f"$guesthouse_{word}_{site.environment.replace('-', '_')}"


def _origins(site: Site) -> str:
    """Return a pattern of the origins that may use the cookie: the environment's routes."""
    ports = {site.public_port or site.port, site.port}
    suffixes = sorted("" if port == HTTPS_PORT else f":{port}" for port in ports)
    host = re.escape(site.routes[0].host.partition("--")[2])
    return f"https://{SINGLE_NAME}--{host}(?:{'|'.join(suffixes)})"


def asking() -> Iterator[str]:
    """Yield what has the location of the product ask, and answer for who is refused."""
    yield f"auth_request {AUTHORISE};"
    yield "auth_request_set $guesthouse_user $upstream_http_x_guesthouse_user;"
    yield "auth_request_set $guesthouse_partner $upstream_http_x_guesthouse_partner;"
    yield "auth_request_set $guesthouse_role $upstream_http_x_guesthouse_role;"
    yield "error_page 401 = @guesthouse_401;"
    yield "error_page 403 @guesthouse_403;"
    yield "error_page 500 =503 @guesthouse_503;"


def identity() -> Iterator[str]:
    """Yield what the product is told of the caller, as the control plane said it."""
    yield header("X-Guesthouse-User", "$guesthouse_user")
    yield header("X-Guesthouse-Partner", "$guesthouse_partner")
    yield header("X-Guesthouse-Role", "$guesthouse_role")
    yield "# The token is for us; the product could use it to act as its bearer."
    yield header("Authorization", '""')


def goes_through_relay(route: Route) -> bool:
    """Whether every request of the route does; of WebSockets alone, only those."""
    return route.streaming


def relay_choice(site: Site, route: Route, upstream: str) -> list[str]:
    """Return what sends WebSockets to the relay and lets other requests pass it by.

    Args:
        site: The site.
        route: A route with WebSockets that does not stream.
        upstream: Name of the product's service.
    """
    told = {
        "to": (RELAY, upstream),
        "upstream": (f"{route.address}:{route.port}", '""'),
        "control": (f'"{_control_words(site)}"', '""'),
    }
    lines: list[str] = []
    for word, (relayed, otherwise) in told.items():
        name = relay_variable(site, route, word)
        lines += block(
            f"map $guesthouse_upgrade {name}", f"default {relayed};", f'"" {otherwise};'
        )
    return lines


def relay_variable(site: Site, route: Route, word: str) -> str:
    """Return the variable of a route that holds something for WebSockets and else nothing."""
    return _name(site, f"{word}_{route.name.replace('-', '_')}_")


def relay_headers(site: Site, route: Route) -> Iterator[str]:
    """Yield what the relay is told; it passes none of it on."""
    yield "auth_request_set $guesthouse_admitted $upstream_http_cache_control;"
    yield "auth_request_set $guesthouse_answered $upstream_http_date;"
    if goes_through_relay(route):
        values = {
            "Upstream": f"{route.address}:{route.port}",
            "Control": f'"{_control_words(site)}"',
            "Authorization": "$http_authorization",
            "Cookie": credential(site),
            "Admitted": "$guesthouse_admitted",
            "Answered": "$guesthouse_answered",
        }
    else:
        values = {
            "Upstream": relay_variable(site, route, "upstream"),
            "Control": relay_variable(site, route, "control"),
            "Authorization": "$guesthouse_relay_authorization",
            "Cookie": _name(site, "relay_cookie"),
            "Admitted": "$guesthouse_relay_admitted",
            "Answered": "$guesthouse_relay_answered",
        }
    for name, value in values.items():
        yield header(f"X-Guesthouse-Relay-{name}", value)


def locations(site: Site, route: Route) -> list[str]:
    """Return the places below `RESERVED`, which no product has."""
    return [
        *_authorise(site, route),
        *block(
            f"location = {ENTER}",
            "if ($request_method != GET) { return 405; }",
            *_to_control(site, route, "enter"),
            header("X-Guesthouse-Code", "$arg_code"),
            header("X-Guesthouse-State", "$guesthouse_state"),
            "# A code is spent by the first try, whatever came of it.",
            *_handing_on(),
            "error_page 401 403 404 422 =403 @guesthouse_astray;",
        ),
        *block(
            f"location = {LEAVE}",
            "if ($request_method != POST) { return 405; }",
            *_to_control(site, route, "leave", method="POST"),
            header("X-Guesthouse-Cookie", credential(site)),
            *_handing_on(),
        ),
        *block(f"location ^~ {RESERVED}", "return 404;"),
    ]


def answers(site: Site, route: Route) -> Iterator[str]:
    """Yield what is answered to whoever does not pass."""
    yield from problem(
        401,
        "This address needs a token of the platform that still counts.",
        "Send the header Authorization: Bearer <token>, or open it in a browser to sign in.",
        before=_to_sign_in(site, route),
    )
    yield from problem(
        403,
        "There is no such environment, or you may not use it.",
        "Ask the operator for access to the partner it belongs to.",
    )
    yield from problem(
        503,
        "The control plane does not answer, and it has not vouched for you before.",
        "Try again in a few seconds.",
        "Retry-After 5",
    )
    yield from block(
        "location @guesthouse_astray",
        f"add_header {HSTS};",
        "add_header Cache-Control no-store always;",
        "add_header Content-Security-Policy \"default-src 'none'\" always;",
        "default_type text/html;",
        f"return 403 '{_ASTRAY.format(environment=site.environment)}';",
    )


def _authorise(site: Site, route: Route) -> list[str]:
    return block(
        f"location = {AUTHORISE}",
        "internal;",
        *_to_control(site, route, "authorise"),
        header("Authorization", "$http_authorization"),
        header("X-Guesthouse-Cookie", credential(site)),
        "proxy_ignore_headers Expires Set-Cookie Vary X-Accel-Expires;",
        "proxy_next_upstream error timeout invalid_header http_429 http_500 http_502 http_503"
        " http_504;",
        "proxy_cache guesthouse_auth;",
        "proxy_cache_methods GET;",
        "# A cookie holds no space, so that no other pair makes the same key. How long an answer",
        "# counts is said in its Cache-Control: while the control plane is there, while one asks",
        "# it anew for all, and while it is away.",
        f'proxy_cache_key "{site.environment} {route.name} {credential(site)}'
        ' $http_authorization";',
        "# Saves opening the kept answer for each request; nginx notices a newer one.",
        "open_file_cache max=200 inactive=60s;",
        "open_file_cache_valid 5s;",
    )


def _to_control(site: Site, route: Route, question: str, *, method: str = "GET") -> Iterator[str]:
    """Yield what asks the control plane, and tells it no more than it needs."""
    scheme = "https" if site.control.is_https else "http"
    yield f"proxy_pass {scheme}://{control_name(site)}{INTERNAL}/{question};"
    if site.control.is_https:
        yield "proxy_ssl_verify on;"
        yield "proxy_ssl_verify_depth 3;"
        yield f"proxy_ssl_trusted_certificate {site.root}/tls/ca.pem;"
        yield "proxy_ssl_server_name on;"
        yield f"proxy_ssl_name {site.control.host};"
    yield f"proxy_method {method};"
    yield "proxy_http_version 1.1;"
    yield "proxy_pass_request_headers off;"
    yield "proxy_pass_request_body off;"
    yield header("Host", site.control.host)
    yield header("Connection", '""')
    yield header("Content-Length", '""')
    yield header("X-Guesthouse-Environment", site.environment)
    yield header("X-Guesthouse-Route", route.name)
    yield "proxy_connect_timeout 1s;"
    yield "proxy_send_timeout 3s;"
    yield "proxy_read_timeout 3s;"


def _handing_on() -> Iterator[str]:
    """Yield what hands an answer of the control plane to the browser, and no error as it is."""
    yield "proxy_next_upstream off;"
    yield "proxy_redirect off;"
    yield "proxy_intercept_errors on;"
    yield "error_page 429 500 502 503 504 =503 @guesthouse_503;"


def _to_sign_in(site: Site, route: Route) -> list[str]:
    """Return what leads people to the console, and binds the way back to their browser."""
    attributes = f"Path=/; Max-Age={STATE_SECONDS}; Secure; HttpOnly; SameSite=Lax"
    page = f"{site.control.console}/enter/{site.environment}/{route.name}"
    return block(
        "if ($guesthouse_is_browser)",
        f"add_header {HSTS};",
        "add_header Cache-Control no-store always;",
        f'add_header Set-Cookie "__Host-guesthouse-state=$request_id; {attributes}" always;',
        f"return 302 {page}?state=$request_id&next=$request_uri;",
    )


def control_name(site: Site) -> str:
    """Return the name of the control plane's upstream; no route's can be the same."""
    return f"guesthouse_control--{site.environment}"


def _control_words(site: Site) -> str:
    """Return how the relay reaches the control plane: address, and the name it must have."""
    control = site.control
    scheme = "https" if control.is_https else "http"
    return f"{scheme}://{control.authority} {control.host}"


_ASTRAY = (
    "<!doctype html><html lang=en><meta charset=utf-8>"
    '<meta name=viewport content="width=device-width"><title>Sign in again</title>'
    "<h1>This way in is no longer open</h1>"
    "<p>It opens once, for ten minutes, in the browser that began. "
    '<a href="/">Open {environment} again</a>.</html>'
)
