"""What a person with a browser and an authenticator does on the console."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import pyotp
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, Page, sync_playwright

from tests import chromium
from tests.acceptance.plane import Plane

PASSWORD = "a boat full of quiet geese"  # noqa: S105 - of these tests alone


@contextmanager
def open_browser(plane: Plane) -> Iterator[Browser]:
    """Start a browser that trusts the gateway's own key and no other that our CA signed."""
    pem = (plane.state / "host" / "gateway" / "tls" / "certificate.pem").read_bytes()
    key = x509.load_pem_x509_certificate(pem).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(spki).digest()).decode()
    trust = f"--ignore-certificate-errors-spki-list={pin}"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium.PROGRAM, args=[*chromium.QUIET, trust]
        )
        yield opened
        opened.close()


def take_invitation(page: Page, link: str) -> None:
    """Open an invitation's link and set a password."""
    page.goto(link)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same once more").fill(PASSWORD)
    page.get_by_role("button", name="Set password and go on").click()
    page.get_by_role("heading", name="Set up a second factor").wait_for()


def set_up_authenticator(page: Page) -> tuple[pyotp.TOTP, str]:
    """Go on to the QR code, confirm it, and keep the recovery codes.

    Returns:
        The authenticator, and the code it was confirmed with.
    """
    page.get_by_role("button", name="Set it up").click()
    scanned = pyotp.parse_uri(page.locator("input[name=uri]").input_value())
    assert isinstance(scanned, pyotp.TOTP)
    code = scanned.now()
    page.get_by_label("Code it shows now").fill(code)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("link", name="I have kept them, go on").click()
    return scanned, code


def type_password(page: Page, login: str) -> None:
    """Fill in the sign-in page."""
    page.get_by_label("Login").fill(login)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def type_code(page: Page, code: str) -> None:
    """Give the second factor."""
    page.get_by_label("Code").fill(code)
    page.get_by_label("Code").press("Enter")


def sign_out(page: Page, login: str) -> None:
    """Sign out by the menu."""
    page.get_by_label(f"Account of {login}").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_text("You are signed out").wait_for()
