"""A site as nginx ``upstream`` and ``server`` blocks. Pure: every value was checked when made.

What stands at http level is the gateway role's: the cache zone ``guesthouse_auth``, the map
``$connection_upgrade``, TLS settings, and a default server that refuses unknown hosts.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from guesthouse.gateway.headers import FORGEABLE
from guesthouse.gateway.model import Access, Route, Site

HSTS = 'Strict-Transport-Security "max-age=31536000" always'
AUTHORISE = "/.guesthouse/authorise"
ENDPOINT = "/api/internal/authorise"
# nginx counts whole seconds and keeps an answer through the last one: 4 are at most 5 s.
ADMITTED_SECONDS = 4
REFUSED_SECONDS = 1
IDLE_SECONDS = 120
STREAM_IDLE_SECONDS = 3600
KEPT_CONNECTIONS = 32


def render_site(site: Site) -> str:
    """Return the text of a site's file."""
    lines = [f"# Environment {site.environment}. Written by Guesthouse; changes are lost."]
    for route in site.routes:
        lines += ["", *_upstream(site, route), "", *_server(site, route)]
    return "\n".join(lines) + "\n"


def _upstream(site: Site, route: Route) -> list[str]:
    return _block(
        f"upstream {_upstream_name(site, route)}",
        f"server {route.address}:{route.port};",
        f"keepalive {KEPT_CONNECTIONS};",
        "# Shorter than any usual server's, so that no request meets a connection just closed.",
        "keepalive_timeout 2s;",
    )


def _server(site: Site, route: Route) -> list[str]:
    platform = route.access is Access.PLATFORM
    return _block(
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
        *(_upgrade() if route.websockets else ()),
        "",
        *_block(f"location {_place(route.path)}", *_proxy(site, route)),
        *(_elsewhere(site, route) if route.path != "/" else ()),
        *(_authorise(site, route) if platform else ()),
        *_answers(site, route),
    )


def _proxy(site: Site, route: Route) -> Iterator[str]:
    """Yield what the location of the product's service holds."""
    if route.access is Access.PLATFORM:
        yield f"auth_request {AUTHORISE};"
        yield "error_page 401 @guesthouse_401;"
        yield "error_page 403 @guesthouse_403;"
        yield "error_page 500 =503 @guesthouse_503;"
    yield "error_page 413 @guesthouse_413;"
    yield "error_page 502 504 =502 @guesthouse_502;"
    yield f"proxy_pass http://{_upstream_name(site, route)};"
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
        yield _header("Upgrade", "$guesthouse_upgrade")
        yield _header("Connection", "$connection_upgrade")
    else:
        yield _header("Upgrade", '""')
        yield _header("Connection", '""')


def _headers(site: Site, route: Route) -> Iterator[str]:
    """Yield what the product is told of the request."""
    # Not taken from the request as it is: a Host header can be anything, and products build
    # links in e-mails from it.
    authority = _authority(site, route)
    yield _header("Host", authority)
    yield _header("X-Forwarded-Host", authority)
    yield _header("X-Forwarded-Proto", "https")
    yield _header("X-Forwarded-Scheme", "https")
    yield _header("X-Forwarded-Port", _port(site))
    yield _header("X-Forwarded-For", "$remote_addr")
    yield _header("X-Real-IP", "$remote_addr")
    yield _header("X-Request-Id", "$request_id")
    yield _header("X-Guesthouse-Environment", site.environment)
    yield _header("X-Guesthouse-Route", route.name)
    yield from (_header(name, '""') for name in FORGEABLE)
    if route.access is Access.PLATFORM:
        yield "# The token is for us; the product could use it to act as its bearer."
        yield _header("Authorization", '""')


def _authorise(site: Site, route: Route) -> list[str]:
    return _block(
        f"location = {AUTHORISE}",
        "internal;",
        f"proxy_pass {site.control.url}{ENDPOINT};",
        *(_control_tls(site) if site.control.is_https else ()),
        "proxy_method GET;",
        "proxy_pass_request_headers off;",
        "proxy_pass_request_body off;",
        _header("Host", site.control.host),
        _header("Content-Length", '""'),
        _header("Authorization", "$http_authorization"),
        _header("X-Guesthouse-Environment", site.environment),
        _header("X-Guesthouse-Route", route.name),
        "proxy_ignore_headers Cache-Control Expires Set-Cookie Vary X-Accel-Expires;",
        "proxy_connect_timeout 1s;",
        "proxy_send_timeout 3s;",
        "proxy_read_timeout 3s;",
        "proxy_cache guesthouse_auth;",
        "proxy_cache_methods GET;",
        f'proxy_cache_key "{site.environment} {route.name} $http_authorization";',
        f"proxy_cache_valid 200 204 {ADMITTED_SECONDS}s;",
        f"proxy_cache_valid 401 403 {REFUSED_SECONDS}s;",
        "# Saves opening the kept answer for each request; nginx notices a newer one.",
        "open_file_cache max=200 inactive=60s;",
        "open_file_cache_valid 5s;",
        "# While the control plane is away, whoever it admitted last stays admitted. Not",
        '# "updating": it would let a revoked token in once more, however old the answer is.',
        "proxy_cache_use_stale error timeout invalid_header http_429 http_500 http_502 http_503"
        " http_504;",
    )


