"""Getting started: which of a partner's first steps have really happened."""

from dataclasses import dataclass

import sqlalchemy as sa

from guesthouse.db import Database
from guesthouse.db.tables import runs, tokens
from guesthouse.environments.model import Environment
from guesthouse.people import Scope


@dataclass(frozen=True)
class StartingPoint:
    """What the caller has done so far."""

    has_environment: bool
    """Something serves."""
    has_token: bool
    """The caller made a token."""
    has_called: bool
    """One of their tokens was used."""
    has_deployed: bool
    """They brought up a version themselves."""


def steps(database: Database, scope: Scope, environment: Environment) -> StartingPoint:
    """Return what the caller has done with an environment they see."""
    mine = tokens.c.actor == scope.actor
    valid = sa.and_(mine, tokens.c.revoked_at.is_(None))
    used = sa.and_(mine, tokens.c.last_used_at.is_not(None))
    ran = sa.and_(
        runs.c.environment == environment.name,
        runs.c.actor == scope.actor,
        runs.c.state == "succeeded",
    )
    with database.reading() as transaction:
        found = [
            transaction.scalar(sa.select(sa.exists().where(condition)))
            for condition in (valid, used, ran)
        ]
    has_token, has_called, has_deployed = map(bool, found)
    return StartingPoint(bool(environment.addresses), has_token, has_called, has_deployed)
