"""Which addresses a repository's host may have.

A name is looked up once. What it comes to is judged, and git connects to exactly that: a second
look-up could answer otherwise (DNS rebinding).
"""

import asyncio
import datetime as dt
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from guesthouse.adapters.git.model import (
    Address,
    GitHostUnreachable,
    GitPinningMissing,
    GitSource,
    GitUrlRefused,
    IpAddress,
    IpNetwork,
)
from guesthouse.kit import process

Lookup = Callable[[str, int], Awaitable[tuple[str, ...]]]
LOOKUP = dt.timedelta(seconds=10)
VERSION = re.compile(r"git version (\d+)\.(\d+)")
PINNING = (2, 38)
"""The first git that can be told what a host name stands for (http.curloptResolve)."""
NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
# Global by their looks, but routed on to an IPv4 address inside them.
CARRIERS: tuple[IpNetwork, ...] = tuple(
    map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
)


def is_allowed(address: IpAddress, besides: Iterable[IpNetwork]) -> bool:
    """Whether an address is in the public Internet, or in a network that is named besides."""
    plain = getattr(address, "ipv4_mapped", None) or address
    if any(plain in network for network in besides if network.version == plain.version):
        return True
    is_carrier = any(plain in network for network in CARRIERS if network.version == plain.version)
    return plain.is_global and not plain.is_multicast and not is_carrier


async def look_up(host: str, port: int) -> tuple[str, ...]:
    """Return every address a host name stands for.

    Raises:
        OSError: It stands for none.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(item[4][0]) for item in found))


async def pinned(source: GitSource, address: Address, lookup: Lookup = look_up) -> Address:
    """Return an address with what its host stands for, where the source may not reach everything.

    Raises:
        GitUrlRefused: The host stands for an address the source may not reach.
        GitHostUnreachable: The host has no address.
        GitPinningMissing: This machine's git would look the name up again.
    """
    if source.reach.everywhere:
        return address
    if NUMERIC.fullmatch(address.host.lower()) and _literal(address.host) is None:
        raise GitUrlRefused(source.url, "its host is a number in an unusual spelling")
    try:
        async with asyncio.timeout(LOOKUP.total_seconds()):
            found = await lookup(address.host, address.port)
    except (OSError, TimeoutError) as exc:
        raise GitHostUnreachable(source.url, str(exc)) from exc
    judged = [ipaddress.ip_address(text.partition("%")[0]) for text in found]
    # One bad answer among good ones is enough: whoever connects may take any of them.
    if not judged or not all(is_allowed(one, source.reach.besides) for one in judged):
        raise GitUrlRefused(source.url, "its host is not in the public Internet")
    await asyncio.to_thread(_check_pinning)
    return replace(address, addresses=tuple(str(one) for one in judged))


def _literal(host: str) -> IpAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _check_pinning() -> None:
    found = VERSION.match(process.run(["git", "version"], limit=LOOKUP).output)
    if found is None or (int(found[1]), int(found[2])) < PINNING:
        raise GitPinningMissing
