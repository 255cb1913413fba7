"""Whose thing an audit row is about, so that its members may read the row."""

import sqlalchemy as sa

from guesthouse.db import Transaction
from guesthouse.db.tables import environments, runs

PARTNERS_OWN = frozenset({"partner", "member", "invitation"})
"""Objects that name their partner: ``member/acme/ben``."""


def partner_of(transaction: Transaction, object: str) -> str | None:  # noqa: A002 - see service
    """Return the partner an object belongs to; None where it is nobody's, or gone."""
    kind, _, rest = object.partition("/")
    name = rest.partition("/")[0]
    if kind == "environment":
        statement = sa.select(environments.c.partner).where(environments.c.name == name)
    elif kind == "run":
        statement = sa.select(runs.c.partner).where(runs.c.id == name)
    else:
        has_partner = kind == "partner" or (kind in PARTNERS_OWN and name != rest)
        return name if has_partner else None
    found = transaction.scalar(statement)
    return None if found is None else str(found)


def objects_of(environment: str) -> sa.CompoundSelect[str]:
    """Return what selects the objects that are an environment: itself, and its runs."""
    of_runs = sa.select(sa.literal("run/") + runs.c.id).where(runs.c.environment == environment)
    return sa.union_all(sa.select(sa.literal(f"environment/{environment}")), of_runs)
