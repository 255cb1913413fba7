from collections.abc import Iterator
from pathlib import Path

import pytest

from guesthouse.adapters.oidc import OpenIdClient, Registration
from guesthouse.db import Database, upgrade
from guesthouse.kit.clock import SystemClock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.oidc import ExternalSignIn
from tests.fakes.external import external_sign_in
from tests.integration.oidc.running import (
    CLIENT,
    CLIENT_SECRET,
    REDIRECT,
    RunningProvider,
    free_port,
    install,
    running,
)


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProvider]:
    install()
    with running(tmp_path_factory.mktemp("oidc"), free_port()) as provider:
        yield provider


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(Sensitive(f"sqlite:///{tmp_path / 'guesthouse.sqlite'}"))
    upgrade(database)
    yield database
    database.close()


@pytest.fixture
def door(provider: RunningProvider, database: Database) -> ExternalSignIn:
    return external_sign_in(database, SystemClock(), client_of(provider))[0]


def client_of(provider: RunningProvider, *, client_id: str = CLIENT) -> OpenIdClient:
    registration = Registration(
        provider.issuer, client_id, Sensitive(CLIENT_SECRET), REDIRECT, groups_claim="groups"
    )
    return OpenIdClient(registration, SystemClock(), tls=provider.tls)
