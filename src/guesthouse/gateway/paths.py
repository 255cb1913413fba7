"""What came along with a browser and may be anything: where it wanted to go, and its state."""

import re

from guesthouse.errors import Invalid

RESERVED = "/.guesthouse/"
PATH_LIMIT = 2000
HOME = "/"
STATE = re.compile(r"[0-9a-f]{32}")
PATH = re.compile(r"/(?!/)[\x21-\x5b\x5d-\x7e]*")
"""Printable ASCII, not ``//host``. No backslash: browsers read it as a slash."""
STATE_FIELD = "state="
NEXT_FIELD = "&next="


class StateInvalid(Invalid):
    """No gateway gave that."""

    def __init__(self) -> None:
        super().__init__(
            "this address is not one a gateway made",
            next_step="open the environment's own address again",
        )


def checked_state(state: str) -> str:
    """Return a state that a gateway can have given.

    Raises:
        StateInvalid: It can't.
    """
    if not STATE.fullmatch(state):
        raise StateInvalid
    return state


def safe_path(following: str) -> str:
    """Return where a browser may be sent on its own host; ``/`` for anything else."""
    if len(following) > PATH_LIMIT or not PATH.fullmatch(following):
        return HOME
    return HOME if following.startswith(RESERVED) else following


def state_and_next(query: str) -> tuple[str, str]:
    """Return state and next of the query a gateway writes.

    nginx can't quote, so that the path stands there as it was asked for, and last: with a query
    of its own, ``&`` and all.
    """
    state, _, following = query.partition(NEXT_FIELD)
    return state.removeprefix(STATE_FIELD), following
