"""A PostgreSQL cluster of our own in a temporary directory, reached over a unix socket."""

import contextlib
import os
import pwd
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from guesthouse.db import Database
from guesthouse.kit import process
from guesthouse.kit.sensitive import Sensitive

MINUTE = timedelta(minutes=1)
PROGRAMS = Path("/usr/lib/postgresql")


class Cluster:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / "data"

    def url(self, name: str) -> Sensitive[str]:
        user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        return Sensitive(f"postgresql://{user}@/{name}?host={self.directory}")

    def make(self, name: str, *, template: str = "template1") -> None:
        """Make a database, as a copy of another."""
        self._admin(f"CREATE DATABASE {name} TEMPLATE {template}")

    def start(self) -> None:
        """Start the server, on a unix socket alone."""
        # No TCP port; fsync off, for nobody pulls the plug on a test.
        settings = f"-c listen_addresses= -c unix_socket_directories={self.directory} -c fsync=off"
        log = str(self.directory / "log")
        _run("pg_ctl", "-D", str(self.data), "-w", "-l", log, "-o", settings, "start")

    def stop(self) -> None:
        """Stop the server at once; connections break."""
        _run("pg_ctl", "-D", str(self.data), "-w", "-m", "immediate", "stop")

    @contextlib.contextmanager
    def fresh(self, *, template: str = "template1") -> Iterator[Sensitive[str]]:
        """Make a database for one test and drop it afterwards."""
        name = f"test_{secrets.token_hex(6)}"
        self.make(name, template=template)
        yield self.url(name)
        self._admin(f"DROP DATABASE {name} WITH (FORCE)")

    def _admin(self, sql: str) -> None:
        database = Database(self.url("postgres"))
        with database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(sql)
        database.close()


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    directory = Path(tempfile.mkdtemp(prefix="gh-pg-"))
    started = Cluster(directory)
    if os.geteuid() == 0:
        # The server refuses to run as root.
        shutil.chown(directory, "postgres")
    directory.chmod(0o700)
    try:
        _run("initdb", "-D", str(started.data), "-A", "trust", "-N", "--no-instructions")
        started.start()
        try:
            yield started
        finally:
            started.stop()
    finally:
        shutil.rmtree(directory)


def _run(program: str, *arguments: str) -> None:
    found = sorted(PROGRAMS.glob(f"*/bin/{program}"))
    assert found, "PostgreSQL's server is missing: run make test, which installs it"
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = process.run([*as_postgres, str(found[-1]), *arguments], limit=MINUTE, cwd=Path("/"))
    assert done.ok, done.output + done.errors
