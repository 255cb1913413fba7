"""Everything that is kept, in PostgreSQL, reached as the PG* environment variables say."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from beacon.api.model import Measurement, NewPlugin, NewResult, Plugin, Reading, Result, Sensor

SCHEMA = Path(__file__).with_name("schema.sql")
CONNECT_SECONDS = 30.0
# PostgreSQL's advisory lock for the schema; any number nobody else uses.
SCHEMA_LOCK = 7_205_001

Pool = AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]


class Store:
    """Sensors, readings, plugins and results."""

    def __init__(self) -> None:
        self._pool: Pool = AsyncConnectionPool(
            min_size=1,
            max_size=8,
            open=False,
            connection_class=psycopg.AsyncConnection[DictRow],
            kwargs={"row_factory": dict_row, "autocommit": True},
            check=AsyncConnectionPool.check_connection,
        )

    async def open(self) -> None:
        """Connect and bring the schema up to date."""
        await self._pool.open(wait=True, timeout=CONNECT_SECONDS)
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [SCHEMA_LOCK])
            await connection.execute(SCHEMA.read_bytes())

    async def close(self) -> None:
        """Let go of the connections."""
        await self._pool.close()

    async def answers(self) -> bool:
        """Return whether the database is there."""
        try:
            async with self._pool.connection(timeout=2) as connection:
                await connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    async def sensors(self) -> list[Sensor]:
        """Return all sensors by name."""
        rows = await self._rows("SELECT id, unit, value, at FROM sensors ORDER BY id")
        return [Sensor(**row) for row in rows]

    async def sensor(self, sensor: str) -> Sensor | None:
        """Return one sensor, or None."""
        rows = await self._rows("SELECT id, unit, value, at FROM sensors WHERE id = %s", sensor)
        return Sensor(**rows[0]) if rows else None

    async def add_reading(self, sensor: str, measurement: Measurement) -> Reading:
        """Keep a value; a sensor never heard of before is a sensor from now on."""
        rows = await self._rows(
            """
            WITH heard AS (
                INSERT INTO sensors (id, unit, value, at) VALUES (%s, %s, %s, now())
                ON CONFLICT (id) DO UPDATE
                SET unit = excluded.unit, value = excluded.value, at = excluded.at
                RETURNING id, unit, value, at
            )
            INSERT INTO readings (sensor, value, at) SELECT id, value, at FROM heard
            RETURNING id, sensor, value, (SELECT unit FROM heard) AS unit, at
            """,
            sensor,
            measurement.unit,
            measurement.value,
        )
        return Reading(**rows[0])

    async def readings(self, sensor: str, *, before: int | None, limit: int) -> list[Reading]:
        """Return a sensor's readings, newest first, older than `before`."""
        rows = await self._rows(
            """
            SELECT r.id, r.sensor, r.value, s.unit, r.at
            FROM readings r JOIN sensors s ON s.id = r.sensor
            WHERE r.sensor = %s AND (%s::bigint IS NULL OR r.id < %s)
            ORDER BY r.id DESC LIMIT %s
            """,
            sensor,
            before,
            before,
            limit,
        )
        return [Reading(**row) for row in rows]

    async def plugins(self) -> list[Plugin]:
        """Return all plugins by name."""
        rows = await self._rows("SELECT * FROM plugins ORDER BY name")
        return [Plugin(**row) for row in rows]

    async def plugin(self, plugin: UUID) -> Plugin | None:
        """Return one plugin, or None."""
        rows = await self._rows("SELECT * FROM plugins WHERE id = %s", plugin)
        return Plugin(**rows[0]) if rows else None

    async def register(self, new: NewPlugin) -> tuple[Plugin, bool]:
        """Keep a plugin; the name decides whether it is new.

        Returns:
            The plugin, and whether it was not known before.
        """
        rows = await self._rows(
            """
            INSERT INTO plugins (name, description, callback) VALUES (%s, %s, %s)
            ON CONFLICT (name) DO UPDATE
            SET description = excluded.description, callback = excluded.callback
            RETURNING *, xmax = 0 AS created
            """,
            new.name,
            new.description,
            str(new.callback) if new.callback else None,
        )
        created = rows[0].pop("created")
        return Plugin(**rows[0]), created

    async def remove(self, plugin: UUID) -> bool:
        """Forget a plugin and its results; return whether there was one."""
        return bool(await self._rows("DELETE FROM plugins WHERE id = %s RETURNING id", plugin))

    async def add_result(self, plugin: UUID, new: NewResult) -> Result | None:
        """Keep what a plugin found out; None where the plugin is gone."""
        rows = await self._rows(
            """
            INSERT INTO results (plugin, summary, level, sensor, value)
            SELECT id, %s, %s, %s, %s FROM plugins WHERE id = %s
            RETURNING id, summary, level, sensor, value, at
            """,
            new.summary,
            new.level,
            new.sensor,
            new.value,
            plugin,
        )
        return Result(**rows[0]) if rows else None

    async def results(self, plugin: UUID, *, before: int | None, limit: int) -> list[Result]:
        """Return a plugin's results, newest first, older than `before`."""
        rows = await self._rows(
            """
            SELECT id, summary, level, sensor, value, at FROM results
            WHERE plugin = %s AND (%s::bigint IS NULL OR id < %s)
            ORDER BY id DESC LIMIT %s
            """,
            plugin,
            before,
            before,
            limit,
        )
        return [Result(**row) for row in rows]

    async def forget(self, older_than: dt.timedelta) -> None:
        """Delete readings and results beyond an age."""
        await self._rows("DELETE FROM readings WHERE at < now() - %s", older_than)
        await self._rows("DELETE FROM results WHERE at < now() - %s", older_than)

    async def _rows(self, query: str, *values: object) -> Sequence[dict[str, Any]]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query, values)
            return await cursor.fetchall() if cursor.description else []
