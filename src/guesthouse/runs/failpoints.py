"""Kills the process at a named boundary, so that tests see what a crash there leaves behind.

A failpoint is ``step:<moment>:<step name>`` or ``run:<moment>:<kind>``; `MOMENTS` lists them.
It comes from GUESTHOUSE_FAILPOINT and is empty in any installation.
"""

import os
import signal
from collections.abc import Mapping
from types import MappingProxyType

MOMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        # claimed: the row says running, no workflow yet. finished: the row's end is written.
        "run": ("claimed", "begun", "finished"),
        # started: claimed, not called yet. done: it returned, nothing is stored yet.
        "step": ("before", "started", "done", "after"),
    }
)


class Failpoints:
    """The one place to die at, if any."""

    def __init__(self, armed: str = "") -> None:
        """Arm a failpoint.

        Args:
            armed: Where to die; empty is nowhere.

        Raises:
            ValueError: There is no such moment.
        """
        if armed:
            what, _, rest = armed.partition(":")
            if rest.partition(":")[0] not in MOMENTS.get(what, ()):
                message = f"there is no failpoint {armed!r}"
                raise ValueError(message)
        self._armed = armed

    def reach(self, what: str, moment: str, name: str) -> None:
        """Die here if this is the armed one."""
        if self._armed == f"{what}:{moment}:{name}":
            # No clean-up of any kind: this stands for a power cut.
            os.kill(os.getpid(), signal.SIGKILL)