def _control_tls(site: Site) -> Iterator[str]:
    yield "proxy_ssl_verify on;"
    yield "proxy_ssl_verify_depth 3;"
    yield f"proxy_ssl_trusted_certificate {site.root}/tls/ca.pem;"
    yield "proxy_ssl_server_name on;"
    yield f"proxy_ssl_name {site.control.host};"


def _elsewhere(site: Site, route: Route) -> list[str]:
    """Return what answers outside a route's path: the front door leads there, the rest is not."""
    return [
        *_block("location = /", f"return 302 https://{_authority(site, route)}{route.path};"),
        *_block("location /", "return 404;"),
    ]


def _answers(site: Site, route: Route) -> Iterator[str]:
    """Yield the gateway's own answers, each saying what to do next."""
    name, environment = route.name, site.environment
    if route.access is Access.PLATFORM:
        yield from _answer(
            401,
            "This address needs a token of the platform that still counts.",
            "Send the header Authorization: Bearer <token>.",
        )
        yield from _answer(
            403,
            "There is no such environment, or this token does not reach it.",
            "Ask the operator for a token of the partner it belongs to.",
        )
        yield from _answer(
            503,
            "The control plane does not answer, and it has not vouched for this token before.",
            "Try again in a few seconds.",
            "Retry-After 5",
        )
    yield from _answer(
        413,
        f"Route {name} takes at most {route.upload_bytes} bytes in one request.",
        f"Raise upload of route {name} in guesthouse.product.yaml.",
    )
    yield from _answer(
        502,
        f"The service behind route {name} of environment {environment} does not answer.",
        f"Look at it: guesthouse env show {environment}",
        "Retry-After 5",
    )


def _answer(status: int, detail: str, next_step: str, *headers: str) -> list[str]:
    problem = {"type": "about:blank", "status": status, "detail": detail, "next_step": next_step}
    return _block(
        f"location @guesthouse_{status}",
        f"add_header {HSTS};",
        "add_header Cache-Control no-store always;",
        *(f"add_header {header} always;" for header in headers),
        "default_type application/problem+json;",
        f"return {status} '{json.dumps(problem)}';",
    )


def _is_forwarded(site: Site) -> bool:
    return site.public_port not in (None, site.port)


def _inner_authority(site: Site, route: Route) -> Iterator[str]:
    """Yield what tells callers on the instance, who use its own port, from those outside."""
    inner = replace(site, public_port=None)
    yield f"set $guesthouse_authority {site.authority(route)};"
    yield f"set $guesthouse_port {site.public_port};"
    yield from _block(
        f"if ($http_host = {inner.authority(route)})",
        f"set $guesthouse_authority {inner.authority(route)};",
        f"set $guesthouse_port {site.port};",
    )


def _upgrade() -> Iterator[str]:
    """Yield what keeps other protocols out.

    A connection that became HTTP/2 is a tunnel: the requests in it would pass neither the path,
    nor the headers, nor the question who may.
    """
    yield 'set $guesthouse_upgrade "";'
    yield from _block('if ($http_upgrade ~* "^websocket$")', "set $guesthouse_upgrade websocket;")


def _authority(site: Site, route: Route) -> str:
    return "$guesthouse_authority" if _is_forwarded(site) else site.authority(route)


def _port(site: Site) -> str:
    return "$guesthouse_port" if _is_forwarded(site) else str(site.port)


def _place(path: str) -> str:
    """Return which requests are below a path, whole segments only."""
    return path if path.endswith("/") else f"~ ^{re.escape(path)}(?:/|$)"


def _upstream_name(site: Site, route: Route) -> str:
    return f"guesthouse-{route.name}--{site.environment}"


def _header(name: str, value: str) -> str:
    return f"proxy_set_header {name} {value};"


def _block(head: str, *lines: str) -> list[str]:
    return [f"{head} {{", *_indented(lines), "}"]


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {line}" if line else "" for line in lines)
