"""What Beacon does: takes readings in, keeps plugins, passes everything on to who listens."""

import asyncio
import datetime as dt
import logging
import os
from uuid import UUID

import aiomqtt
import psycopg
from pydantic import TypeAdapter, ValidationError

from beacon import broker
from beacon.api.callbacks import Callbacks
from beacon.api.hub import Event, Hub
from beacon.api.model import (
    Health,
    Measurement,
    NewPlugin,
    NewResult,
    Plugin,
    Reading,
    Result,
    SensorId,
)
from beacon.api.store import Store

RETRY_SECONDS = 1.0
TIDY_SECONDS = 600.0
RECENT_READINGS = 60
RECENT_RESULTS = 5

log = logging.getLogger("beacon.service")

SENSOR_ID: TypeAdapter[str] = TypeAdapter(SensorId)


class Service:
    """The use cases, above the store and the broker."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.hub = Hub()
        self._callbacks = Callbacks(self._keep_result)
        self._broker_answers = False
        self._keep = dt.timedelta(hours=float(os.environ.get("BEACON_KEEP_HOURS", "24")))

    async def run(self) -> None:
        """Take readings in and tidy up until cancelled."""
        self._callbacks.follow_all(await self.store.plugins())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._ingest())
                tasks.create_task(self._tidy())
        finally:
            await self._callbacks.close()

    async def health(self) -> Health:
        """Return which of the parts Beacon depends on are there."""
        return Health(database=await self.store.answers(), broker=self._broker_answers)

    async def snapshot(self) -> Event:
        """Return what a new listener starts from."""
        sensors = []
        for sensor in await self.store.sensors():
            recent = await self.store.readings(sensor.id, before=None, limit=RECENT_READINGS)
            points = [_point(reading) for reading in reversed(recent)]
            sensors.append({**sensor.model_dump(mode="json"), "recent": points})
        plugins = []
        for plugin in await self.store.plugins():
            results = await self.store.results(plugin.id, before=None, limit=RECENT_RESULTS)
            shown = [result.model_dump(mode="json") for result in results]
            plugins.append({**plugin.model_dump(mode="json"), "results": shown})
        return {"type": "snapshot", "sensors": sensors, "plugins": plugins}

    async def register(self, new: NewPlugin) -> tuple[Plugin, bool]:
        """Register a plugin, or change one that has the name."""
        plugin, created = await self.store.register(new)
        self._callbacks.follow(plugin)
        self.hub.publish({"type": "plugin", "plugin": plugin.model_dump(mode="json")})
        return plugin, created

    async def remove(self, plugin: UUID) -> bool:
        """Remove a plugin with its results."""
        self._callbacks.leave(plugin)
        removed = await self.store.remove(plugin)
        if removed:
            self.hub.publish({"type": "plugin-removed", "plugin": str(plugin)})
        return removed

    async def add_result(self, plugin: UUID, new: NewResult) -> Result | None:
        """Keep a result and show it; None where there is no such plugin."""
        result = await self.store.add_result(plugin, new)
        if result is not None:
            event = {"plugin": str(plugin), "result": result.model_dump(mode="json")}
            self.hub.publish({"type": "result", **event})
        return result

    async def take(self, topic: str, payload: bytes) -> None:
        """Keep what a sensor published; what is no measurement is said so and dropped."""
        try:
            sensor = SENSOR_ID.validate_python(topic.partition("/")[2])
            measurement = Measurement.model_validate_json(payload)
        except ValidationError as exc:
            log.warning("Dropped a message on %r: %s", topic, exc.errors()[0]["msg"])
            return
        reading = await self.store.add_reading(sensor, measurement)
        self._callbacks.offer(reading)
        self.hub.publish({"type": "reading", "reading": reading.model_dump(mode="json")})

    async def _keep_result(self, plugin: UUID, new: NewResult) -> None:
        await self.add_result(plugin, new)

    async def _ingest(self) -> None:
        host, port = broker.address()
        while True:
            try:
                await self._listen(host, port)
            except aiomqtt.MqttError as exc:
                log.warning("The broker is away (%s); trying again", exc)
            except psycopg.Error as exc:
                log.warning("A reading was not kept, the database is away (%s)", exc)
            self._broker_answers = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self, host: str, port: int) -> None:
        async with aiomqtt.Client(host, port) as client:
            await client.subscribe(broker.SENSOR_TOPICS)
            self._broker_answers = True
            log.info("Listening to %s on %s:%d", broker.SENSOR_TOPICS, host, port)
            async for message in client.messages:
                payload = message.payload if isinstance(message.payload, bytes) else b""
                await self.take(message.topic.value, payload)

    async def _tidy(self) -> None:
        while True:
            try:
                await self.store.forget(self._keep)
            except psycopg.Error as exc:
                log.warning("Old readings were not deleted (%s)", exc)
            await asyncio.sleep(TIDY_SECONDS)


def _point(reading: Reading) -> dict[str, object]:
    return {"id": reading.id, "value": reading.value}
