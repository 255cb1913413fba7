"""Runs the machine's own programs, for modules that change the machine."""

from __future__ import annotations

import subprocess

PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(argv: list[str], *, limit_seconds: int) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; what it says on either channel is in `stdout`.

    Raises:
        TimeoutExpired: It took longer.
    """
    return subprocess.run(  # noqa: S603 - argv lists only
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": PATHS, "LANG": "C.UTF-8"},
        text=True,
        errors="replace",
        timeout=limit_seconds,
        check=False,
    )
