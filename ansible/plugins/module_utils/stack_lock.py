"""One deployment at a time in one directory: a lock that the kernel lets go of when we die."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.guesthouse.platform.plugins.module_utils.stack_failure import Failure
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_log import RunLog
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_watch import Watch

PULSE_SECONDS = 0.1


class Busy(Failure):
    """Another deployment of this environment did not end in time."""

    def __init__(self, holder: str, waited_seconds: float) -> None:
        sentence = f"Another deployment works here ({holder}); waited {waited_seconds:g} s for it."
        super().__init__("busy", sentence)


@contextlib.contextmanager
def held(
    root: Path, *, run: str, wait_seconds: float, log: RunLog, watch: Watch
) -> Iterator[None]:
    """Hold the lock of an environment's directory; make the directory where there is none.

    Args:
        root: Directory of the environment.
        run: Who holds it, for those who wait.
        wait_seconds: How long to wait for another deployment.
        log: Told whom we wait for.
        watch: Asked while we wait.

    Raises:
        Busy: The other deployment took longer.
    """
    path = root / "lock"
    deadline = time.monotonic() + wait_seconds
    is_told = False
    while True:
        root.mkdir(parents=True, exist_ok=True)
        # Files that containers mount are readable by all; this keeps the instance's users out.
        root.chmod(0o700)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            if _take(file, path):
                _sign(file, run)
                yield
                return
            holder = _holder(file)
        finally:
            os.close(file)
        if not is_told:
            log.note(f"Waiting for another deployment: {holder}")
            is_told = True
        if time.monotonic() > deadline:
            raise Busy(holder, wait_seconds)
        watch.check()
        time.sleep(PULSE_SECONDS)  # noqa: TID251 - waits for another process


def _take(file: int, path: Path) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    # A `destroy` may have removed the directory between open and lock: the file we hold is then
    # nobody else's.
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(file), there)


def _sign(file: int, run: str) -> None:
    note = {"run": run, "process": os.getpid(), "since": time.strftime("%FT%TZ", time.gmtime())}
    # Who holds it is a courtesy; a full disk must not keep anybody from putting things back.
    with contextlib.suppress(OSError):
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(note).encode(), 0)


def _holder(file: int) -> str:
    try:
        note = json.loads(os.pread(file, 4096, 0))
        return f"run {note['run']}, process {note['process']}, since {note['since']}"
    except (ValueError, KeyError, TypeError):
        return "unknown"
