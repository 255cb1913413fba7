"""Beacon, the sample product, as a partner's developer meets it: API, page, live values."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, WebSocket, expect

from tests import visitor
from tests.acceptance.browser import open_browser
from tests.acceptance.plane import GATEWAY_PORT, REPOSITORY, Plane, wait_until, write_estate
from tests.acceptance.repository import Repository

pytestmark = pytest.mark.docker
CONSOLE = f"https://console.localhost:{GATEWAY_PORT}"
ENDED_SECONDS = 6
"""A gateway keeps what it was told for 5 s."""


def address(route: str) -> str:
    return f"https://{route}--beacon-acme.apps.localhost:{GATEWAY_PORT}"


@pytest.fixture(scope="module")
def beacon(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    folder = tmp_path_factory.mktemp("beacon")
    repository = Repository(folder / "repository")
    repository.take_over(REPOSITORY / "examples" / "beacon")
    place = write_estate(
        folder / "estate",
        {
            "estate.yaml": {
                "name": "demo",
                "domain": "localhost",
                "apps_domain": "apps.localhost",
            },
            "products/beacon.yaml": {
                "name": "beacon",
                "source": {"git": repository.url, "ref": "main"},
            },
            "partners/acme.yaml": {"name": "acme", "title": "Acme Ltd"},
            "instances/local.yaml": {"name": "local", "provider": "local"},
            "environments/beacon-acme.yaml": {
                "name": "beacon-acme",
                "partner": "acme",
                "product": "beacon",
                "instance": "local",
                "phase": "development",
                "variables": {"BEACON_TITLE": "Acme's Beacon"},
            },
        },
    )
    plane.ok("apply", place, "--yes")
    yield plane
    plane.ok("env", "destroy", "beacon-acme", "--yes")


@pytest.fixture(scope="module")
def browser(plane: Plane) -> Iterator[Browser]:
    with open_browser(plane) as opened:
        yield opened


@pytest.fixture
def page(beacon: Plane, browser: Browser) -> Iterator[Page]:
    headers = {"Authorization": f"Bearer {beacon.token}"}
    context = browser.new_context(extra_http_headers=headers)
    yield context.new_page()
    context.close()


def test_the_api_answers_programs_with_a_token(beacon: Plane) -> None:
    with beacon.client(token=beacon.token) as client:
        sensors = client.get(f"{address('api')}/v1/sensors").json()["items"]
        assert {"boiler-temperature", "hall-humidity"} <= {sensor["id"] for sensor in sensors}
        assert client.get(f"{address('api')}/v1/openapi.json").json()["openapi"]
    with beacon.client() as stranger:
        assert stranger.get(f"{address('api')}/v1/sensors").status_code == 401


def test_its_own_tests_have_passed_and_their_junit_is_kept(beacon: Plane) -> None:
    run = beacon.ok("env", "show", "beacon-acme", "--json").json["current_run"]
    junit = beacon.ok("run", "junit", run).out
    assert 'failures="0"' in junit
    assert "test_product" in junit


def test_the_page_shows_live_values(page: Page) -> None:
    page.goto(address("app"))
    expect(page).to_have_title("Acme's Beacon")
    sensor = page.get_by_text("boiler-temperature")
    expect(sensor.first).to_be_visible(timeout=15_000)


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_its_window(page: Page, tmp_path: Path, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(address("app"))
    expect(page.get_by_text("boiler-temperature").first).to_be_visible(timeout=15_000)
    shot = page.screenshot(path=tmp_path / f"beacon-{width}-{scheme}.png")
    assert len(shot) > 5_000
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width


def test_a_developer_from_the_invitation_to_being_refused(beacon: Plane, browser: Browser) -> None:
    login = "story@acme.example"
    link = beacon.ok("member", "invite", "acme", login, "--json").json["url"]
    page = browser.new_context().new_page()
    page.goto(link)
    set_up = dt.datetime.now(dt.UTC)
    authenticator = visitor.show_recovery_codes(page, set_up)
    page.get_by_role("link", name="I have kept them, go on").click()
    expect(page.get_by_role("link", name="beacon-acme", exact=True)).to_be_visible()
    visitor.sign_out(page, login)

    # The product's address alone: it leads to the sign-in, and from there back to where one was.
    page.goto(f"{address('app')}/?since=1")
    expect(page.locator("h1")).to_have_text("Sign in")
    visitor.type_password(page, login)
    _type_code(page, authenticator.at(set_up))
    expect(page.get_by_text("This code is wrong")).to_be_visible()
    following = authenticator.at(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30))
    with page.expect_websocket(timeout=15_000) as opened:
        _type_code(page, following)
    expect(page).to_have_url(f"{address('app')}/?since=1")
    expect(page.get_by_text("boiler-temperature").first).to_be_visible(timeout=15_000)

    _leave(beacon, page, opened.value, login)
    actions = [
        entry["action"] for entry in beacon.ok("audit", "list", "--actor", login, "--json").json
    ]
    assert {"signin.open", "session.revoke", "run.read_log"} <= set(actions), actions


def _type_code(page: Page, code: str) -> None:
    page.get_by_label("Code").fill(code)
    page.get_by_label("Code").press("Enter")


def _leave(beacon: Plane, page: Page, live: WebSocket, login: str) -> None:
    """Read the run's log, sign out, and find everything closed, the open WebSocket included."""
    run = beacon.ok("env", "show", "beacon-acme", "--json").json["current_run"]
    console = page.context.new_page()
    console.goto(f"{CONSOLE}/runs/{run}")
    expect(console.get_by_text("The functional tests ended with 0")).to_be_visible()
    assert not live.is_closed()
    with live.expect_event("close", timeout=ENDED_SECONDS * 1000):
        visitor.sign_out(console, login)
    console.goto(f"{CONSOLE}/runs/{run}")
    expect(console.locator("h1")).to_have_text("Sign in")
    wait_until(lambda: _asks_to_sign_in(page), seconds=ENDED_SECONDS)
    page.context.close()


def _asks_to_sign_in(page: Page) -> bool:
    page.goto(address("app"))
    return page.locator("h1").inner_text() == "Sign in"
