"""The console's own pages, between a browser and a provider that other people wrote."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from guesthouse import web
from guesthouse.api import create_app
from guesthouse.db import Database
from guesthouse.kit.clock import SystemClock
from guesthouse.people import ActorKind, Role
from guesthouse.people.groups import mapping_of
from guesthouse.people.oidc import ExternalSignIn
from guesthouse.people.signin import SignIn
from tests.fakes.asgi import AsgiBridge
from tests.fakes.external import GROUPS
from tests.fakes.services import FakeServices, fake_services
from tests.integration.oidc.conftest import client_of
from tests.integration.oidc.running import REDIRECT, Browser, RunningProvider

CONSOLE = "https://console.test"
DEPART = "/sign-in/oidc"
SESSION = "__Host-guesthouse-session"
ATTEMPT = "__Host-guesthouse-oidc"


@pytest.fixture
def services(database: Database, tmp_path: Path, provider: RunningProvider) -> FakeServices:
    services = fake_services(database, SystemClock(), tmp_path)
    parts = replace(services.people.parts, groups=mapping_of(GROUPS))
    external = ExternalSignIn(parts, SignIn(parts), client_of(provider))
    return replace(services, external=external)


def console_of(services: FakeServices) -> httpx.Client:
    app = create_app(services)
    web.install(app)
    return httpx.Client(transport=AsgiBridge(app), base_url=CONSOLE)


def test_somebody_goes_to_the_provider_and_comes_back_signed_in(
    services: FakeServices, provider: RunningProvider
) -> None:
    with console_of(services) as console:
        assert f'href="{DEPART}' in console.get("/sign-in").text
        departed = console.get(DEPART, params={"next": "/environments/acme"})
        assert departed.status_code == 303
        cookie = departed.headers["set-cookie"]
        assert cookie.startswith(f"{ATTEMPT}=")
        assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
        parameters = Browser(provider, "ada").visit(departed.headers["location"])
        arrived = console.get(REDIRECT.removeprefix(CONSOLE), params=parameters)
        assert (arrived.status_code, arrived.headers["location"]) == (303, "/environments/acme")
        assert arrived.headers["cache-control"] == "no-store"
        scope = services.sessions.authenticate(console.cookies[SESSION])
        assert scope is not None
        assert (scope.actor, scope.kind, scope.roles) == (
            "ada",
            ActorKind.MEMBER,
            {"acme": Role.DEVELOPER},
        )


@pytest.mark.parametrize("next_path", ["//evil.test", "https://evil.test", "/\\evil.test"])
def test_nobody_is_led_to_another_host(
    services: FakeServices, provider: RunningProvider, next_path: str
) -> None:
    with console_of(services) as console:
        departed = console.get(DEPART, params={"next": next_path})
        parameters = Browser(provider, "ada").visit(departed.headers["location"])
        arrived = console.get(REDIRECT.removeprefix(CONSOLE), params=parameters)
        assert arrived.headers["location"] == "/"


def test_a_browser_that_did_not_begin_is_refused_with_a_page(
    services: FakeServices, provider: RunningProvider
) -> None:
    with console_of(services) as console, console_of(services) as foreign:
        departed = console.get(DEPART)
        parameters = Browser(provider, "ada").visit(departed.headers["location"])
        foreign.get(DEPART)
        refused = foreign.get(REDIRECT.removeprefix(CONSOLE), params=parameters)
        assert refused.status_code == 403
        assert "begun elsewhere" in refused.text
        assert SESSION not in foreign.cookies
        assert parameters["code"] not in refused.text
        again = console.get(REDIRECT.removeprefix(CONSOLE), params=parameters)
        assert again.status_code == 303
