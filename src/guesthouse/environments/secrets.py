"""The secrets of an environment: made once, kept sealed, never in a lock or a log."""

import re
import secrets as randomness
import string
from collections.abc import Mapping
from dataclasses import dataclass

from guesthouse import audit
from guesthouse.db import Database, Transaction
from guesthouse.environments.model import EnvironmentNotFound
from guesthouse.environments.ports import Cipher
from guesthouse.environments.store import EnvironmentStore, SecretStore
from guesthouse.errors import Invalid
from guesthouse.kit.clock import Clock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import Action, Scope, require
from guesthouse.stacks.model import SecretDeclaration

LENGTH = 32
ALPHABET = string.ascii_letters + string.digits
"""No character that an address, a shell or a file of variables would read as its own."""
SALT = "guesthouse-salt"
"""No name a secret can have, so nobody sets it."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


class SecretMissing(Invalid):
    """Nobody gave these secrets, and they may not be made up."""

    def __init__(self, environment: str, names: tuple[str, ...]) -> None:
        lack = f"secret {names[0]}" if len(names) == 1 else f"secrets {', '.join(names)}"
        super().__init__(
            f"{lack} of {environment} must be given by a person, and nobody has",
            next_step=f"guesthouse env secret set {environment} {names[0]}",
        )


class SecretNameInvalid(Invalid):
    """No product can ask for a secret of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} is no name of a secret",
            next_step="use letters, digits and _, as in the product's manifest, 63 at most",
        )


@dataclass(frozen=True)
class SecretStatus:
    """A secret, without its value."""

    name: str
    is_set: bool


class EnvironmentSecrets:
    """Reads secrets, makes those that may be made, and takes those that people give."""

    def __init__(self, database: Database, clock: Clock, cipher: Cipher) -> None:
        self._database = database
        self._clock = clock
        self._cipher = cipher
        self._store = SecretStore()
        self._environments = EnvironmentStore()

    def values(
        self, scope: Scope, environment: str, declared: tuple[SecretDeclaration, ...]
    ) -> Mapping[str, Sensitive[str]]:
        """Return the value of each declared secret; what is missing is made and kept.

        Raises:
            SecretMissing: One must be given by a person, and was not.
            Unavailable: The key is not the one they were sealed with.
        """
        found = {secret.name: self._value(scope, environment, secret.name) for secret in declared}
        missing = tuple(
            secret.name
            for secret in declared
            if found[secret.name] is None and not secret.generate
        )
        if missing:
            self._ask(scope, environment, missing)
            raise SecretMissing(environment, missing)
        return {
            name: value or self._make(scope, environment, name) for name, value in found.items()
        }

    def salt(self, scope: Scope, environment: str) -> Sensitive[str]:
        """Return what is mixed into content tags of this environment's secret files."""
        return self._value(scope, environment, SALT) or self._make(scope, environment, SALT)

    def list(self, scope: Scope, environment: str) -> tuple[SecretStatus, ...]:
        """Return which secrets have a value, and which a deployment asked for in vain.

        Raises:
            EnvironmentNotFound: There is none, or not for this caller.
            NotPermitted: The caller may not see what is configured.
        """
        with self._database.reading() as transaction:
            self._check(scope, transaction, environment, Action.VARIABLES_READ)
            found = self._store.names(scope, transaction, environment)
        return tuple(SecretStatus(name, is_set) for name, is_set in found if name != SALT)

    def put(
        self, scope: Scope, environment: str, name: str, value: Sensitive[str]
    ) -> SecretStatus:
        """Keep a secret that a person gave; the next deployment hands it out.

        Raises:
            EnvironmentNotFound: There is none, or not for this caller.
            NotPermitted: The caller may set no secrets.
            SecretNameInvalid: No product can ask for it.
        """
        if not NAME.fullmatch(name):
            raise SecretNameInvalid(name)
        self._keep(scope, environment, name, value, action="secret.set")
        return SecretStatus(name, is_set=True)

    def _value(self, scope: Scope, environment: str, name: str) -> Sensitive[str] | None:
        with self._database.reading() as transaction:
            sealed = self._store.get(scope, transaction, environment, name)
        return None if sealed is None else self._cipher.open(sealed, _context(environment, name))

    def _make(self, scope: Scope, environment: str, name: str) -> Sensitive[str]:
        made = Sensitive("".join(randomness.choice(ALPHABET) for _ in range(LENGTH)))
        self._keep(scope, environment, name, made, action="secret.make")
        return made

    def _keep(
        self, scope: Scope, environment: str, name: str, value: Sensitive[str], *, action: str
    ) -> None:
        sealed = self._cipher.seal(value, _context(environment, name))
        now, about = self._clock.now(), f"environment/{environment}"
        with self._database.transaction() as transaction:
            self._check(scope, transaction, environment, Action.SECRETS_WRITE)
            self._store.put(scope, transaction, environment, name, sealed=sealed, at=now)
            audit.record(transaction, scope, action, about, {"secret": name}, self._clock)

    def _check(
        self, scope: Scope, transaction: Transaction, environment: str, action: Action
    ) -> None:
        missing = EnvironmentNotFound(environment)
        found = self._environments.get(scope, transaction, environment)
        if found is None:
            raise missing
        require(scope, action, found.partner, missing=missing)

    def _ask(self, scope: Scope, environment: str, names: tuple[str, ...]) -> None:
        """Note that secrets are waited for, so that people see which."""
        with self._database.transaction() as transaction:
            for name in names:
                self._store.ask(scope, transaction, environment, name, at=self._clock.now())


def _context(environment: str, name: str) -> str:
    return f"{environment}/{name}"
