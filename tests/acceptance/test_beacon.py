"""Beacon, the sample product, as a partner's developer meets it: API, page, live values."""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.acceptance.plane import GATEWAY_PORT, REPOSITORY, Plane, write_estate
from tests.acceptance.repository import Repository

pytestmark = pytest.mark.docker
CHROMIUM = "/usr/bin/chromium"
QUIET = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


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
    """Chromium that trusts the gateway's own key and no other that our CA did not sign."""
    pem = (plane.state / "host" / "gateway" / "tls" / "certificate.pem").read_bytes()
    key = x509.load_pem_x509_certificate(pem).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(spki).digest()).decode()
    trust = f"--ignore-certificate-errors-spki-list={pin}"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, trust])
        yield opened
        opened.close()


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
