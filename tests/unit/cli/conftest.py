import datetime as dt
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx
import pytest
from fastapi import FastAPI
from typing_extensions import override

from guesthouse.api import create_app
from guesthouse.cli.app import main
from guesthouse.cli.terminal import Terminal
from guesthouse.db import Database
from guesthouse.people import Scope
from guesthouse.runs import Run, RunState
from guesthouse.runs.model import Ending
from tests.fakes.asgi import AsgiBridge
from tests.fakes.clock import FakeClock
from tests.fakes.machine import FakeMachine
from tests.fakes.running import HandWorker
from tests.fakes.services import ESTATE, OPERATOR, FakeServices, fake_services


class WorkingClock(FakeClock):
    """While the server waits, a worker carries out what is queued."""

    work: Callable[[], None] | None = None

    @override
    async def sleep(self, duration: dt.timedelta) -> None:
        await super().sleep(duration)
        if self.work is not None:
            self.work()


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass
class Cli:
    """Calls the command line against the real API, in this process."""

    services: FakeServices
    app: FastAPI
    clock: FakeClock
    scope: Scope = OPERATOR
    attended: bool = False
    answer: str = ""
    read: IO[str] = field(default_factory=io.StringIO)
    asked: list[str] = field(default_factory=list)
    tokens: dict[Scope, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    transport: httpx.BaseTransport | None = None
    machine: FakeMachine | None = None

    def __call__(self, *arguments: str) -> Answer:
        out, err = io.StringIO(), io.StringIO()
        state = self.services.settings.state
        variables = {
            "GUESTHOUSE_STATE": str(state),
            "GUESTHOUSE_GATEWAY_PORT": "8443",
            "GUESTHOUSE_CREDENTIALS": str(state / "credentials.json"),
        }
        terminal = Terminal(
            out=out,
            err=err,
            ask=self._ask,
            read=self.read,
            ask_unseen=self._ask,
            attended=self.attended,
            environment={
                **variables,
                "GUESTHOUSE_TOKEN": self._token(),
                **self.environment,
            },
            transport=self.transport or AsgiBridge(self.app),
            clock=self.clock,
            machine=self.machine,
        )
        code = main(arguments, terminal)
        return Answer(code, out.getvalue(), err.getvalue())

    def _token(self) -> str:
        """Return the caller's token; to make one is a row of the audit log, so once is enough."""
        if self.scope not in self.tokens:
            self.tokens[self.scope] = self.services.token(self.scope)
        return self.tokens[self.scope]

    def _ask(self, question: str) -> str:
        self.asked.append(question)
        return self.answer


@pytest.fixture
def clock() -> WorkingClock:
    return WorkingClock()


@pytest.fixture
def services(database: Database, clock: WorkingClock, tmp_path: Path) -> FakeServices:
    return fake_services(database, clock, tmp_path)


@pytest.fixture
def app(services: FakeServices) -> FastAPI:
    return create_app(services)


@pytest.fixture
def cli(services: FakeServices, app: FastAPI) -> Cli:
    return Cli(services, app, FakeClock())


@pytest.fixture
def worker(database: Database) -> HandWorker:
    return HandWorker(database)


@pytest.fixture
def succeeding(services: FakeServices, clock: WorkingClock, worker: HandWorker) -> None:
    """Every run succeeds as soon as somebody waits for it."""

    def succeed() -> None:
        for run in queued(services):
            worker.succeed(run)

    clock.work = succeed


@pytest.fixture
def failing(services: FakeServices, clock: WorkingClock, worker: HandWorker) -> None:
    """Every run fails as soon as somebody waits for it."""

    def fail() -> None:
        for run in queued(services):
            worker.fail(
                run,
                "api never became healthy",
                next_step="look at its health check",
                detail="no such table\nexit 1",
            )

    clock.work = fail


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    directory = tmp_path / "estate"
    for name, text in ESTATE.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return directory


def queued(services: FakeServices) -> list[Run]:
    found = services.runs.list(OPERATOR).items
    return [
        services.runs.get(OPERATOR, run.id)
        for run in reversed(found)
        if run.state is RunState.QUEUED
    ]


def end(worker: HandWorker, run: Run, state: RunState) -> None:
    worker.end(worker.start(run), Ending(state))


@pytest.fixture
def cli_at_work(services: FakeServices, app: FastAPI, clock: WorkingClock) -> Cli:
    """A command line whose waiting lets a worker work."""
    return Cli(services, app, clock)
