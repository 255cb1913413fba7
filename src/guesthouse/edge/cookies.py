"""Reads cookies of ours, and of those only what a page of ours can have set."""

from starlette.requests import HTTPConnection

BLANKS = " \t"


def own_cookie(connection: HTTPConnection, name: str) -> str:
    """Return the value of a cookie whose name begins with ``__Host-``; empty where there is none.

    A browser lets no neighbour set such a cookie, but by its name as it stands. Starlette strips
    more than a browser does: a name after the byte 0x85 or 0xA0, which any host below our domain
    may set for all of it, would count as ours and sign people in as somebody else. Two of one
    name come from no browser, so neither counts.
    """
    found = [
        value.strip(BLANKS)
        for header in connection.headers.getlist("cookie")
        for key, equals, value in (each.partition("=") for each in header.split(";"))
        if equals and key.strip(BLANKS) == name
    ]
    return found[0] if len(found) == 1 else ""
