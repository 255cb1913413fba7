"""Database work done in threads of its own, so that waiting for a lock blocks no step."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from guesthouse.db import Database, Transaction

T = TypeVar("T")
THREADS = 4


class Desk:
    """Runs work on the database from an event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Not the loop's own pool: steps may fill that with work that takes minutes.
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="runs-database")

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Do the work in one transaction."""

        def all_of_it() -> T:
            with self._database.transaction() as transaction:
                return work(transaction)

        return await self.call(all_of_it)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Do the work in one transaction that only reads."""

        def all_of_it() -> T:
            with self._database.reading() as transaction:
                return work(transaction)

        return await self.call(all_of_it)

    async def call(self, work: Callable[[], T]) -> T:
        """Do the work in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """End the threads once their work is done."""
        self._pool.shutdown()
