"""The routes of the API. Its description is at /v1/openapi.json."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException, Query, Response, WebSocket
from fastapi.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect

from beacon.api.hub import Listener
from beacon.api.model import (
    Health,
    NewPlugin,
    NewResult,
    Plugin,
    PluginPage,
    ReadingPage,
    Result,
    ResultPage,
    Sensor,
    SensorPage,
)
from beacon.api.service import Service
from beacon.api.store import Store

TRY_AGAIN_LATER = 1013


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the store and work in the background while the API serves."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    store = Store()
    await store.open()
    app.state.service = Service(store)
    work = asyncio.create_task(app.state.service.run())
    yield
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work
    await store.close()


app = FastAPI(
    title="Beacon",
    version="1.0.0",
    summary="Sensors, their readings, and plugins that make something of them.",
    openapi_url="/v1/openapi.json",
    # The interactive pages load scripts from elsewhere; the description is enough.
    docs_url=None,
    redoc_url=None,
    lifespan=lifespan,
)


def service_of(connection: HTTPConnection) -> Service:
    """Return the service the API works with."""
    service: Service = connection.app.state.service
    return service


Beacon = Annotated[Service, Depends(service_of)]
Limit = Annotated[int, Query(ge=1, le=500)]
Before = Annotated[int | None, Query(description="Only what is older than this id")]


@app.get("/health")
async def health(beacon: Beacon, response: Response) -> Health:
    """Say whether database and broker are there; 503 where one is not."""
    found = await beacon.health()
    response.status_code = 200 if found.ok else 503
    return found


@app.get("/v1/sensors")
async def list_sensors(beacon: Beacon) -> SensorPage:
    """List all sensors with their last value."""
    return SensorPage(items=await beacon.store.sensors())


@app.get("/v1/sensors/{sensor}")
async def get_sensor(beacon: Beacon, sensor: str) -> Sensor:
    """Return one sensor."""
    found = await beacon.store.sensor(sensor)
    if found is None:
        raise HTTPException(404, f"There is no sensor {sensor!r}")
    return found


@app.get("/v1/sensors/{sensor}/readings")
async def list_readings(
    beacon: Beacon, sensor: str, limit: Limit = 100, before: Before = None
) -> ReadingPage:
    """List a sensor's readings, newest first."""
    await get_sensor(beacon, sensor)
    items = await beacon.store.readings(sensor, before=before, limit=limit)
    return ReadingPage(items=items, next=items[-1].id if len(items) == limit else None)


@app.get("/v1/plugins")
async def list_plugins(beacon: Beacon) -> PluginPage:
    """List all plugins."""
    return PluginPage(items=await beacon.store.plugins())


@app.post("/v1/plugins", status_code=201, responses={200: {"model": Plugin}})
async def register_plugin(beacon: Beacon, new: NewPlugin, response: Response) -> Plugin:
    """Register a plugin; one that has the name already is changed and answered with 200."""
    plugin, created = await beacon.register(new)
    response.status_code = 201 if created else 200
    return plugin


@app.get("/v1/plugins/{plugin}")
async def get_plugin(beacon: Beacon, plugin: UUID) -> Plugin:
    """Return one plugin."""
    found = await beacon.store.plugin(plugin)
    if found is None:
        raise no_plugin(plugin)
    return found


@app.delete("/v1/plugins/{plugin}", status_code=204)
async def remove_plugin(beacon: Beacon, plugin: UUID) -> None:
    """Remove a plugin with its results."""
    if not await beacon.remove(plugin):
        raise no_plugin(plugin)


@app.post("/v1/plugins/{plugin}/results", status_code=201)
async def add_result(beacon: Beacon, plugin: UUID, new: NewResult) -> Result:
    """Take in what a plugin found out, and show it to everybody who watches."""
    result = await beacon.add_result(plugin, new)
    if result is None:
        raise no_plugin(plugin)
    return result


@app.get("/v1/plugins/{plugin}/results")
async def list_results(
    beacon: Beacon, plugin: UUID, limit: Limit = 100, before: Before = None
) -> ResultPage:
    """List a plugin's results, newest first."""
    await get_plugin(beacon, plugin)
    items = await beacon.store.results(plugin, before=before, limit=limit)
    return ResultPage(items=items, next=items[-1].id if len(items) == limit else None)


@app.websocket("/v1/stream")
async def stream(websocket: WebSocket, beacon: Beacon) -> None:
    """Send a snapshot, then every reading, plugin and result as it comes."""
    await websocket.accept()
    # Listening starts before the snapshot is taken, so nothing falls between the two.
    with beacon.hub.listening() as listener:
        await websocket.send_json(await beacon.snapshot())
        sending = asyncio.create_task(send_events(websocket, listener))
        try:
            await until_closed(websocket)
        finally:
            sending.cancel()


async def send_events(websocket: WebSocket, listener: Listener) -> None:
    """Send events until the listener falls behind; then close, so it comes back for a snapshot."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        async for event in listener.events():
            await websocket.send_json(event)
        await websocket.close(TRY_AGAIN_LATER)


async def until_closed(websocket: WebSocket) -> None:
    """Wait for the end of the connection; what is said on it is not listened to."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await websocket.receive_text()


def no_plugin(plugin: UUID) -> HTTPException:
    """Return the answer to a plugin nobody registered."""
    return HTTPException(404, f"There is no plugin {plugin}")
