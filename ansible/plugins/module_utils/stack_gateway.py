"""Routes: written beside the old ones, checked, then loaded; the last good site is kept."""

from __future__ import annotations

import contextlib
from pathlib import Path

from ansible_collections.guesthouse.platform.plugins.module_utils.stack_deployment import Gateway
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_failure import Failure
from ansible_collections.guesthouse.platform.plugins.module_utils.stack_process import (
    Runner,
    TooLong,
)

LIMIT_SECONDS = 30.0


class GatewayRefused(Failure):
    """nginx does not take the new routes; the old ones serve on."""

    def __init__(self, what: str, last_lines: list[str]) -> None:
        sentence = f"The gateway refused the new routes ({what}); the earlier ones stay."
        super().__init__("gateway", sentence, last_lines=last_lines)


def is_current(gateway: Gateway | None) -> bool:
    """Return whether the site file says what it should."""
    return gateway is None or _read(gateway.site) == gateway.text


def switch(gateway: Gateway | None, runner: Runner) -> bool:
    """Let nginx serve the routes; return whether anything had to change.

    Raises:
        GatewayRefused: nginx refused them; the site file is what it was.
    """
    if gateway is None or is_current(gateway):
        return False
    _replace(gateway, gateway.text, runner)
    return True


def remove(gateway: Gateway | None, runner: Runner) -> bool:
    """Take the routes away; return whether there were any."""
    if gateway is None or _read(gateway.site) is None:
        return False
    _replace(gateway, None, runner)
    return True


def _replace(gateway: Gateway, text: str | None, runner: Runner) -> None:
    last_good = _read(gateway.site)
    _write(gateway.site, text)
    try:
        _run(gateway.check, runner)
    except BaseException:
        _write(gateway.site, last_good)
        raise
    try:
        _run(gateway.reload, runner)
    except BaseException:
        # A reload that half worked must not leave nginx with files it was not told to read.
        _write(gateway.site, last_good)
        with contextlib.suppress(Failure):
            _run(gateway.reload, runner)
        raise


def _run(argv: list[str], runner: Runner) -> None:
    try:
        ended = runner.run(argv, limit_seconds=LIMIT_SECONDS)
    except FileNotFoundError as exc:
        what = f"{argv[0]} is not installed"
        raise GatewayRefused(what, []) from exc
    except TooLong as exc:
        what = f"{argv[0]} did not end within {LIMIT_SECONDS:g} s"
        raise GatewayRefused(what, []) from exc
    if ended.code != 0:
        what = f"{' '.join(argv)} ended with {ended.code}"
        raise GatewayRefused(what, ended.tail)


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _write(path: str, text: str | None) -> None:
    place = Path(path)
    if text is None:
        with contextlib.suppress(FileNotFoundError):
            place.unlink()
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    # nginx includes `*.conf`, and a star matches no leading dot.
    aside = place.with_name(f".{place.name}.new")
    aside.write_text(text, encoding="utf-8")
    aside.chmod(0o644)
    aside.replace(place)
