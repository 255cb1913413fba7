"""Brings a database to the newest schema; safe to call at every start."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from guesthouse.db.engine import Database

SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(database: Database, revision: str = "head") -> None:
    """Run every migration the database lacks, in one transaction.

    Args:
        database: The database to bring up to date.
        revision: Where to stop; the newest unless told otherwise.
    """
    with database.transaction() as transaction:
        if transaction.dialect == "postgresql":
            # Two workers that start together take turns.
            transaction.connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7402001)")
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
        config.attributes["connection"] = transaction.connection
        command.upgrade(config, revision)
