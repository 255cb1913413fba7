"""Where a request comes from: address, program, and whose page sent it. Not who."""

from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from guesthouse.errors import Denied
from guesthouse.people.model import Origin

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES: Final = frozenset({"same-origin", "none"})
"""`same-site` is not among them: products of partners may be our neighbours."""

ENCRYPTED: Final = frozenset({"https", "wss"})


class CrossOrigin(Denied):
    """A page of another site sent the request with our cookie."""

    def __init__(self) -> None:
        super().__init__(
            "this request comes from the page of another site",
            next_step="open the page here and do it again, or send a bearer token",
        )


def origin_of(connection: HTTPConnection) -> Origin:
    """Return the address and program a request comes from.

    The server has put what nginx of this machine says in place of its own neighbour's address, and
    believes no other proxy: see `bootstrap.serving`.
    """
    client = connection.client
    address = "" if client is None else client.host
    return Origin(address, connection.headers.get("user-agent", ""))


def check_cookie_use(connection: HTTPConnection) -> None:
    """Refuse a request that somebody else's page had the browser send with a cookie of ours.

    A request that changes something must come from a page of ours. One that only reads may come
    from anywhere, as a link does; but who names a foreign `Origin` wants to read the answer, be it
    a stream or a WebSocket.

    Raises:
        CrossOrigin: It did.
    """
    if _is_safe(connection):
        own = _has_own_origin(connection) is not False
    else:
        site = connection.headers.get("sec-fetch-site")
        own = site in OWN_SITES if site is not None else bool(_has_own_origin(connection))
    if not own:
        raise CrossOrigin


def check_anonymous_use(connection: HTTPConnection) -> None:
    """Refuse a request that a foreign page sent to change something, whoever the caller is.

    Otherwise any page could sign its visitor in as somebody else.

    Raises:
        CrossOrigin: It did. Programs send neither of the headers that tell, and pass.
    """
    if _is_safe(connection):
        return
    site = connection.headers.get("sec-fetch-site")
    own = site in OWN_SITES if site is not None else _has_own_origin(connection) is not False
    if not own:
        raise CrossOrigin


def _is_safe(connection: HTTPConnection) -> bool:
    # The request that opens a WebSocket has no method of its own in ASGI; it is a GET.
    return connection.scope.get("method", "GET") in SAFE_METHODS


def _has_own_origin(connection: HTTPConnection) -> bool | None:
    """Whether `Origin` names this host; None where there is no such header."""
    origin = connection.headers.get("origin")
    if origin is None:
        return None
    host, sent_from = connection.headers.get("host", ""), urlsplit(origin)
    # Whoever is on the way can write a page of our name without TLS, and have it send to ours.
    is_encrypted = connection.scope.get("scheme") in ENCRYPTED
    if is_encrypted and sent_from.scheme.lower() != "https":
        return False
    return bool(host) and sent_from.netloc.lower() == host.lower()
