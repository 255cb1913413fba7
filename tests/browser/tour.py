"""Every page there is: browser tests visit it, and the pictures of the documentation are of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.browser.conftest import Stage

OPERATOR, DEVELOPER = "operator", "developer@acme.example"


@dataclass(frozen=True)
class Stop:
    """A page to look at."""

    name: str
    path: "Callable[[Stage], str]"
    login: str = OPERATOR


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
)
