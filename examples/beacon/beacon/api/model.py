"""The values the API speaks in. No I/O here."""

import datetime as dt
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints

SensorId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Unit = Annotated[str, StringConstraints(max_length=16)]


class Strict(BaseModel):
    """What others send: an unknown key is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid")


class Measurement(Strict):
    """The payload of an MQTT message on `sensors/<id>`."""

    value: FiniteFloat
    unit: Unit = ""


class Reading(BaseModel):
    """One value of one sensor."""

    id: int
    sensor: str
    value: float
    unit: str
    at: dt.datetime


class Sensor(BaseModel):
    """A sensor and the last that was heard of it."""

    id: str
    unit: str
    value: float
    at: dt.datetime


class NewPlugin(Strict):
    """What a plugin says about itself when it registers."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}$")]
    description: Annotated[str, StringConstraints(max_length=500)] = ""
    callback: AnyHttpUrl | None = None
    """Where Beacon posts readings; a plugin that pushes its results needs none."""


class Plugin(BaseModel):
    """A registered plugin."""

    id: UUID
    name: str
    description: str
    callback: str | None
    registered_at: dt.datetime


class NewResult(Strict):
    """Something a plugin found out."""

    summary: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    level: Literal["ok", "notice", "warning"] = "ok"
    sensor: SensorId | None = None
    value: FiniteFloat | None = None


class Result(NewResult):
    """A result as it is kept."""

    id: int
    at: dt.datetime


class CallbackAnswer(Strict):
    """What a plugin may answer when Beacon posts readings to it."""

    results: Annotated[list[NewResult], Field(max_length=100)] = []


class SensorPage(BaseModel):
    """All sensors, by name."""

    items: list[Sensor]


class ReadingPage(BaseModel):
    """Readings, newest first; `next` continues with older ones."""

    items: list[Reading]
    next: int | None


class PluginPage(BaseModel):
    """All plugins, by name."""

    items: list[Plugin]


class ResultPage(BaseModel):
    """Results, newest first; `next` continues with older ones."""

    items: list[Result]
    next: int | None


class Health(BaseModel):
    """Whether the parts Beacon depends on are there."""

    database: bool
    broker: bool

    @property
    def ok(self) -> bool:
        """Whether all of them are."""
        return self.database and self.broker
