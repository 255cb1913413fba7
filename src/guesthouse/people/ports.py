"""What people need of the outside world, and what failure means there."""

from collections.abc import Mapping
from typing import Any, Protocol

from guesthouse.db import Transaction
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.scope import Scope


class Trail(Protocol):
    """Where it is written who did what."""

    def record(
        self,
        transaction: Transaction,
        scope: Scope,
        action: str,
        object: str,  # noqa: A002 - the glossary's word
        detail: Mapping[str, Any],
        /,
    ) -> None:
        """Write one row in the caller's transaction; what can't be recorded doesn't happen."""
        ...


class Sealer(Protocol):
    """Seals small secrets with a key that is not in the database."""

    def seal(self, secret: Sensitive[bytes]) -> bytes:
        """Return the secret, readable only with the key."""
        ...

    def open(self, sealed: bytes) -> Sensitive[bytes]:
        """Return a sealed secret.

        Raises:
            Unavailable: The key is not the one it was sealed with.
        """
        ...


class PasswordHasher(Protocol):
    """Hashes passwords slowly; both take about 0.1 s of one core and run in their own thread."""

    @property
    def decoy(self) -> str:
        """A hash no password fits, with the costs of a real one."""
        ...

    def hash(self, password: Sensitive[str]) -> str:
        """Return what is kept of a password."""
        ...

    def verify(self, password: Sensitive[str], kept: str) -> tuple[bool, str | None]:
        """Return whether it fits, and what to keep instead where costs have changed."""
        ...
