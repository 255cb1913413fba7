"""A handful of believable sensors, for trying Beacon without any hardware."""

import asyncio
import json
import logging
import math
import random
import time
from dataclasses import dataclass

import aiomqtt

from beacon import broker

INTERVAL_SECONDS = 1.0
RETRY_SECONDS = 1.0

log = logging.getLogger("beacon.simulator")


@dataclass(frozen=True)
class Sensor:
    """One simulated sensor: a slow wave with a little noise on it."""

    name: str
    unit: str
    middle: float
    swing: float
    period_seconds: float
    noise: float

    def value(self, now_seconds: float) -> float:
        """Return the value at a time."""
        wave = math.sin(2 * math.pi * now_seconds / self.period_seconds)
        # Noise for a picture, not for a secret.
        noise = random.gauss(0, self.noise)
        return round(self.middle + self.swing * wave + noise, 2)


SENSORS = (
    Sensor("boiler-temperature", "°C", 72.0, 6.0, 180, 0.3),
    Sensor("hall-humidity", "%", 46.0, 5.0, 300, 0.4),
    Sensor("line-pressure", "bar", 4.2, 0.5, 90, 0.05),
    Sensor("pump-vibration", "mm/s", 2.1, 0.8, 45, 0.15),
)


async def publish(client: aiomqtt.Client) -> None:
    """Publish one value of each sensor."""
    now = time.time()
    for sensor in SENSORS:
        payload = json.dumps({"value": sensor.value(now), "unit": sensor.unit})
        await client.publish(broker.sensor_topic(sensor.name), payload)


async def run() -> None:
    """Publish for ever, through any outage of the broker."""
    host, port = broker.address()
    while True:
        try:
            async with aiomqtt.Client(host, port) as client:
                log.info("Publishing %d sensors to %s:%d", len(SENSORS), host, port)
                while True:
                    await publish(client)
                    await asyncio.sleep(INTERVAL_SECONDS)
        except aiomqtt.MqttError as exc:
            log.warning("The broker is away (%s); trying again", exc)
            await asyncio.sleep(RETRY_SECONDS)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    asyncio.run(run())
