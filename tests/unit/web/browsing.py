"""People with browsers, who come in as people do: by the pages."""

import asyncio
import datetime as dt
import html
import re
from dataclasses import dataclass, field

import httpx
import pyotp
from fastapi import FastAPI

from guesthouse.people import ActorKind, Role
from guesthouse.people.model import InvitationRequest
from tests.fakes.asgi import AsgiBridge
from tests.fakes.clock import FakeClock
from tests.fakes.people import PASSWORD, come_in
from tests.fakes.services import OPERATOR, FakeServices

ORIGIN = "https://console.test"
TYPED = PASSWORD.reveal()
CODE_REFUSED = "This code is wrong"


@dataclass
class Street:
    """A console, and whoever stands before it."""

    app: FastAPI
    services: FakeServices
    clock: FakeClock
    authenticators: dict[str, str] = field(default_factory=dict)
    """What people scanned, by login."""

    def browser(self, site: str = "same-origin") -> httpx.Client:
        """Return a browser nobody is signed in with; its requests come from pages of ours."""
        return httpx.Client(
            transport=AsgiBridge(self.app), base_url=ORIGIN, headers={"Sec-Fetch-Site": site}
        )

    def invite(
        self,
        login: str,
        partner: str | None = "acme",
        role: Role | None = Role.DEVELOPER,
        kind: ActorKind = ActorKind.MEMBER,
    ) -> str:
        request = InvitationRequest(login, login.capitalize(), kind, partner, role)
        return self.services.accounts.invite(OPERATOR, request).code.reveal()

    def member(
        self, login: str, partner: str = "acme", role: Role = Role.DEVELOPER
    ) -> httpx.Client:
        """Return the browser of a new member who signed in."""
        asyncio.run(come_in(self.services.people, login, partner, role))
        return self.sign_in(login)

    def operator(self, login: str = "olga", kind: ActorKind = ActorKind.OPERATOR) -> httpx.Client:
        """Return the browser of a new operator who set up a second factor."""
        asyncio.run(come_in(self.services.people, login, kind=kind))
        browser = self.sign_in(login)
        self.enrol(browser, login)
        return browser

    def sign_in(self, login: str, password: str = TYPED) -> httpx.Client:
        browser = self.browser()
        answer = browser.post("/sign-in", data={"login": login, "password": password})
        assert answer.status_code == 303
        return browser

    def enrol(self, browser: httpx.Client, login: str) -> list[str]:
        """Set an authenticator up, be it the first, and return the recovery codes."""
        before = self.code(login) if login in self.authenticators else ""
        uri = hidden(browser.post("/account/totp", data={"code": before}), "uri")
        self.authenticators[login] = uri
        answer = browser.post("/account/totp", data={"uri": uri, "code": self.code(login)})
        assert answer.headers["location"] == "/account/totp/codes"
        return recovery_codes(browser.get("/account/totp/codes"))

    def code(self, login: str) -> str:
        """Return what the authenticator shows; the next one, as each is taken once."""
        self.clock.advance(dt.timedelta(seconds=30))
        authenticator = pyotp.parse_uri(self.authenticators[login])
        assert isinstance(authenticator, pyotp.TOTP)
        return authenticator.at(self.clock.now())


def hidden(answer: httpx.Response, name: str) -> str:
    """Return the value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', answer.text)
    assert found is not None, answer.text
    return html.unescape(found[1])


def recovery_codes(answer: httpx.Response) -> list[str]:
    return re.findall(r"<li><code>([0-9a-f-]+)</code></li>", answer.text)


def error_at(answer: httpx.Response, name: str) -> str:
    """Return what stands as the error of a field; empty where nothing does."""
    found = re.search(rf'id="error-{name}">.*?</svg>(.*?)</span>', answer.text, re.DOTALL)
    return html.unescape(found[1]) if found else ""
