"""Which control plane the command line calls, what it signs in with, and whom it trusts."""

import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx
from typing_extensions import override

from guesthouse.cli.client import TIMEOUT, Api
from guesthouse.cli.credentials import LOOPBACK as LOCAL
from guesthouse.cli.credentials import Credentials, normal_address, read_credentials
from guesthouse.cli.errors import NoToken, NotSignedInThere, SignedOut
from guesthouse.cli.terminal import Terminal
from guesthouse.config import Settings
from guesthouse.kit.sensitive import Sensitive

OWN_NAMES: Final = ".localhost"
LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True)
class Target:
    """A control plane, and how to call it."""

    url: str
    token: Sensitive[str]
    """Empty calls as nobody."""
    source: str
    """Where the token is from, for a person."""
    ca: str = ""
    """PEM text of a CA that was given by hand; empty is none."""
    is_kept: bool = False
    """Whether the token is one that `guesthouse login` keeps."""


def connect(settings: Settings, terminal: Terminal, *, as_machine: bool = False) -> Api:
    """Return the API of the configured server.

    Args:
        settings: The caller's.
        terminal: Where it speaks.
        as_machine: Whether to leave sign-ins aside: for what is this machine's own business.

    Raises:
        NoToken: There is nothing to sign in with.
    """
    kept = Credentials(settings.credentials)
    if not as_machine:
        kept = read_credentials(settings.credentials)
    return open_api(settings, terminal, target_of(settings, kept))


def target_of(settings: Settings, kept: Credentials) -> Target:
    """Return what is called, and as whom.

    1. The address: GUESTHOUSE_URL; on the control plane's own machine that; else the address
       signed in at last.
    2. The token: GUESTHOUSE_TOKEN; the sign-in at that address; the machine's own, which is
       sent to this machine and the console alone.

    Raises:
        NoToken: There is none of them.
        NotSignedInThere: There is only the machine's own, and the address is another's.
        AddressInvalid: A token would travel to it in the clear.
    """
    url = address_of(settings, kept)
    if url != settings.api_url:
        normal_address(url)
    found = kept.of(url)
    ca = "" if found is None else found.ca
    if settings.token.reveal():
        return Target(url, settings.token, "GUESTHOUSE_TOKEN", ca)
    if found is not None:
        return Target(url, found.token, "guesthouse login", ca, is_kept=True)
    if not _is_own(settings, url):
        # Whoever was sent it would have this machine.
        raise NotSignedInThere(url)
    return Target(url, _machine_token(settings), str(settings.token_file), ca)


def address_of(settings: Settings, kept: Credentials) -> str:
    """Return which control plane is meant; see `target_of`."""
    if settings.url:
        return settings.url
    is_own = settings.token_file.exists()
    return kept.current if kept.current and not is_own else settings.api_url


def open_api(settings: Settings, terminal: Terminal, target: Target) -> Api:
    """Return the API of a server."""
    token = target.token.reveal()
    client = httpx.Client(
        base_url=target.url,
        headers={"Authorization": f"Bearer {token}"} if token else {},
        transport=terminal.transport or _transport(settings, target),
        timeout=TIMEOUT,
        # A proxy of the environment must not see tokens.
        trust_env=False,
    )
    signed_out = SignedOut(target.url) if target.is_kept else None
    return Api(client, terminal, signed_out=signed_out)


class OwnNames(httpx.HTTPTransport):
    """Finds names below localhost on this machine, as browsers do; many resolvers do not."""

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if host.endswith(OWN_NAMES):
            request.url = request.url.copy_with(host=LOOPBACK)
            request.extensions = {**request.extensions, "sni_hostname": host}
        return super().handle_request(request)


def _transport(settings: Settings, target: Target) -> OwnNames:
    is_https = target.url.startswith("https:")
    return OwnNames(verify=_trusted(settings, target.ca) if is_https else False, trust_env=False)


def _trusted(settings: Settings, ca: str) -> ssl.SSLContext:
    """Return whom we trust: those the system does, our own CA where it is here, and one given."""
    context = ssl.create_default_context()
    own = settings.state / "ca" / "ca.pem"
    if own.exists():
        context.load_verify_locations(own)
    if ca:
        context.load_verify_locations(cadata=ca)
    return context


def _is_own(settings: Settings, url: str) -> bool:
    host = urlsplit(url).hostname or ""
    is_here = host in LOCAL or host.endswith(OWN_NAMES)
    return is_here or url == settings.api_url or host == f"console.{settings.domain}"


def _machine_token(settings: Settings) -> Sensitive[str]:
    try:
        return Sensitive(settings.token_file.read_text(encoding="utf-8").strip())
    except OSError as exc:
        raise NoToken(str(settings.token_file)) from exc
