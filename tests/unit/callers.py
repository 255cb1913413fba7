"""Fixtures of tests that call the application: its services, and who calls; `app` is theirs."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from guesthouse.db import Database
from tests.fakes.asgi import client_of
from tests.fakes.clock import FakeClock
from tests.fakes.running import HandWorker
from tests.fakes.services import MEMBER, OPERATOR, OUTSIDER, FakeServices, fake_services


@pytest.fixture
def services(database: Database, clock: FakeClock, tmp_path: Path) -> FakeServices:
    return fake_services(database, clock, tmp_path)


@pytest.fixture
def worker(database: Database) -> HandWorker:
    return HandWorker(database)


@pytest.fixture
def anonymous(app: FastAPI) -> httpx.Client:
    return client_of(app)


@pytest.fixture
def operator(app: FastAPI, services: FakeServices) -> httpx.Client:
    return client_of(app, services.token(OPERATOR))


@pytest.fixture
def member(app: FastAPI, services: FakeServices) -> httpx.Client:
    return client_of(app, services.token(MEMBER))


@pytest.fixture
def outsider(app: FastAPI, services: FakeServices) -> httpx.Client:
    return client_of(app, services.token(OUTSIDER))
