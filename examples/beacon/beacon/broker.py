"""Where the MQTT broker is, and the topics everybody agrees on."""

import os

SENSOR_TOPICS = "sensors/+"


def address() -> tuple[str, int]:
    """Return the broker's host and port."""
    return os.environ.get("BROKER_HOST", "broker"), int(os.environ.get("BROKER_PORT", "1883"))


def sensor_topic(sensor: str) -> str:
    """Return the topic on which a sensor's values are published."""
    return f"sensors/{sensor}"
