"""What an instance is: provider, state, how it is reached. Pure values."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from guesthouse.errors import Conflict, Failed, NotFound, Unavailable

Json = Mapping[str, Any]
HTTPS_PORT = 443
SSH_PORT = 22


class Provider(Enum):
    """Who makes an instance."""

    LOCAL = "local"
    """This machine."""
    CONTAINER = "container"
    """A nested Docker host that stands in for a cloud machine."""
    SSH = "ssh"
    """An existing machine."""


class InstanceState(Enum):
    """Where an instance stands."""

    DECLARED = "declared"
    READY = "ready"
    DESTROYED = "destroyed"


@dataclass(frozen=True)
class Connection:
    """How programs on an instance are run from the control plane."""

    address: str
    """IP address or name; empty for this machine."""
    port: int = SSH_PORT
    user: str = "root"
    key_file: Path | None = None
    known_hosts: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether the instance is this machine."""
        return not self.address


@dataclass(frozen=True)
class Instance:
    """A machine that environments run on."""

    name: str
    provider: Provider
    state: InstanceState
    address: str | None
    fingerprint: str | None
    """What it was last provisioned with; None before that."""
    desired: Json
    """What the estate says of it."""
    facts: Json
    """What launch and provision answered; empty before that."""
    updated_at: dt.datetime

    @property
    def gateway_port(self) -> int:
        """Where callers reach its gateway; the port of the control plane on `local`."""
        return int(self.desired.get("gateway_port") or HTTPS_PORT)


class InstanceNotFound(NotFound):
    """There is no such instance, or not for this caller."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no instance {name}", next_step="guesthouse instance list")


class InstanceInUse(Conflict):
    """Environments still live on the instance."""

    def __init__(self, name: str, environments: tuple[str, ...]) -> None:
        super().__init__(
            f"instance {name} still carries {', '.join(environments)}",
            next_step=f"guesthouse env destroy {environments[0]}",
        )


class InstanceUnreachable(Unavailable):
    """The machine does not answer, or not as the one we know."""

    def __init__(self, name: str, sentence: str, detail: str = "") -> None:
        super().__init__(
            f"instance {name} cannot be reached: {sentence}",
            next_step=f"guesthouse instance show {name}",
            detail=detail,
        )


class PlaybookFailed(Failed):
    """A playbook did not reach its end."""

    def __init__(self, playbook: str, sentence: str, detail: str = "") -> None:
        super().__init__(
            f"{playbook} failed: {sentence}",
            next_step="read the log above, mend it, and run `guesthouse apply` again",
            detail=detail,
        )
