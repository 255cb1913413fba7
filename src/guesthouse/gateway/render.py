"""A site as nginx ``upstream`` and ``server`` blocks. Pure: every value was checked when made.

What stands at http level is the gateway role's: the cache zone ``guesthouse_auth``, the map
``$connection_upgrade``, TLS settings, and a default server that refuses unknown hosts.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from guesthouse.gateway import admission
from guesthouse.gateway.headers import FORGEABLE
from guesthouse.gateway.model import Access, Route, Site
from guesthouse.gateway.syntax import HSTS, block, header, problem

IDLE_SECONDS = 120
STREAM_IDLE_SECONDS = 3600
KEPT_CONNECTIONS = 32
SAID_BY_US = frozenset({"X-Guesthouse-User", "X-Guesthouse-Partner", "X-Guesthouse-Role"})
UP = r"(?i)^[^?]*(?:[/\x5c]|%2f|%5c)(?:\.|%2e){2}(?:[/\x5c;?]|%2f|%5c|%3b|$)"
"""An address, as it was written, that goes up anywhere, however a product may read that."""
RELAYED = ("Admitted", "Answered", "Authorization", "Control", "Cookie", "Upstream")
"""What the relay is told; nobody else learns any of it, wherever it came from."""


def render_site(site: Site) -> str:
    """Return the text of a site's file."""
    lines = [f"# Environment {site.environment}. Written by Guesthouse; changes are lost."]
    if any(route.access is Access.PLATFORM for route in site.routes):
        lines += ["", *admission.control_upstream(site), *admission.credentials(site)]
    for route in site.routes:
        lines += ["", *_upstream(site, route)]
        lines += _relay_choice(site, route) if _may_be_relayed(route) else []
        lines += ["", *_server(site, route)]
    return "\n".join(lines) + "\n"


def _upstream(site: Site, route: Route) -> list[str]:
    return block(
        f"upstream {_upstream_name(site, route)}",
        f"server {route.address}:{route.port};",
        f"keepalive {KEPT_CONNECTIONS};",
        "# Shorter than any usual server's, so that no request meets a connection just closed.",
        "keepalive_timeout 2s;",
    )


def _server(site: Site, route: Route) -> list[str]:
    platform = route.access is Access.PLATFORM
    return block(
        "server",
        f"listen {site.port} ssl;",
        # *.localhost is ::1 to many clients; without this they would meet the default server.
        f"listen [::]:{site.port} ssl;",
        f"server_name {route.host};",
        f"ssl_certificate {site.root}/tls/certificate.pem;",
        f"ssl_certificate_key {site.root}/tls/key.pem;",
        "# Plain HTTP that reached the TLS port.",
        f"error_page 497 =308 https://{site.authority(route)}$request_uri;",
        f"add_header {HSTS};",
        f"client_max_body_size {route.upload_bytes};",
        *(_inner_authority(site, route) if _is_forwarded(site) else ()),
        "",
        *block(f"location {_place(route.path)}", *_within(route.path), *_proxy(site, route)),
        *(_elsewhere(site, route) if route.path != "/" else ()),
        *(admission.locations(site, route) if platform else ()),
        *_answers(site, route),
    )


def _within(path: str) -> list[str]:
    """Return what keeps requests below a path where the product reads them otherwise than nginx.

    nginx resolves and decodes an address before it looks for a location, and the product gets it
    as it was written: to it, ``/admin/x/..%2F..%2Fapi`` may well be below ``/admin``.
    """
    if path == "/":
        return []
    below = re.escape(path) if path.endswith("/") else f"{re.escape(path)}(?:[/?]|$)"
    return [
        *block(f'if ($request_uri !~ "^{below}")', "return 404;"),
        *block(f'if ($request_uri ~ "{UP}")', "return 404;"),
    ]


def _proxy(site: Site, route: Route) -> Iterator[str]:
    """Yield what the location of the product's service holds."""
    if route.access is Access.PLATFORM:
        yield from admission.asking()
    yield "error_page 413 @guesthouse_413;"
    yield "error_page 502 504 =502 @guesthouse_502;"
    yield f"proxy_pass http://{_target(site, route)};"
    yield "proxy_http_version 1.1;"
    yield "# The product's answer may not send nginx to one of its internal locations."
    yield "proxy_ignore_headers X-Accel-Redirect X-Accel-Limit-Rate X-Accel-Charset;"
    yield "proxy_hide_header Strict-Transport-Security;"
    yield "proxy_hide_header X-Powered-By;"
    yield "proxy_buffer_size 16k;"
    yield "proxy_buffers 8 16k;"
    yield from _transport(route)
    yield from _headers(site, route)


