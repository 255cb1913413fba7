"""A worker in a process of its own, for tests that kill it.

Processes are forked from a server that has the imports done, so that thirty starts take seconds.
"""

import asyncio
import datetime as dt
import multiprocessing
import os
from collections import Counter
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from guesthouse.db import Database
from guesthouse.kit.clock import SystemClock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.runs import Flow, FlowRegistry, Json, RunContext, StepDefinition
from guesthouse.runs.worker import RunWorker, WorkerOptions

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload([__name__])
STEPS = ("prepare", "once", "settle")
"""The one in the middle is not safe to repeat."""
KINDS = 15
"""Flows of their own for tests that crash one run at one boundary."""
LEASE = dt.timedelta(seconds=3)


@dataclass(frozen=True)
class Crashing:
    """Where the processes of one test work."""

    url: str
    state: Path

    @property
    def calls(self) -> Path:
        """A file with one line for each call of a step."""
        return self.state / "calls"

    def flows(self) -> FlowRegistry:
        return FlowRegistry(Flow(f"crash{kind}", self._steps(kind)) for kind in range(KINDS))

    def start(self, failpoint: str = "") -> ForkServerProcess:
        process = FORKSERVER.Process(target=_main, args=(self, failpoint))
        process.start()
        return process

    def counted(self) -> Counter[str]:
        """Return how often each step of each run was called."""
        return Counter(self.calls.read_text().splitlines())

    def _steps(self, kind: int) -> list[StepDefinition]:
        async def call(context: RunContext, name: str) -> Json:
            line = f"{context.run.id}/{name}\n".encode()
            calls = os.open(self.calls, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                os.write(calls, line)
            finally:
                os.close(calls)
            for number in range(context.payload.get("lines", 5)):
                context.log(f"{name} {number}")
                await asyncio.sleep(0.01)
            return {"name": name}

        def step(name: str) -> StepDefinition:
            async def function(context: RunContext) -> Json:
                return await call(context, name)

            return StepDefinition(f"{name}{kind}", function, idempotent=name != "once")

        return [step(name) for name in STEPS]


def _main(crashing: Crashing, failpoint: str) -> None:
    asyncio.run(_work(crashing, failpoint))


async def _work(crashing: Crashing, failpoint: str) -> None:
    worker = RunWorker(
        Database(Sensitive(crashing.url)),
        SystemClock(),
        crashing.flows(),
        state=crashing.state,
        name="crashing",
        options=WorkerOptions(failpoint=failpoint, lease=LEASE),
    )
    await worker.run(asyncio.Event())
