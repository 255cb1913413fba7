"""Names of databases and users, and how values are written in InfluxQL. Pure."""

import re

from guesthouse.adapters.influx.errors import NameRefused

PREFIX = "gh_"
# The prefix keeps whatever is asked for here away from the administrator and from databases that
# somebody else made; what follows it is the name of an instance.
NAME = re.compile(r"gh_[a-z][a-z0-9-]{0,30}")


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


def literal(text: str) -> str:
    """Return the text as an InfluxQL string."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
