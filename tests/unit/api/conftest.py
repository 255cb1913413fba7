import pytest
from fastapi import FastAPI

from guesthouse.api import create_app
from tests.fakes.services import FakeServices
from tests.unit.callers import anonymous, member, operator, outsider, services, worker

__all__ = ["anonymous", "member", "operator", "outsider", "services", "worker"]


@pytest.fixture
def app(services: FakeServices) -> FastAPI:
    return create_app(services)
