"""Signing the command line in: a code that its person confirms in a browser (RFC 8628)."""

import asyncio
import datetime as dt
import platform
from collections.abc import Mapping
from typing import Any, Final

from guesthouse.cli.client import Api
from guesthouse.cli.errors import Refused
from guesthouse.cli.terminal import Terminal
from guesthouse.errors import Denied
from guesthouse.kit.sensitive import Sensitive

WAITING: Final = frozenset({"authorization_pending", "slow_down"})
SLOWER_SECONDS: Final = 5
NAME_LENGTH: Final = 63
AGAIN: Final = "guesthouse login"


class NotConfirmed(Denied):
    """Nobody said yes in time."""

    def __init__(self) -> None:
        super().__init__("nobody confirmed the code in time", next_step=AGAIN)


class SignInRefused(Denied):
    """Somebody said no."""

    def __init__(self) -> None:
        super().__init__("the sign-in was refused in the browser", next_step=AGAIN)


def device_token(api: Api, terminal: Terminal, scopes: tuple[str, ...]) -> Sensitive[str]:
    """Show a code and return the token once its person has confirmed it.

    Args:
        api: The control plane, called as nobody.
        terminal: Where the code is shown.
        scopes: What the token is narrowed to; empty is all it can be given.

    Raises:
        NotConfirmed: It took too long.
        SignInRefused: Somebody said no.
        Refused: The control plane said no.
    """
    client = f"guesthouse on {platform.node() or 'a machine'}"[:NAME_LENGTH]
    begun = api.post("/device", {"client_id": client, "scope": " ".join(scopes)})
    terminal.talk("To sign in, open this address in a browser and confirm the code:")
    terminal.talk(f"  {begun['verification_uri_complete']}")
    terminal.talk(f"  {begun['user_code']}", "bold")
    return _confirmed(api, terminal, begun)


def _confirmed(api: Api, terminal: Terminal, begun: Mapping[str, Any]) -> Sensitive[str]:
    clock = terminal.clock
    started, interval = clock.monotonic(), int(begun["interval"])
    while clock.monotonic() - started < begun["expires_in"]:
        asyncio.run(clock.sleep(dt.timedelta(seconds=interval)))
        try:
            answer = api.post("/device/token", {"device_code": begun["device_code"]})
        except Refused as no:
            interval = _next_interval(no, interval)
        else:
            return Sensitive(str(answer["access_token"]))
    raise NotConfirmed


def _next_interval(no: Refused, interval: int) -> int:
    """Return how long to wait before the next question.

    Raises:
        NotConfirmed: There is no use in asking again.
        SignInRefused: Nor here.
    """
    word = no.problem.get("error")
    if word in WAITING:
        slower = interval + SLOWER_SECONDS if word == "slow_down" else interval
        told = no.problem.get("interval")
        return max(slower, told) if isinstance(told, int) else slower
    if word == "expired_token":
        raise NotConfirmed from no
    if word == "access_denied":
        raise SignInRefused from no
    raise no
