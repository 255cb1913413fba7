"""Routes and sites: what the gateway of an instance serves. Pure values, checked when made."""

import re
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import AddressValueError, IPv4Address

from guesthouse.errors import Invalid
from guesthouse.kit.sensitive import Sensitive
from guesthouse.stacks.model import Access

HTTPS_PORT = 443
HTTP_PORT = 80
NAME_LIMIT = 31
LABEL_LIMIT = 63
HOST_LIMIT = 253
PORT_LIMIT = 2**16
NAME = re.compile(r"[a-z](?:-?[a-z0-9]){0,30}")
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
PATH = re.compile(r"/(?:[A-Za-z0-9._~-]+/)*(?:[A-Za-z0-9._~-]+)?")
DIRECTORY = re.compile(r"(?:/[A-Za-z0-9._-]+)+")
URL = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?")
UNUSABLE_ROUTE = "xn"
"""``xn--`` marks a host name in another script, so no route may begin one."""


@dataclass(frozen=True)
class Route:
    """One service the gateway exposes."""

    name: str
    host: str
    """Made by `route_host`."""
    address: str
    """IPv4 address of the service on the environment's edge network."""
    port: int
    path: str = "/"
    """Only requests below it pass; it is not cut off."""
    access: Access = Access.PLATFORM
    websockets: bool = False
    streaming: bool = False
    """Nothing is buffered, in either direction."""
    upload_bytes: int = 2**20
    """Largest request body."""

    def __post_init__(self) -> None:
        _check_name("route", self.name)
        _check_host(self.host)
        _check_address(self.address)
        _check_port("port", self.port)
        if not PATH.fullmatch(self.path) or ".." in self.path.split("/"):
            raise RouteInvalid("path", self.path, "an absolute path such as /api")
        if self.upload_bytes < 1:
            raise RouteInvalid("upload_bytes", self.upload_bytes, "a number of bytes above 0")


@dataclass(frozen=True)
class ControlPlane:
    """Where a gateway asks who passes."""

    url: str
    """``http://127.0.0.1:8470`` on the control plane's machine, https elsewhere; no path."""
    console: str
    """Where people find it: ``https://console.<domain>``, with the port unless that is 443."""
    server_name: str = ""
    """Host name in its certificate where the URL has an address; empty takes the URL's host."""

    def __post_init__(self) -> None:
        if not URL.fullmatch(self.url):
            raise RouteInvalid("control", self.url, "scheme, host and port")
        if not (URL.fullmatch(self.console) and self.console.startswith("https:")):
            raise RouteInvalid("console", self.console, "https, host and port")
        _check_host(self.host)
        if self.server_name:
            _check_host(self.server_name)

    @property
    def is_https(self) -> bool:
        """Whether the gateway checks a certificate."""
        return self.url.startswith("https:")

    @property
    def authority(self) -> str:
        """Host and port of the URL."""
        host, colon, port = self.url.split("://")[1].partition(":")
        return f"{host}:{port if colon else HTTPS_PORT if self.is_https else HTTP_PORT}"

    @property
    def host(self) -> str:
        """The name requests carry."""
        return self.server_name or self.url.split("://")[1].split(":")[0]


@dataclass(frozen=True)
class Site:
    """All routes of one environment, on one instance's gateway."""

    environment: str
    routes: tuple[Route, ...]
    port: int
    """Where the instance's nginx listens for HTTPS."""
    root: str
    """The gateway's directory on the instance, ``<guesthouse_root>/gateway``."""
    control: ControlPlane
    public_port: int | None = None
    """Port in the addresses people use, where something forwards it; None is `port`."""

    def __post_init__(self) -> None:
        _check_name("environment", self.environment)
        _check_port("port", self.port)
        _check_port("public_port", self.public_port or self.port)
        if not DIRECTORY.fullmatch(self.root):
            raise RouteInvalid("root", self.root, "an absolute directory without odd characters")
        hosts = [route.host for route in self.routes]
        for host in hosts:
            if hosts.count(host) > 1:
                raise RouteInvalid("host", host, "a host no other route has")

    def url(self, route: Route) -> str:
        """Return the address people open a route at."""
        return f"https://{self.authority(route)}{route.path}"

    def authority(self, route: Route) -> str:
        """Return a route's host, and its port where that is not 443."""
        port = self.public_port or self.port
        return route.host if port == HTTPS_PORT else f"{route.host}:{port}"


