"""The database: engine, transactions, tables, migrations. No knowledge of what rows mean."""

from guesthouse.db.engine import Database, Transaction
from guesthouse.db.migrate import upgrade

__all__ = ["Database", "Transaction", "upgrade"]
