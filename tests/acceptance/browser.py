"""A browser at the gateway of a real control plane."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, sync_playwright

from tests import chromium
from tests.acceptance.plane import Plane


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
