"""Names of databases and users, and how values are written in InfluxQL. Pure."""

import re

from guesthouse.adapters.influx.errors import NameRefused, QueryRefused

PREFIX = "gh_"
# The prefix keeps whatever is asked for here away from the administrator and from databases that
# somebody else made; what follows it is the name of an instance.
NAME = re.compile(r"gh_[a-z][a-z0-9-]{0,30}")
# We ask as the administrator, whom InfluxDB stops from nothing.
READS = re.compile(r"\s*(?:SELECT|SHOW)\s", re.IGNORECASE)
WRITES = re.compile(r";|\bINTO\b|--|/\*", re.IGNORECASE)


def metrics_database(instance: str) -> str:
    """Return the name of an instance's database, which is its user's name, too.

    Raises:
        NameRefused: That is no name of an instance.
    """
    return checked(f"{PREFIX}{instance}")


def checked(name: str) -> str:
    """Return the name as it is.

    Raises:
        NameRefused: It is not one of ours.
    """
    if not NAME.fullmatch(name):
        raise NameRefused(name)
    return name


def identifier(name: str) -> str:
    """Return the name as InfluxQL writes it.

    Raises:
        NameRefused: It is not one of ours.
    """
    return f'"{checked(name)}"'


def reading(influxql: str) -> str:
    """Return a question as it is.

    Raises:
        QueryRefused: It is not one statement that reads.
    """
    if READS.match(influxql) is None or WRITES.search(influxql) is not None:
        reason = "a question is one SELECT or SHOW without INTO, `;` and comments"
        raise QueryRefused(reason)
    return influxql


def literal(text: str) -> str:
    """Return the text as an InfluxQL string."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
