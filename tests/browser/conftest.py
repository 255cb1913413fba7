import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from guesthouse import web
from guesthouse.api import create_app
from guesthouse.db import Database, upgrade
from guesthouse.edge.access import SESSION_COOKIE
from guesthouse.kit.clock import SystemClock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import Scope
from guesthouse.people.model import Door, Origin
from guesthouse.people.store import AccountStore
from tests import chromium
from tests.browser.residents import Residents, settle
from tests.browser.seed import OWNER, Story, tell
from tests.browser.serving import Console, serving
from tests.fakes.services import FakeServices, fake_services

OPERATOR, DEVELOPER = "operator", "developer@acme.example"
OUTSIDER = "outsider@other.example"


@dataclass(frozen=True)
class Stage:
    """A console with a past, and who may come in."""

    console: Console
    services: FakeServices
    app: FastAPI
    story: Story
    residents: Residents

    @property
    def url(self) -> str:
        return self.console.url

    @property
    def operator(self) -> Scope:
        return OWNER

    def end_sessions(self, login: str) -> None:
        """End all of somebody's sessions."""
        with self.services.database.transaction() as transaction:
            account = AccountStore().by_login(transaction, login)
            assert account is not None
            assert self.services.sessions.revoke_all(transaction, account.id)

    def admit(self, context: BrowserContext, login: str) -> None:
        """Give a browser the cookie of a session that somebody just opened."""
        context.add_cookies(
            [
                {
                    "name": SESSION_COOKIE,
                    "value": self.session(login),
                    "url": self.url,
                    "secure": True,
                    "httpOnly": True,
                    "sameSite": "Lax",
                }
            ]
        )

    def session(self, login: str) -> str:
        """Return the secret of a session that somebody just opened."""
        with self.services.database.transaction() as transaction:
            account = AccountStore().by_login(transaction, login)
            assert account is not None
            opened = self.services.sessions.open(
                transaction, account, door=Door.PASSWORD, origin=Origin("127.0.0.1", "Chromium")
            )
        return opened.secret.reveal()


@contextlib.contextmanager
def staged(place: Path) -> Iterator[Stage]:
    """Serve a console with a past until the end of the block."""
    database = Database(Sensitive(f"sqlite:///{place / 'guesthouse.sqlite'}"))
    upgrade(database)
    services = fake_services(database, SystemClock(), place)
    story = tell(services)
    residents = settle(services)
    app = create_app(services)
    web.install(app)
    with serving(app, place) as console:
        yield Stage(console, services, app, story, residents)
    database.close()


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("console")) as opened:
        yield opened


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium.PROGRAM, args=[*chromium.QUIET]
        )
        yield opened
        opened.close()


Opening = Callable[..., Page]


@pytest.fixture
def open_page(stage: Stage, browser: Browser) -> Iterator[Opening]:
    """Open pages as somebody, at a width and in a theme; a breach of the CSP fails the test."""
    contexts: list[BrowserContext] = []
    breaches: list[str] = []

    def open_one(
        path: str, *, login: str = OPERATOR, width: int = 1440, theme: str = "light"
    ) -> Page:
        context = browser.new_context(
            ignore_https_errors=True,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
        )
        contexts.append(context)
        if login:
            stage.admit(context, login)
        page = context.new_page()
        page.on(
            "console",
            lambda message: (
                breaches.append(message.text)
                if "Content Security Policy" in message.text
                else None
            ),
        )
        page.on("pageerror", lambda error: breaches.append(str(error)))
        page.goto(stage.url + path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert breaches == []
