"""What instances need of the outside world, and what failure means there."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from guesthouse.instances.model import Connection, Instance

OnLine = Callable[[str], None]


@dataclass(frozen=True)
class Play:
    """One run of one playbook against one machine."""

    playbook: str
    """Path below ``ansible/``: ``playbooks/provision.yml``."""
    instance: str
    connection: Connection
    variables: Mapping[str, Any]
    """Reach Ansible as data: never templated, never on a command line."""
    limit: dt.timedelta
    """How long it may take."""
    follow: str | None = None
    """A log on the instance whose lines are passed on while the play runs."""


class HostAutomation(Protocol):
    """Runs playbooks."""

    async def play(self, play: Play, *, on_line: OnLine) -> Mapping[str, Any]:
        """Run a playbook to its end; cancelling the task ends it and all it started.

        Args:
            play: What to run, and where.
            on_line: Called with each line as it is written, from any thread.

        Returns:
            The last dictionary ``guesthouse`` a task answered; empty where none did.

        Raises:
            InstanceUnreachable: The machine refused the key, showed another host key, or is away.
            PlaybookFailed: A task failed, or the time was up.
        """
        ...

    def digest(self) -> str:
        """Return a hash of the collection: what provisioning would do."""
        ...


class Reachability(Protocol):
    """Tells cheaply whether an instance is there."""

    async def is_reachable(self, connection: Connection) -> bool:
        """Whether the machine takes connections (SSH, or the Docker socket of this machine)."""
        ...


class MetricsAccounts(Protocol):
    """Makes the database and the write-only user of an instance."""

    async def ensure(self, instance: Instance) -> Mapping[str, Any]:
        """Return the ``guesthouse_metrics`` variable; empty where metrics are not set up.

        Raises:
            Unavailable: InfluxDB does not answer.
        """
        ...

    async def drop(self, instance: str) -> None:
        """Remove an instance's database and user."""
        ...


@dataclass(frozen=True)
class TlsFiles:
    """What a gateway serves with, as PEM texts."""

    certificate: str
    key: str
    ca: str


class Certificates(Protocol):
    """Issues what gateways serve with."""

    def gateway_files(self, instance: str) -> TlsFiles:
        """Return an instance's certificate, key and our CA, renewed in time."""
        ...
