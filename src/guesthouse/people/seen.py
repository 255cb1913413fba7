"""Notes when a token or session was used, and refuses nobody who reads for the sake of a note."""

import logging

import sqlalchemy as sa

from guesthouse.db import Database
from guesthouse.db.engine import DatabaseUnavailable

log = logging.getLogger(__name__)


def note(database: Database, statement: sa.Update) -> None:
    """Carry out an update of a time alone; where the database takes no writes now, it is missed.

    The next request notes it again. What changes anything else is not for here: it must fail.
    """
    try:
        with database.transaction() as transaction:
            transaction.change(statement)
    except DatabaseUnavailable as exc:
        log.warning("seen.unnoted", extra={"reason": exc.detail})
