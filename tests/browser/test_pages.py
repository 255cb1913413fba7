"""Every page at both widths and in both themes: nothing inline, light, and usable by everybody."""

from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DEVELOPER, OPERATOR, OUTSIDER, Opening, Stage
from tests.browser.tour import TOUR, Stop

AXE = Path(__file__).parents[2] / "src/guesthouse/web/assets/node_modules/axe-core/axe.min.js"
MAX_BYTES = 100 * 1024
SERIOUS = frozenset({"serious", "critical"})
LOOKS: tuple[tuple[int, Literal["light", "dark"]], ...] = (
    (1440, "light"),
    (1440, "dark"),
    (360, "dark"),
    (360, "light"),
)


@pytest.mark.parametrize("stop", TOUR, ids=lambda stop: stop.name)
def test_page_is_light_accessible_and_fits(stage: Stage, open_page: Opening, stop: Stop) -> None:
    before = stage.console.relay.bytes_to_browser
    page = open_page(stop.path(stage), login=stop.login)
    page.wait_for_load_state("load")
    # On the wire, so headers and the handshake of TLS are in it, too.
    assert stage.console.relay.bytes_to_browser - before < MAX_BYTES
    stop.act(page, stage)
    expect(page.locator("h1")).to_be_visible()
    # By the debugger's own door: the page itself may load no script from elsewhere.
    page.evaluate(AXE.read_text())
    for width, theme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert _violations(page) == [], f"{width} {theme}"


def _violations(page: Page) -> list[Any]:
    """Return what is seriously wrong for people who see, hear or move otherwise."""
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (each["id"], each["help"], [node["html"][:200] for node in each["nodes"]])
        for each in found["violations"]
        if each["impact"] in SERIOUS
    ]


def test_a_page_opens_with_the_keyboard_alone(open_page: Opening) -> None:
    page = open_page("/")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="acme", exact=True)).to_be_focused()


def test_the_theme_switch_is_remembered_and_nothing_flashes(open_page: Opening) -> None:
    page = open_page("/")
    page.get_by_label("Switch between light and dark").click()
    page.reload(wait_until="commit")
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_home_shows_a_change_by_itself(stage: Stage, open_page: Opening) -> None:
    page = open_page("/", login=OUTSIDER)
    expect(page.locator("[data-live-text]")).to_have_text("live")
    card = page.locator("article").filter(has_text="other")
    run = stage.services.environments.deploy(stage.operator, "other")
    expect(card.locator(".environment__foot .badge")).to_have_text("Queued")
    stage.services.runs.cancel(stage.operator, run.id)
    expect(card.locator(".environment__foot .badge")).to_have_text("Cancelled")


def test_a_live_change_leaves_the_keyboard_where_it_is(stage: Stage, open_page: Opening) -> None:
    with (page := open_page("/", login=OUTSIDER)).expect_response(
        lambda answer: "hx-request" in answer.request.headers
    ):
        page.reload()
    card = page.locator("article").filter(has_text="other")
    link = card.get_by_role("link", name="other", exact=True)
    link.focus()
    run = stage.services.environments.deploy(stage.operator, "other")
    expect(card.locator(".environment__foot .badge")).to_have_text("Queued")
    expect(link).to_be_focused()
    stage.services.runs.cancel(stage.operator, run.id)
    expect(card.locator(".environment__foot .badge")).to_have_text("Cancelled")
    expect(link).to_be_focused()


def test_the_keyboard_stays_with_its_run_when_another_one_comes(
    stage: Stage, open_page: Opening
) -> None:
    with (page := open_page("/runs", login=OUTSIDER)).expect_response(
        lambda answer: "hx-request" in answer.request.headers
    ):
        page.reload()
    rows = page.locator("tbody tr")
    before = rows.count()
    link = rows.first.locator(".table__main a")
    address = link.get_attribute("href")
    link.focus()
    run = stage.services.environments.deploy(stage.operator, "other")
    expect(rows).to_have_count(before + 1)
    expect(page.locator(f'a[href="{address}"]')).to_be_focused()
    stage.services.runs.cancel(stage.operator, run.id)


def test_a_stream_ends_with_the_session(stage: Stage, open_page: Opening) -> None:
    page = open_page("/", login=OUTSIDER)
    # A page asks once for itself after it has opened its stream; from then on it only listens.
    with page.expect_response(lambda answer: "hx-request" in answer.request.headers):
        page.reload()
    expect(page.locator("[data-live-text]")).to_have_text("live")
    stage.end_sessions(OUTSIDER)
    expect(page.locator("[data-live-text]")).to_contain_text("stale since", timeout=6000)


def test_somebody_who_types_a_confirmation_is_not_interrupted(
    stage: Stage, open_page: Opening
) -> None:
    page = open_page("/environments/other", login=OPERATOR)
    expect(page.locator("[data-live-text]")).to_have_text("live")
    page.get_by_text("Destroy …").click()
    page.get_by_label("Type other to go on").fill("oth")
    run = stage.services.environments.deploy(stage.operator, "other")
    expect(page.locator("[data-live-text]")).to_have_text("paused")
    expect(page.get_by_label("Type other to go on")).to_have_value("oth")
    page.get_by_text("Destroy …").click()
    expect(page.locator("td .badge").first).to_have_text("Queued")
    stage.services.runs.cancel(stage.operator, run.id)


def test_destroying_takes_the_name_and_leads_to_the_run(open_page: Opening) -> None:
    page = open_page("/environments/spare", login=OPERATOR)
    page.get_by_text("Destroy …").click()
    field = page.get_by_label("Type spare to go on")
    field.fill("other")
    page.get_by_role("button", name="Destroy spare").click()
    assert not field.evaluate("field => field.checkValidity()")
    field.fill("spare")
    page.get_by_role("button", name="Destroy spare").click()
    expect(page.locator("h1")).to_have_text("Destroy spare")


def test_the_anonymous_are_led_to_sign_in_and_back(stage: Stage, open_page: Opening) -> None:
    page = open_page("/runs?state=failed", login="")
    assert page.url == f"{stage.url}/sign-in?next=%2Fruns%3Fstate%3Dfailed"


def test_an_address_is_copied(open_page: Opening) -> None:
    page = open_page("/environments/acme", login=DEVELOPER)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_label("Copy the address of app").click()
    expect(page.get_by_label("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "https://app--acme.apps.guesthouse.example/"
