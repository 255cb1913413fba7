"""Opens the socket as root, serves as nginx's user."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import logging
import os
import pwd
import signal
import socket
import ssl
import sys
from pathlib import Path

from guesthouse_relay.relay import HEAD_BYTES, Relay
from guesthouse_relay.watch import ControlPlane

CONNECTIONS = 4096
"""Each holds at most half a megabyte that somebody does not take."""


def listening(path: Path, owner: str | None) -> socket.socket:
    """Return the socket, which its owner alone can open."""
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        made.bind(str(path))
    finally:
        os.umask(before)
    if owner is not None:
        user = pwd.getpwnam(owner)
        os.chown(path, user.pw_uid, user.pw_gid)
    return made


def become(owner: str) -> None:
    """Give up being root for good."""
    user = pwd.getpwnam(owner)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


async def run(made: socket.socket, relay: Relay) -> None:
    """Serve until told to end."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    # Services are reloaded by it; there is nothing to read anew.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    server = await asyncio.start_unix_server(
        relay.serve, sock=made, limit=HEAD_BYTES, backlog=1024
    )
    await over.wait()
    server.close()


def options(arguments: list[str]) -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description="Carries WebSockets and streams for the gateway.")
    parser.add_argument("--socket", type=Path, required=True, help="where nginx connects")
    parser.add_argument("--user", help="whom the socket and the process belong to")
    parser.add_argument("--ca", type=Path, help="PEM of the CA that vouches for the console")
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help="most at once")
    parser.add_argument(
        "--pool",
        type=ipaddress.IPv4Network,
        action="append",
        required=True,
        help="network that products are in; nothing else is connected to",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Open what takes root, then serve without it."""
    told = options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    has_ca = told.ca is not None and told.ca.stat().st_size > 0
    trust = ssl.create_default_context(cafile=str(told.ca)) if has_ca else None
    made = listening(told.socket, told.user)
    if told.user is not None:
        become(told.user)

    async def serve() -> None:
        await run(made, Relay(ControlPlane(trust), told.pool, limit=told.connections))

    asyncio.run(serve())


if __name__ == "__main__":
    main(sys.argv[1:])
