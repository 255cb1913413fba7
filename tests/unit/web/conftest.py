import pytest
from fastapi import FastAPI

from guesthouse import web
from guesthouse.api import create_app
from tests.fakes.clock import FakeClock
from tests.fakes.services import FakeServices
from tests.unit.callers import anonymous, member, operator, outsider, services, worker
from tests.unit.web.browsing import Street

__all__ = ["anonymous", "member", "operator", "outsider", "services", "worker"]


@pytest.fixture
def app(services: FakeServices) -> FastAPI:
    app = create_app(services)
    web.install(app)
    return app


@pytest.fixture
def street(
    app: FastAPI,
    services: FakeServices,
    clock: FakeClock,
) -> Street:
    return Street(app, services, clock)
