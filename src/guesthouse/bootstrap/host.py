"""Prepares the control plane's own machine, and undoes that."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from guesthouse.bootstrap.parts import (
    certificate_authority,
    certificates,
    control_plane,
    playbooks,
)
from guesthouse.config import Settings
from guesthouse.instances import Connection, OnLine, Play
from guesthouse.instances.plan import CONTROL, host_variables
from guesthouse.kit.clock import SystemClock

LIMIT = dt.timedelta(minutes=30)


async def prepare_host(settings: Settings, *, on_line: OnLine) -> Mapping[str, Any]:
    """Install and start what the control plane needs here: engine, gateway, InfluxDB.

    Args:
        settings: The operator's.
        on_line: Called with each line Ansible has to say.

    Returns:
        Versions and addresses, as `playbooks/provision.yml` answers.

    Raises:
        PlaybookFailed: A package could not be installed or a service not started.
    """
    # Ours before the roles fill it as root: whoever owns it may read InfluxDB's password in it.
    control_plane(settings).control_root.mkdir(parents=True, exist_ok=True)
    return await _play(settings, "playbooks/provision.yml", on_line)


async def release_host(settings: Settings, *, on_line: OnLine) -> Mapping[str, Any]:
    """Stop and remove what `prepare_host` brought, all but the packages.

    Raises:
        PlaybookFailed: Something could not be removed.
    """
    return await _play(settings, "playbooks/destroy.yml", on_line)


async def _play(settings: Settings, playbook: str, on_line: OnLine) -> Mapping[str, Any]:
    authority = certificate_authority(settings, SystemClock())
    tls = certificates(settings, authority).gateway_files(CONTROL)
    play = Play(
        playbook=playbook,
        instance=CONTROL,
        connection=Connection(""),
        variables=host_variables(
            control_plane(settings), tls=tls, influx_port=settings.influx_port
        ),
        limit=LIMIT,
    )
    return await playbooks(settings).play(play, on_line=on_line)
