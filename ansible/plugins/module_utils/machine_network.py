"""Finds a network for machines in containers that neither this machine nor they have already."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterable
from pathlib import Path

ROUTES = Path("/proc/net/route")
DESTINATION, MASK = 1, 7
"""Its columns."""
PREFIX = 24
WIDEST = 8
"""Routes to more than that are default ones in parts, as VPNs set them."""
FROM = ("172.16.0.0/12", "192.168.0.0/16", "10.0.0.0/8")
"""Where engines look for networks, too, from the first on."""


class NoNetworkFree(Exception):
    """Every private network is taken."""

    def __init__(self) -> None:
        super().__init__("no private network is free on this machine")


def routed(text: str) -> list[ipaddress.IPv4Network]:
    """Return the networks this machine has routes to, default ones left out.

    Args:
        text: What the kernel says in `/proc/net/route`.
    """
    rows = (line.split() for line in text.splitlines()[1:])
    found = (
        ipaddress.IPv4Network((_address(row[DESTINATION]), _address(row[MASK])), strict=False)
        for row in rows
        if len(row) > MASK
    )
    return [network for network in found if network.prefixlen >= WIDEST]


def free(taken: Iterable[ipaddress.IPv4Network]) -> ipaddress.IPv4Network:
    """Return the first network that overlaps with none of those.

    Raises:
        NoNetworkFree: There is none.
    """
    known = list(taken)
    for base in map(ipaddress.IPv4Network, FROM):
        for network in base.subnets(new_prefix=PREFIX):
            if not any(network.overlaps(other) for other in known):
                return network
    raise NoNetworkFree


def free_here(pool: str) -> ipaddress.IPv4Network:
    """Return a free network of this machine.

    Args:
        pool: Where the machines' own containers have their networks.

    Raises:
        NoNetworkFree: There is none.
    """
    return free([ipaddress.IPv4Network(pool), *routed(ROUTES.read_text(encoding="ascii"))])


def _address(text: str) -> str:
    """Return an address that the kernel writes as a number in the machine's own byte order."""
    return socket.inet_ntoa(struct.pack("=L", int(text, 16)))
