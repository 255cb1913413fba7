"""Passwords: argon2id, in one thread of its own, so that pages stay quick while people sign in."""

import asyncio
import base64
import contextvars
import functools
import os
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import ParamSpec, TypeVar

from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher
from typing_extensions import override

from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.errors import TooManyAttempts
from guesthouse.people.ports import PasswordHasher
from guesthouse.people.rules import MAX_PASSWORD_BYTES

TIME_COST = 1
MEMORY_KIB = 46 * 1024
PARALLELISM = 1
"""One lane: more would take every core of a small machine from the pages."""
SALT_BYTES = 16
HASH_BYTES = 32
MAX_WAITING = 100
RETRY = timedelta(seconds=10)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Argon2(PasswordHasher):
    """Argon2id with 46 MiB and one pass, a pair of costs that OWASP recommends."""

    def __init__(self) -> None:
        self._hasher = Argon2Hasher(
            time_cost=TIME_COST,
            memory_cost=MEMORY_KIB,
            parallelism=PARALLELISM,
            hash_len=HASH_BYTES,
            salt_len=SALT_BYTES,
        )
        salt, nothing = (_base64(os.urandom(SALT_BYTES)), _base64(bytes(HASH_BYTES)))
        costs = f"m={MEMORY_KIB},t={TIME_COST},p={PARALLELISM}"
        # Nobody knows a password that hashes to zeros; to find that out costs as much as any.
        self._decoy = f"$argon2id$v=19${costs}${salt}${nothing}"

    @property
    @override
    def decoy(self) -> str:
        return self._decoy

    @override
    def hash(self, password: Sensitive[str]) -> str:
        return self._hasher.hash(_bytes(password))

    @override
    def verify(self, password: Sensitive[str], kept: str) -> tuple[bool, str | None]:
        try:
            fits = self._hasher.verify(_bytes(password), kept)
        except PwdlibError:
            return False, None
        if fits and self._hasher.check_needs_rehash(kept):
            return True, self.hash(password)
        return fits, None


class PasswordLane:
    """The one thread in which passwords are hashed, one after the other.

    The framework's own threads would all wait for it, and with them every page.
    """

    def __init__(self, hasher: PasswordHasher, *, max_waiting: int = MAX_WAITING) -> None:
        """Take what hashes.

        Args:
            hasher: What to hash with.
            max_waiting: How many may wait; more are sent away at once.
        """
        self.hasher = hasher
        self._max_waiting = max_waiting
        self._waiting = 0
        self._counting = threading.Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="passwords")

    async def run(
        self,
        function: Callable[Arguments, Result],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        """Call a function that hashes, in the lane.

        Raises:
            TooManyAttempts: Too many wait already.
        """
        with self._counting:
            if self._waiting >= self._max_waiting:
                raise TooManyAttempts(RETRY)
            self._waiting += 1
        try:
            call = functools.partial(function, *arguments, **named)
            context = contextvars.copy_context()
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, lambda: context.run(call))
        finally:
            with self._counting:
                self._waiting -= 1


def _bytes(password: Sensitive[str]) -> bytes:
    text = password.reveal()
    # Nobody can have set a longer one, so it is taken for the empty one, which fits nothing. To
    # normalise megabytes of accents takes hours in which the whole process stands still.
    if len(text) > MAX_PASSWORD_BYTES:
        return b""
    # Keyboards write the same letter in several ways; a person sees one.
    return unicodedata.normalize("NFKC", text).encode(errors="replace")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")
