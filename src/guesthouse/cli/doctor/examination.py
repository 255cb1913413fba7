"""All checks, in the order a person mends things."""

import datetime as dt
from collections.abc import Callable, Iterator

from guesthouse.cli.client import Api
from guesthouse.cli.doctor import surroundings
from guesthouse.cli.doctor.findings import Finding, Verdict
from guesthouse.cli.doctor.programs import programs
from guesthouse.cli.machine import Machine
from guesthouse.config import Settings


def examine(
    machine: Machine, settings: Settings, *, connect: Callable[[], Api], now: dt.datetime
) -> Iterator[Finding]:
    """Yield what each check found.

    Args:
        machine: What is looked at.
        settings: What the operator decided.
        connect: Gives the server, signed in; may raise NoToken.
        now: The time certificates are held against.
    """
    yield from programs(machine)
    yield surroundings.disk(machine, settings)
    yield surroundings.database(settings)
    yield surroundings.authority(machine, settings, now)
    answer = surroundings.api(settings, connect)
    yield answer
    is_up = answer.verdict is Verdict.OK
    yield surroundings.port(machine, settings.api_port, "api", ours=is_up)
    gateway = machine.read(settings.state / "host" / "fingerprint") is not None
    yield surroundings.port(machine, settings.gateway_port, "gateway", ours=gateway)
    yield surroundings.time(machine)
