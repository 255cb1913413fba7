"""The only SQL of the gateway."""

import sqlalchemy as sa

from guesthouse.db import Transaction
from guesthouse.db.tables import environments
from guesthouse.people import Scope


class GatewayStore:
    """Environments as the gateway asks for them."""

    def state(self, scope: Scope, transaction: Transaction, environment: str) -> str | None:
        """Return an environment's state, or None where the caller sees none of that name."""
        statement = sa.select(environments.c.partner, environments.c.state).where(
            environments.c.name == environment
        )
        row = transaction.row(statement)
        if row is None or not scope.sees(row["partner"]):
            return None
        return str(row["state"])
