"""What a person does on the console's pages, step by step as they see it."""

import datetime as dt

import pyotp
from playwright.sync_api import Page

PASSWORD = "plenty of wet llamas"  # noqa: S105 - of tests alone


def type_password(page: Page, login: str) -> None:
    """Fill in the sign-in page."""
    page.get_by_label("Login").fill(login)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def take_invitation(page: Page) -> None:
    """Set a password, and come to where a second factor is offered."""
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same once more").fill(PASSWORD)
    page.get_by_role("button", name="Set password and go on").click()
    page.get_by_role("heading", name="Set up a second factor").wait_for()


def begin_factor(page: Page) -> None:
    """Take an invitation and come to the QR code."""
    take_invitation(page)
    page.get_by_role("button", name="Set it up").click()
    page.get_by_role("img", name="QR code").wait_for()


def show_recovery_codes(page: Page, now: dt.datetime) -> pyotp.TOTP:
    """Take an invitation, set an authenticator up, and come to the recovery codes."""
    begin_factor(page)
    scanned = pyotp.parse_uri(page.locator("input[name=uri]").input_value())
    assert isinstance(scanned, pyotp.TOTP)
    page.get_by_label("Code it shows now").fill(scanned.at(now))
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    return scanned


def make_token(page: Page, name: str) -> str:
    """Make a token and return it."""
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make token").click()
    return page.locator(".secret .command--value code").inner_text()


def sign_out(page: Page, login: str) -> None:
    """Sign out by the menu."""
    page.get_by_label(f"Account of {login}").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_text("You are signed out").wait_for()