def _transport(route: Route) -> Iterator[str]:
    idle = STREAM_IDLE_SECONDS if route.websockets or route.streaming else IDLE_SECONDS
    yield "proxy_connect_timeout 5s;"
    yield f"proxy_read_timeout {idle}s;"
    yield f"proxy_send_timeout {idle}s;"
    if route.streaming:
        yield "proxy_buffering off;"
        yield "proxy_request_buffering off;"
    if route.websockets:
        yield header("Upgrade", "$guesthouse_upgrade")
        yield header("Connection", "$connection_upgrade")
    else:
        yield header("Upgrade", '""')
        yield header("Connection", '""')


def _headers(site: Site, route: Route) -> Iterator[str]:
    """Yield what the product is told of the request."""
    # Not taken from the request as it is: a Host header can be anything, and products build
    # links in e-mails from it.
    authority = _authority(site, route)
    yield header("Host", authority)
    yield header("X-Forwarded-Host", authority)
    yield header("X-Forwarded-Proto", "https")
    yield header("X-Forwarded-Scheme", "https")
    yield header("X-Forwarded-Port", _port(site))
    yield header("X-Forwarded-For", "$remote_addr")
    yield header("X-Real-IP", "$remote_addr")
    yield header("X-Request-Id", "$request_id")
    yield header("X-Guesthouse-Environment", site.environment)
    yield header("X-Guesthouse-Route", route.name)
    yield "# Without the platform's own."
    yield header("Cookie", "$guesthouse_product_cookie")
    platform = route.access is Access.PLATFORM
    stripped = [name for name in FORGEABLE if not (platform and name in SAID_BY_US)]
    yield from (header(name, '""') for name in stripped)
    if platform:
        yield from admission.identity()
    if _is_relayed(route):
        yield from admission.relay_headers(site, route)
    else:
        yield from (header(f"X-Guesthouse-Relay-{name}", '""') for name in RELAYED)


def _is_relayed(route: Route) -> bool:
    """Whether requests of the route can outlast the right to make them."""
    return route.access is Access.PLATFORM and (route.websockets or route.streaming)


def _may_be_relayed(route: Route) -> bool:
    """Whether it depends on the request."""
    return _is_relayed(route) and not admission.goes_through_relay(route)


def _relay_choice(site: Site, route: Route) -> list[str]:
    return admission.relay_choice(site, route, _upstream_name(site, route))


def _target(site: Site, route: Route) -> str:
    """Return who is asked for the answer."""
    if not _is_relayed(route):
        return _upstream_name(site, route)
    if admission.goes_through_relay(route):
        return admission.RELAY
    return admission.relay_variable(site, route, "to")


def _elsewhere(site: Site, route: Route) -> list[str]:
    """Return what answers outside a route's path: the front door leads there, the rest is not."""
    return [
        *block("location = /", f"return 302 https://{_authority(site, route)}{route.path};"),
        *block("location /", "return 404;"),
    ]


def _answers(site: Site, route: Route) -> Iterator[str]:
    """Yield the gateway's own answers, each saying what to do next."""
    name, environment = route.name, site.environment
    if route.access is Access.PLATFORM:
        yield from admission.answers(site, route)
    yield from problem(
        413,
        f"Route {name} takes at most {route.upload_bytes} bytes in one request.",
        f"Raise upload of route {name} in guesthouse.product.yaml.",
    )
    yield from problem(
        502,
        f"The service behind route {name} of environment {environment} does not answer.",
        f"Look at it: guesthouse env show {environment}",
        "Retry-After 5",
    )


def _is_forwarded(site: Site) -> bool:
    return site.public_port not in (None, site.port)


def _inner_authority(site: Site, route: Route) -> Iterator[str]:
    """Yield what tells callers on the instance, who use its own port, from those outside."""
    inner = replace(site, public_port=None)
    yield f"set $guesthouse_authority {site.authority(route)};"
    yield f"set $guesthouse_port {site.public_port};"
    yield from block(
        f"if ($http_host = {inner.authority(route)})",
        f"set $guesthouse_authority {inner.authority(route)};",
        f"set $guesthouse_port {site.port};",
    )


def _authority(site: Site, route: Route) -> str:
    return "$guesthouse_authority" if _is_forwarded(site) else site.authority(route)


def _port(site: Site) -> str:
    return "$guesthouse_port" if _is_forwarded(site) else str(site.port)


def _place(path: str) -> str:
    """Return which requests are below a path, whole segments only."""
    return path if path.endswith("/") else f"~ ^{re.escape(path)}(?:/|$)"


def _upstream_name(site: Site, route: Route) -> str:
    return f"guesthouse-{route.name}--{site.environment}"
