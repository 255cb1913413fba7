"""The only SQL of the gateway."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from guesthouse.db import Transaction
from guesthouse.db.tables import environments
from guesthouse.people import Scope

NO_ROUTES: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Served:
    """An environment as the gateway sees it."""

    partner: str
    state: str
    routes: Mapping[str, Mapping[str, Any]]
    """Address and access of each, as its lock has them; none before the first version passed."""


class GatewayStore:
    """Environments as the gateway asks for them."""

    def served(self, scope: Scope, transaction: Transaction, environment: str) -> Served | None:
        """Return an environment, or None where the caller sees none of that name."""
        columns = (environments.c.partner, environments.c.state, environments.c.lock)
        row = transaction.row(sa.select(*columns).where(environments.c.name == environment))
        if row is None or not scope.sees(row["partner"]):
            return None
        lock = row["lock"] or {}
        return Served(row["partner"], row["state"], lock.get("routes", NO_ROUTES))
