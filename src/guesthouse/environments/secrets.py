"""The secrets of an environment: made once, kept sealed, never in a lock or a log."""

import secrets as randomness
import string
from collections.abc import Mapping

from guesthouse.db import Database
from guesthouse.environments.ports import Cipher
from guesthouse.environments.store import SecretStore
from guesthouse.errors import Invalid
from guesthouse.kit.clock import Clock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import Scope
from guesthouse.stacks.model import SecretDeclaration

LENGTH = 32
ALPHABET = string.ascii_letters + string.digits
"""No character that an address, a shell or a file of variables would read as its own."""
SALT = "guesthouse-salt"


class SecretMissing(Invalid):
    """Nobody gave the secret, and it may not be made up."""

    def __init__(self, environment: str, name: str) -> None:
        super().__init__(
            f"secret {name} of {environment} has no value, and the product asks for a given one",
            next_step=f"guesthouse env secret {environment} {name}",
        )


class EnvironmentSecrets:
    """Reads secrets, and makes those that may be made."""

    def __init__(self, database: Database, clock: Clock, cipher: Cipher) -> None:
        self._database = database
        self._clock = clock
        self._cipher = cipher
        self._store = SecretStore()

    def values(
        self, scope: Scope, environment: str, declared: tuple[SecretDeclaration, ...]
    ) -> Mapping[str, Sensitive[str]]:
        """Return the value of each declared secret; what is missing is made and kept.

        Raises:
            SecretMissing: One must be given by a person, and was not.
            Unavailable: The key is not the one they were sealed with.
        """
        return {
            secret.name: self._value(scope, environment, secret.name, may_make=secret.generate)
            for secret in declared
        }

    def salt(self, scope: Scope, environment: str) -> Sensitive[str]:
        """Return what is mixed into content tags of this environment's secret files."""
        return self._value(scope, environment, SALT, may_make=True)

    def put(self, scope: Scope, environment: str, name: str, value: Sensitive[str]) -> None:
        """Keep a secret that a person gave."""
        sealed = self._cipher.seal(value, _context(environment, name))
        with self._database.transaction() as transaction:
            self._store.put(
                scope, transaction, environment, name, sealed=sealed, at=self._clock.now()
            )

    def _value(
        self, scope: Scope, environment: str, name: str, *, may_make: bool
    ) -> Sensitive[str]:
        with self._database.reading() as transaction:
            sealed = self._store.get(scope, transaction, environment, name)
        if sealed is not None:
            return self._cipher.open(sealed, _context(environment, name))
        if not may_make:
            raise SecretMissing(environment, name)
        made = Sensitive("".join(randomness.choice(ALPHABET) for _ in range(LENGTH)))
        self.put(scope, environment, name, made)
        return made


def _context(environment: str, name: str) -> str:
    return f"{environment}/{name}"
