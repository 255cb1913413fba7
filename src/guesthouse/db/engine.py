"""Connections and transactions on SQLite and PostgreSQL alike."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.pool import ConnectionPoolEntry

from guesthouse.errors import Invalid, Unavailable
from guesthouse.kit.sensitive import Sensitive

BUSY_TIMEOUT_MS = 15_000
WRITE = "guesthouse_write"
PRIMARY_CODE = 0xFF


class DatabaseUnavailable(Unavailable):
    """The database does not answer."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "the database does not answer",
            next_step="check GUESTHOUSE_DATABASE_URL and that the database runs",
            detail=detail,
        )


class OutcomeUnknown(DatabaseUnavailable):
    """The connection broke while a transaction was committed: it may have been kept, or not."""


class ValueUnusable(Invalid):
    """A value can be neither kept nor looked for: on PostgreSQL, a text with a zero byte."""

    def __init__(self) -> None:
        super().__init__(
            "something in this request can stand in no database",
            next_step="leave out characters that nobody sees, and numbers without end",
        )


class Transaction:
    """One open transaction; everything done through it is kept or dropped together."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection

    @property
    def dialect(self) -> str:
        """The database's kind: ``sqlite`` or ``postgresql``."""
        return self.connection.dialect.name

    def rows(self, statement: sa.Executable) -> list[Mapping[str, Any]]:
        """Return every row the statement gives, each as a mapping by column name."""
        return [dict(row) for row in self.connection.execute(statement).mappings()]

    def row(self, statement: sa.Executable) -> Mapping[str, Any] | None:
        """Return the first row the statement gives, or None."""
        found = self.connection.execute(statement).mappings().first()
        return None if found is None else dict(found)

    def scalar(self, statement: sa.Executable) -> Any:  # noqa: ANN401 - a column of any type
        """Return the first column of the first row, or None."""
        return self.connection.execute(statement).scalar()

    def change(self, statement: sa.Executable) -> int:
        """Carry out an INSERT, UPDATE or DELETE and return how many rows it touched."""
        return self.connection.execute(statement).rowcount

    def insert(self, table: sa.Table, /, **values: object) -> None:
        """Insert one row."""
        self.connection.execute(table.insert().values(**values))


class Database:
    """The one database of the control plane."""

    def __init__(self, url: Sensitive[str]) -> None:
        self.url = sa.make_url(url.reveal())
        if self.url.drivername in {"postgresql", "postgres"}:
            self.url = self.url.set(drivername="postgresql+psycopg")
        self._make_directory()
        self.engine = sa.create_engine(self.url, pool_pre_ping=not self.is_sqlite)
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite, where one process at a time writes."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open a transaction that may write; it is kept at the end and dropped on any error.

        Raises:
            DatabaseUnavailable: No connection could be made, it broke, or others hold the lock.
            OutcomeUnknown: It broke in the very moment of being kept.
            ValueUnusable: A value is none the database can take.
        """
        with self._open(write=True) as transaction:
            yield transaction

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Open a transaction that only reads, so that it waits for no writer.

        Raises:
            DatabaseUnavailable: No connection could be made, or it broke.
        """
        with self._open(write=False) as transaction:
            yield transaction

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def _open(self, *, write: bool) -> Iterator[Transaction]:
        is_committing = False
        try:
            with self.engine.connect() as connection:
                connection.execution_options(**{WRITE: write})
                with connection.begin():
                    yield Transaction(connection)
                    is_committing = write
        except NoConnectionLeft as exc:
            raise DatabaseUnavailable(str(exc)) from exc
        except DataError as exc:
            raise ValueUnusable from exc
        except DBAPIError as exc:
            if not _is_outage(exc):
                raise
            unknown = is_committing and exc.connection_invalidated
            error = OutcomeUnknown if unknown else DatabaseUnavailable
            raise error(str(exc.orig)) from exc

    def _make_directory(self) -> None:
        if self.url.get_backend_name() == "sqlite" and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)


def _is_outage(error: DBAPIError) -> bool:
    """Whether the database is what went wrong, not what it was asked."""
    if isinstance(error.orig, sqlite3.OperationalError):
        # SQLite has one class for both; its code tells a bad statement from a lock or a full disk.
        return error.orig.sqlite_errorcode & PRIMARY_CODE != sqlite3.SQLITE_ERROR
    return isinstance(error, OperationalError) or error.connection_invalidated


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401
    # The driver would begin transactions late and by its own rules; ours begin in _begin_sqlite.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer takes the lock at once: upgrading a read lock later fails when another writer came
    # between, and no waiting helps then. https://www.sqlite.org/lang_transaction.html
    write = connection.get_execution_options().get(WRITE, True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
