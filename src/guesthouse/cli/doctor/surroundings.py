"""Checks of what is around the programs: space, ports, files, time, the server."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import httpx
import sqlalchemy as sa
from cryptography import x509

from guesthouse.cli.client import Api
from guesthouse.cli.doctor.findings import Finding, bad, ok, warn
from guesthouse.cli.errors import NoToken, Refused, ServerAway
from guesthouse.cli.machine import Machine
from guesthouse.config import Settings
from guesthouse.db import Database
from guesthouse.errors import GuesthouseError, Unavailable

GIB = 2**30
LEAST_GIB = 2
ENOUGH_GIB = 10
RENEW_WITHIN = dt.timedelta(days=30)


def disk(machine: Machine, settings: Settings) -> Finding:
    """Say whether there is room for images and state."""
    free = machine.free_bytes(settings.state) / GIB
    what = f"{free:.1f} GiB free at {settings.state}"
    if free < LEAST_GIB:
        return bad("disk", what, "free some space: docker system df shows what images take")
    if free < ENOUGH_GIB:
        return warn("disk", what, f"images and builds want {ENOUGH_GIB} GiB")
    return ok("disk", what)


def database(settings: Settings) -> Finding:
    """Say whether the database answers."""
    opened = Database(settings.database_url)
    try:
        if opened.is_sqlite and not _has_file(opened):
            return warn("database", "not made yet", "guesthouse init, or guesthouse serve")
        with opened.reading() as transaction:
            transaction.scalar(sa.select(1))
    except Unavailable as exc:
        return bad("database", exc.sentence, exc.next_step)
    finally:
        opened.close()
    return ok("database", "answers")


def authority(machine: Machine, settings: Settings, now: dt.datetime) -> Finding:
    """Say whether our CA is there and lasts."""
    file = settings.state / "ca" / "ca.pem"
    content = machine.read(file)
    if content is None:
        return warn("ca", "not made yet", "nothing to do: it is made when it is first needed")
    try:
        ends = x509.load_pem_x509_certificate(content).not_valid_after_utc
    except ValueError:
        return bad("ca", f"{file} is no certificate", "restore the directory ca from a backup")
    what = f"valid until {ends:%Y-%m-%d}"
    if ends <= now:
        return bad("ca", f"expired {ends:%Y-%m-%d}", f"move {file.parent} away and apply again")
    if ends - now < RENEW_WITHIN:
        return warn("ca", what, f"plan to move {file.parent} away, apply again, trust the new one")
    return ok("ca", what)


def api(settings: Settings, connect: Callable[[], Api]) -> Finding:
    """Say whether the server answers and takes our token."""
    where = settings.url or settings.api_url
    try:
        connect().get("/runs", limit=1)
    except NoToken as exc:
        return warn("api", exc.sentence, exc.next_step)
    except ServerAway:
        return warn("api", f"{where} does not answer", "guesthouse serve")
    except Refused as exc:
        return bad("api", f"{where}: {exc.sentence}", exc.next_step)
    except (GuesthouseError, httpx.HTTPError) as exc:
        return bad("api", f"{where}: {exc}", "look at the log of guesthouse serve")
    return ok("api", f"{where} answers")


def port(machine: Machine, number: int, name: str, *, ours: bool) -> Finding:
    """Say whether a port is free, or taken by who should have it.

    Args:
        machine: The machine.
        number: The port.
        name: What we want it for: ``api``, ``gateway``.
        ours: Whether there is reason to think that we hold it.
    """
    label = f"port {number}"
    if not machine.listens(number):
        return ok(label, f"free for the {name}")
    if ours:
        return ok(label, f"the {name} listens")
    return bad(
        label,
        f"something else listens where the {name} should",
        f"end it, or set GUESTHOUSE_{name.upper()}_PORT to a free port",
    )


def time(machine: Machine) -> Finding:
    """Say whether the clock is kept right; certificates and tokens depend on it."""
    state = machine.output("timedatectl", "show", "--property=NTPSynchronized", "--value")
    if state is not None and state.strip() == "yes":
        return ok("clock", "synchronised")
    tracking = machine.output("chronyc", "-n", "tracking")
    if tracking is not None and "Leap status     : Normal" in tracking:
        return ok("clock", "synchronised")
    return warn(
        "clock",
        "nothing says that it is synchronised",
        "install chrony; certificates and tokens need the right time",
    )


def _has_file(opened: Database) -> bool:
    return bool(opened.url.database) and Path(str(opened.url.database)).exists()
