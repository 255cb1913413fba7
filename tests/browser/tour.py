"""Every page there is: browser tests visit it, and the pictures of the documentation are of it."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from playwright.sync_api import Page

from guesthouse.people import Action
from tests import visitor
from tests.browser import residents

if TYPE_CHECKING:
    from tests.browser.conftest import Stage

OPERATOR, DEVELOPER, NOBODY = "operator", "developer@acme.example", ""
NUMBERS = count(1)


def _look(page: Page, stage: "Stage") -> None:
    """Do nothing but look."""


def _invitation(stage: "Stage") -> str:
    return stage.residents.invite(f"new{next(NUMBERS)}@acme.example")


def _invite(page: Page, _: "Stage") -> None:
    page.get_by_label("Login").fill(f"paul{next(NUMBERS)}@acme.example")
    page.get_by_label("Name", exact=True).fill("Paul Partner")
    page.get_by_role("button", name="Make the link").click()


def _sessions(page: Page, stage: "Stage") -> None:
    """Leave the browser that looks, and a phone."""
    page.get_by_role("button", name="other session").click()
    residents.signed_in(stage.services, DEVELOPER, residents.PHONE)
    page.goto(f"{stage.url}/account/sessions")


@dataclass(frozen=True)
class Stop:
    """A page to look at."""

    name: str
    path: "Callable[[Stage], str]"
    login: str = OPERATOR
    act: "Callable[[Page, Stage], object]" = _look
    """What somebody does there before it is looked at."""


TOUR = (
    Stop("home", lambda _: "/"),
    Stop("environment", lambda _: "/environments/acme", DEVELOPER),
    Stop("environment-runs", lambda _: "/environments/acme/runs", DEVELOPER),
    Stop("environment-activity", lambda _: "/environments/acme/activity", DEVELOPER),
    Stop("getting-started", lambda _: "/environments/acme/start", DEVELOPER),
    Stop("runs", lambda _: "/runs"),
    Stop("run-succeeded", lambda stage: f"/runs/{stage.story.succeeded}", DEVELOPER),
    Stop("run-running", lambda stage: f"/runs/{stage.story.running}"),
    Stop("run-failed", lambda stage: f"/runs/{stage.story.failed}"),
    Stop("test-results", lambda stage: f"/runs/{stage.story.failed}/tests"),
    Stop("instances", lambda _: "/instances"),
    Stop("styleguide", lambda _: "/styleguide"),
    Stop("not-found", lambda _: "/environments/gone"),
    Stop("sign-in", lambda _: "/sign-in", NOBODY),
    Stop(
        "sign-in-code",
        lambda _: "/sign-in",
        NOBODY,
        lambda page, _: visitor.type_password(page, residents.MANAGER),
    ),
    Stop("invitation", _invitation, NOBODY),
    Stop("second-factor", _invitation, NOBODY, lambda page, _: visitor.begin_factor(page)),
    Stop(
        "recovery-codes",
        _invitation,
        NOBODY,
        lambda page, stage: visitor.show_recovery_codes(page, stage.services.clock.now()),
    ),
    Stop("account", lambda _: "/account", DEVELOPER),
    Stop("tokens", lambda _: "/account/tokens", DEVELOPER),
    Stop(
        "token-made",
        lambda _: "/account/tokens",
        residents.MANAGER,
        lambda page, _: visitor.make_token(page, "nightly build"),
    ),
    Stop("sessions", lambda _: "/account/sessions", DEVELOPER, _sessions),
    Stop("partners", lambda _: "/partners"),
    Stop("partner", lambda _: "/partners/acme"),
    Stop("partner-invited", lambda _: "/partners/globex", OPERATOR, _invite),
    Stop("offboard", lambda _: "/partners/acme/offboard"),
    Stop("accounts", lambda _: "/accounts"),
    Stop("audit", lambda _: "/audit?partner=acme"),
    Stop("audit-verify", lambda _: "/audit/verify"),
    Stop("device", lambda _: "/device", DEVELOPER),
    Stop(
        "device-confirm",
        lambda stage: f"/device?code={stage.residents.program(Action.LOG_READ, Action.RUN_READ)}",
        DEVELOPER,
    ),
)
