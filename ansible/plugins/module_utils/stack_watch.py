"""Tells when to stop: a signal came, or the control plane no longer listens.

The module looks at its own standard output. When the SSH connection or the local Ansible process
ends, the other end of that pipe is closed and `poll` says so. An SSH client whose own reader died
notices only when it has something to pass on, so an empty line is sent every second: Ansible
skips what comes before a module's JSON.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

from ansible_collections.guesthouse.platform.plugins.module_utils.stack_failure import Cancelled

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
HEARTBEAT_SECONDS = 1.0


class Watch:
    """Asked often while the module works; raises once somebody wants an end."""

    def __init__(self, output: int = 1) -> None:
        self._output = output
        self._armed = False
        self._reason: str | None = None
        self._last_beat = time.monotonic()
        self._poll = select.poll()
        self._poll.register(output, select.POLLOUT)

    def arm(self) -> None:
        """Take over the signals and begin to listen."""
        for number in SIGNALS:
            signal.signal(number, self._note)
        self._armed = True

    def disarm(self) -> None:
        """Let nothing interrupt from now on: what was begun is being put back."""
        self._armed = False

    def check(self) -> None:
        """Raise when somebody wants an end.

        Raises:
            Cancelled: A signal came, or standard output has no reader any more.
        """
        if not self._armed:
            return
        if self._reason is None and not self._is_heard():
            self._reason = "the control plane went away"
        if self._reason is not None:
            raise Cancelled(self._reason)

    def _note(self, number: int, _frame: object) -> None:
        self._reason = self._reason or f"{signal.Signals(number).name} was received"

    def _is_heard(self) -> bool:
        events = dict(self._poll.poll(0)).get(self._output, 0)
        if events & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
            return False
        if events & select.POLLOUT and time.monotonic() - self._last_beat >= HEARTBEAT_SECONDS:
            self._last_beat = time.monotonic()
            with contextlib.suppress(BlockingIOError):
                return self._beat()
        return True

    def _beat(self) -> bool:
        try:
            os.write(self._output, b"\n")
        except BrokenPipeError:
            return False
        return True