class Decision(Enum):
    """Whether a request passes; the value is what nginx is answered."""

    ALLOWED = 204
    UNAUTHENTICATED = 401
    """No token, or one that counts no more."""
    DENIED = 403
    """The caller may see the environment but not use it now."""
    NOT_FOUND = 404
    """There is none, or not for this caller; nginx is answered 403, which is all it knows."""

    @property
    def status(self) -> int:
        """The HTTP status for nginx, which takes anything but 2xx, 401 and 403 as an outage."""
        return Decision.DENIED.value if self is Decision.NOT_FOUND else self.value


@dataclass(frozen=True)
class Presented:
    """What a request shows of its caller; the gateway has seen that a cookie may be used."""

    authorization: str = field(default="", repr=False)
    cookie: str = field(default="", repr=False)
    """The secret of a gateway session; empty where the request came by somebody else's page."""


@dataclass(frozen=True)
class Identity:
    """What a product is told of its caller."""

    user: str
    role: str
    """The role with the environment's partner; of those who have none, their kind."""
    partner: str = ""
    """The partner they belong to; empty for people of the company."""


@dataclass(frozen=True)
class Answer:
    """What a gateway is told of a request."""

    decision: Decision
    identity: Identity | None = None
    """Of somebody who passes."""


@dataclass(frozen=True)
class Entry:
    """What a browser is given that has come in."""

    cookie: Sensitive[str]
    path: str
    """Where on the host it wanted to go."""


class RouteInvalid(Invalid):
    """A value that may not reach the gateway's configuration."""

    def __init__(self, field: str, value: object, wanted: str) -> None:
        super().__init__(f"{field} {value!r} can't be served", next_step=f"give {wanted}")


def route_host(route: str, environment: str, apps_domain: str) -> str:
    """Return the host of a route: one label below the apps domain, so one certificate covers all.

    Raises:
        RouteInvalid: A name is malformed, or the two together are too long for one label.
    """
    _check_name("route", route)
    _check_name("environment", environment)
    if route == UNUSABLE_ROUTE:
        raise RouteInvalid("route", route, "another name: xn-- is kept for other scripts")
    label = f"{route}--{environment}"
    if len(label) > LABEL_LIMIT:
        wanted = f"names with at most {LABEL_LIMIT - 2} characters together"
        raise RouteInvalid("host", label, wanted)
    host = f"{label}.{apps_domain}"
    _check_host(host)
    return host


def _check_name(field: str, name: str) -> None:
    if not NAME.fullmatch(name) or len(name) > NAME_LIMIT:
        raise RouteInvalid(field, name, "a name of a-z, 0-9 and single hyphens")


def _check_host(host: str) -> None:
    labels = host.split(".")
    if len(host) > HOST_LIMIT or not all(LABEL.fullmatch(label) for label in labels):
        raise RouteInvalid("host", host, "a host name of a-z, 0-9, hyphens and dots")


def _check_address(address: str) -> None:
    try:
        IPv4Address(address)
    except AddressValueError as exc:
        raise RouteInvalid("address", address, "an IPv4 address") from exc


def _check_port(field: str, port: int) -> None:
    if not 0 < port < PORT_LIMIT:
        raise RouteInvalid(field, port, "a port from 1 to 65535")


__all__ = [
    "Access",
    "Answer",
    "ControlPlane",
    "Decision",
    "Entry",
    "Identity",
    "Presented",
    "Route",
    "RouteInvalid",
    "Site",
    "route_host",
]
