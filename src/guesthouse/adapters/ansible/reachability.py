"""Whether a machine takes connections: a socket opened and closed, nothing sent."""

import asyncio
import contextlib
import datetime as dt

from typing_extensions import override

from guesthouse.instances import Connection
from guesthouse.instances.ports import Reachability

LIMIT = dt.timedelta(seconds=3)
DOCKER_SOCKET = "/var/run/docker.sock"


class SocketReachability(Reachability):
    """Tries SSH's port, or the Docker socket of this machine."""

    @override
    async def is_reachable(self, connection: Connection) -> bool:
        try:
            async with asyncio.timeout(LIMIT.total_seconds()):
                _, writer = await _open(connection)
        except (OSError, TimeoutError):
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True


async def _open(connection: Connection) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if connection.is_local:
        return await asyncio.open_unix_connection(DOCKER_SOCKET)
    return await asyncio.open_connection(connection.address, connection.port)
