"""The databases instances write their metrics to; none where no Telegraf was built."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typing_extensions import override

from guesthouse.adapters.influx import InfluxAdmin, metrics_database
from guesthouse.config import Settings
from guesthouse.instances import Instance, Provider
from guesthouse.instances.ports import MetricsAccounts
from guesthouse.kit.files import replace_file
from guesthouse.kit.sensitive import Sensitive

PASSWORD_BYTES = 24
INTERVAL_SECONDS = 10


def metrics_accounts(settings: Settings) -> MetricsAccounts:
    """Return what makes an instance's database and user."""
    if not settings.telegraf_binary:
        return NoMetrics()
    return InfluxAccounts(settings)


class NoMetrics(MetricsAccounts):
    """Instances without Telegraf."""

    @override
    async def ensure(self, instance: Instance) -> Mapping[str, Any]:
        return {}

    @override
    async def drop(self, instance: str) -> None:
        return


class InfluxAccounts(MetricsAccounts):
    """One database and one write-only user for each instance, in the InfluxDB of this machine."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @override
    async def ensure(self, instance: Instance) -> Mapping[str, Any]:
        database = metrics_database(instance.name)
        password = self._password(instance.name)
        await self._admin().ensure_database(database, database, password)
        return {
            "url": self._url(instance),
            "server_name": f"console.{self._settings.domain}",
            "database": database,
            "username": database,
            "password": password.reveal(),
            "interval_seconds": INTERVAL_SECONDS,
        }

    @override
    async def drop(self, instance: str) -> None:
        database = metrics_database(instance)
        await self._admin().drop_database(database, database)
        self._password_file(instance).unlink(missing_ok=True)

    def _url(self, instance: Instance) -> str:
        """Return the address in front of InfluxDB; the loopback one needs no name service."""
        local = instance.provider is Provider.LOCAL
        host = "127.0.0.1" if local else f"console.{self._settings.domain}"
        return f"https://{host}:{self._settings.gateway_port}/telemetry"

    def _admin(self) -> InfluxAdmin:
        file = self._settings.state / "host" / "influxdb" / "admin.password"
        password = Sensitive(file.read_text(encoding="utf-8").strip())
        return InfluxAdmin(f"http://127.0.0.1:{self._settings.influx_port}", "admin", password)

    def _password_file(self, instance: str) -> Path:
        return self._settings.state / "keys" / instance / "metrics.password"

    def _password(self, instance: str) -> Sensitive[str]:
        file = self._password_file(instance)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Whole or not at all: cut off halfway, the password would have been empty.
            replace_file(file, secrets.token_urlsafe(PASSWORD_BYTES))
        return Sensitive(file.read_text(encoding="utf-8"))
