"""The long-running processes: API and worker in one, or a worker alone."""

import asyncio
import contextlib
import datetime as dt
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from guesthouse.bootstrap.services import Services
from guesthouse.config import Settings
from guesthouse.kit.ids import new_id
from guesthouse.runs.worker import RunWorker, WorkerOptions

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
CANCEL_GRACE = dt.timedelta(minutes=3)
"""A cancelled deployment may take 90 s to put the old version back, and is then asked once more
whether it did; given up before that, the run would be lost while its playbook goes on."""
GRACE_SECONDS = 3
"""How long open requests may go on; who follows a log is cut off then, and connects again."""


def serve(services: Services, app: FastAPI, *, with_worker: bool) -> None:
    """Serve the API until a signal says stop.

    Args:
        services: What `build` gave.
        app: The application over them.
        with_worker: Whether this process also executes runs.
    """
    if with_worker:
        app.router.lifespan_context = _lifespan(services)
    uvicorn.Server(server_config(services.settings, app)).run()


def server_config(settings: Settings, app: ASGIApp) -> uvicorn.Config:
    """Return how the server listens, and whom it believes where requests come from."""
    return uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        # Strangers need not know what to look weaknesses up for.
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        # nginx of this machine is the only proxy that is believed.
        forwarded_allow_ips="127.0.0.1",
    )


def work(services: Services) -> None:
    """Execute runs until a signal says stop."""
    asyncio.run(_work(services))


async def _work(services: Services) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop.set)
    await _worker(services).run(stop)


def _worker(services: Services) -> RunWorker:
    return RunWorker(
        services.database,
        services.clock,
        services.flows,
        state=services.settings.state,
        name=new_id("worker", services.clock),
        options=WorkerOptions(cancel_grace=CANCEL_GRACE, failpoint=services.settings.failpoint),
    )


def _lifespan(services: Services) -> Callable[[Any], Any]:
    @contextlib.asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:  # noqa: ANN401 - Starlette's own type
        stop = asyncio.Event()
        worker = _worker(services)
        task = asyncio.create_task(worker.run(stop))
        started = asyncio.create_task(worker.started.wait())
        await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            # It could not start, and says why; an API whose runs never begin helps nobody.
            started.cancel()
            task.result()
        try:
            yield
        finally:
            stop.set()
            await task

    return lifespan
