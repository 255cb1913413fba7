"""A partner leaves: one command ends its people, its programs and what ran for it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests import visitor
from tests.acceptance.browser import open_browser
from tests.acceptance.plane import GATEWAY_PORT, Plane, write_estate
from tests.acceptance.tiny import Tiny, estate

pytestmark = pytest.mark.docker
PARTNER, ENVIRONMENT, LOGIN = "globex", "tiny-globex", "leaver@globex.example"
WEB = f"https://web--{ENVIRONMENT}.apps.localhost:{GATEWAY_PORT}/"
CONSOLE = f"https://console.localhost:{GATEWAY_PORT}"
API = f"{CONSOLE}/api/v1/environments/{ENVIRONMENT}"


@pytest.fixture
def place(plane: Plane, tmp_path: Path) -> Path:
    """An estate with an environment of a partner that is about to leave; it is up."""
    tiny = Tiny(tmp_path / "repository")
    tiny.create()
    tiny.commit(page="of globex")
    declared = estate(tiny.url)
    del declared["environments/tiny-acme.yaml"], declared["partners/acme.yaml"]
    declared[f"partners/{PARTNER}.yaml"] = {"name": PARTNER, "title": "Globex"}
    declared[f"environments/{ENVIRONMENT}.yaml"] = {
        "name": ENVIRONMENT,
        "partner": PARTNER,
        "product": "tiny",
        "instance": "local",
        "phase": "development",
    }
    found = write_estate(tmp_path / "estate", declared)
    plane.ok("apply", found, "--env", ENVIRONMENT, "--yes")
    return found


@pytest.fixture
def browser(plane: Plane) -> Iterator[Browser]:
    with open_browser(plane) as opened:
        yield opened


@pytest.mark.usefixtures("place")
def test_one_command_ends_everything_of_a_partner(plane: Plane, browser: Browser) -> None:
    link = plane.ok("member", "invite", PARTNER, LOGIN, "--json").json["url"]
    page = browser.new_page()
    page.goto(link)
    visitor.take_invitation(page)
    page.goto(WEB)
    expect(page.locator("body")).to_have_text("of globex")
    page.goto(f"{CONSOLE}/account/tokens")
    page.get_by_label("See environments and their addresses").check()
    token = visitor.make_token(page, "plugin tests")
    with plane.client(token=token) as program:
        assert program.get(WEB).text.strip() == "of globex"
        assert program.get(API).status_code == 200

        said = plane.ok("partner", "offboard", PARTNER, "--yes").out
        assert f"environment {ENVIRONMENT} is destroyed with its data" in said
        assert not program.get(WEB).is_success
        assert program.get(API).status_code == 401
    page.goto(CONSOLE)
    expect(page.locator("h1")).to_have_text("Sign in")
    visitor.type_password(page, LOGIN)
    expect(page.get_by_text("is wrong")).to_be_visible()

    label = f"label=com.docker.compose.project=gh-{ENVIRONMENT}"
    for kind in (["ps", "--all"], ["volume", "ls"], ["network", "ls"]):
        left = subprocess.run(
            ["docker", *kind, "--quiet", "--filter", label],
            check=True,
            capture_output=True,
            text=True,
        )
        assert left.stdout == "", kind
    (noted,) = (line.split()[-1] for line in said.splitlines() if "--noted" in line)
    plane.ok("audit", "verify", "--noted", noted)
    plane.ok("partner", "offboard", PARTNER, "--yes")  # once more, where nothing is left to end
