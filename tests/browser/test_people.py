"""People in a browser: the whole story, by keyboard alone, and never to another site."""

import re

import pytest
from playwright.sync_api import Page, expect

from guesthouse.kit.sensitive import Sensitive
from tests import visitor
from tests.browser import residents
from tests.browser.conftest import DEVELOPER, OPERATOR, Opening, Stage

PRODUCT = "https://app--acme.apps.guesthouse.example"
STATE = "0123456789abcdef" * 2


def _environments_by(page: Page, token: str) -> set[str]:
    """Return what the API lists to a program with a token."""
    listed = page.evaluate(
        """token => fetch("/api/v1/environments", {
            headers: {Authorization: `Bearer ${token}`}, credentials: "omit",
        }).then(answer => answer.json())""",
        token,
    )
    return {each["name"] for each in listed["items"]}


def test_from_an_invitation_to_being_refused(stage: Stage, open_page: Opening) -> None:
    login, run = "new@acme.example", f"/runs/{stage.story.succeeded}"
    link = stage.residents.invite(login)
    page = open_page(link, login="")
    expect(page).to_have_url(f"{stage.url}/invitation")
    visitor.show_recovery_codes(page, stage.services.clock.now())
    page.get_by_role("link", name="I have kept them, go on").click()
    expect(page.get_by_role("link", name="acme", exact=True)).to_be_visible()
    expect(page.get_by_text("globex")).to_have_count(0)

    page.get_by_label(f"Account of {login}").click()
    page.get_by_role("link", name="Tokens").click()
    page.get_by_label("See environments and their addresses").check()
    token = visitor.make_token(page, "story")
    assert _environments_by(page, token) == {"acme", "acme-next"}

    page.goto(stage.url + run)
    expect(page.locator("[data-log-view] .line").first).to_be_visible()
    visitor.sign_out(page, login)
    page.goto(stage.url + run)
    expect(page.locator("h1")).to_have_text("Sign in")
    again = open_page(link, login="")
    expect(again.get_by_text("is not, or no longer, valid")).to_be_visible()


def test_what_was_on_the_screen_does_not_come_back_after_signing_out(
    stage: Stage, open_page: Opening
) -> None:
    link = stage.residents.invite("gone@acme.example")
    page = open_page(link, login="")
    visitor.take_invitation(page)
    page.goto(f"{stage.url}/environments/acme")
    visitor.sign_out(page, "gone@acme.example")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Sign in")


def test_recovery_codes_are_kept_as_a_file(stage: Stage, open_page: Opening) -> None:
    page = open_page(stage.residents.invite("keeper@acme.example"), login="")
    visitor.show_recovery_codes(page, stage.services.clock.now())
    expect(page.locator(".codes li")).to_have_count(10)
    with page.expect_download() as kept:
        page.get_by_role("link", name="Download").click()
    codes = re.findall(r"^[0-9a-f-]{23}$", kept.value.path().read_text(), re.MULTILINE)
    assert codes == page.locator(".codes li").all_inner_texts()


def test_signing_in_takes_the_keyboard_alone(stage: Stage, open_page: Opening) -> None:
    page = open_page("/runs?state=failed", login="")
    keyboard = page.keyboard
    expect(page.get_by_label("Login")).to_be_focused()
    keyboard.type(residents.MANAGER)
    keyboard.press("Tab")
    keyboard.type(visitor.PASSWORD)
    keyboard.press("Enter")
    expect(page.get_by_label("Code")).to_be_focused()
    keyboard.type("000000")
    keyboard.press("Enter")
    expect(page.locator("#error-code")).to_contain_text("This code is wrong")
    expect(page.get_by_label("Code")).to_be_focused()
    keyboard.type(stage.residents.code())
    keyboard.press("Enter")
    expect(page).to_have_url(f"{stage.url}/runs?state=failed")


@pytest.mark.parametrize("following", ["//evil.test", "/\\evil.test", "https://evil.test/"])
def test_signing_in_leads_to_no_other_site(
    stage: Stage, open_page: Opening, following: str
) -> None:
    page = open_page(f"/sign-in?next={following}", login=DEVELOPER)
    expect(page).to_have_url(f"{stage.url}/")


def test_who_wanted_a_product_gets_there_by_the_form(stage: Stage, open_page: Opening) -> None:
    link = stage.residents.invite("visitor@acme.example")
    visitor.take_invitation(open_page(link, login=""))
    page = open_page("/sign-in", login="")
    page.goto(f"{stage.url}/enter/acme/app?state={STATE}&next=/readings?since=1&until=2")
    expect(page.locator("h1")).to_have_text("Sign in")
    # Nobody answers there: what counts is that the browser goes, by a redirect after a form.
    with page.expect_request(re.compile(re.escape(f"{PRODUCT}/.guesthouse/enter?code="))) as way:
        visitor.type_password(page, "visitor@acme.example")
    code = way.value.url.partition("code=")[2]
    entry = stage.services.entrance.enter(code=code, environment="acme", route="app", state=STATE)
    assert entry.path == "/readings?since=1&until=2"


def test_a_program_is_let_in(stage: Stage, open_page: Opening) -> None:
    code = stage.services.devices.begin("guesthouse on laptop")
    page = open_page("/device", login=DEVELOPER)
    page.get_by_label("Code").fill(code.user_code.lower().replace("-", " "))
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("Only if you started it yourself, just now")).to_be_visible()
    page.get_by_role("button", name="Let guesthouse on laptop in").click()
    expect(page.get_by_text("The program is in")).to_be_visible()
    assert isinstance(stage.services.devices.poll(code.device.reveal()), Sensitive)


def test_removing_a_member_takes_their_login(stage: Stage, open_page: Opening) -> None:
    login = "leaver@acme.example"
    visitor.take_invitation(open_page(stage.residents.invite(login), login=""))
    page = open_page("/partners/acme", login=OPERATOR)
    page.get_by_label(f"Change {login}").click()
    field = page.get_by_label(f"Type {login} to go on")
    field.fill("somebody")
    page.get_by_role("button", name=f"Remove {login}").click()
    assert not field.evaluate("field => field.checkValidity()")
    field.fill(login)
    page.get_by_role("button", name=f"Remove {login}").click()
    expect(page.get_by_text(login)).to_have_count(0)


def test_what_is_shown_once_is_gone_after_a_reload(open_page: Opening) -> None:
    page = open_page("/account/tokens", login=DEVELOPER)
    token = visitor.make_token(page, "once")
    page.reload()
    expect(page.get_by_text("once", exact=True)).to_be_visible()
    assert token not in page.content()


def test_every_form_works_without_scripts(stage: Stage, open_page: Opening) -> None:
    link = stage.residents.invite("plain@acme.example")
    browser = open_page("/sign-in", login="").context.browser
    assert browser is not None
    context = browser.new_context(ignore_https_errors=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(stage.url + link)
    visitor.show_recovery_codes(page, stage.services.clock.now())
    page.goto(f"{stage.url}/account/tokens")
    assert visitor.make_token(page, "plain").startswith("ghs_")
    visitor.sign_out(page, "plain@acme.example")
    context.close()
