"""A real OpenID provider, and a browser that signs in at it."""

import contextlib
import datetime as dt
import hashlib
import ipaddress
import json
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

REPOSITORY = Path(__file__).parents[3]
PACKAGE = Path(__file__).parent / "provider"
PROGRAMS = REPOSITORY / ".venv" / "bin"
LOOPBACK = "127.0.0.1"
CLIENT = "guesthouse"
ANOTHER = "another"
CLIENT_SECRET = "s 3:cret%"  # noqa: S105 - of a provider that lives for one test
REDIRECT = "https://console.test/sign-in/oidc/callback"
PEOPLE = {
    "ada": {"name": "Ada L.", "preferred_username": "ada", "groups": ["Acme Developers"]},
    "grace": {"name": "Grace H.", "preferred_username": "grace", "groups": ["IT Ops"]},
    "eve": {"name": "Eve", "preferred_username": "eve", "groups": ["Visitors"]},
}
MAX_STEPS = 12


@dataclass
class RunningProvider:
    """The provider's process, and how to reach it."""

    issuer: str
    certificate: Path
    process: subprocess.Popen[str]

    @property
    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def rotate(self) -> None:
        """Put a new key in place of the old one."""
        _pipe(self.process.stdin).write("rotate\n")
        _pipe(self.process.stdin).flush()
        assert _pipe(self.process.stdout).readline() == "rotated\n"


@dataclass
class Browser:
    """Follows the provider's redirects and fills in its forms, as one person."""

    provider: RunningProvider
    login: str

    def visit(self, url: str) -> dict[str, str]:
        """Go where we were sent; return what stood in the address we came back with."""
        with httpx.Client(verify=self.provider.tls, trust_env=False) as client:
            return self._visit(client, url)

    def _visit(self, client: httpx.Client, url: str) -> dict[str, str]:
        response = client.get(url)
        for _ in range(MAX_STEPS):
            if response.is_redirect:
                target = urljoin(str(response.url), response.headers["location"])
                if target.startswith(REDIRECT):
                    return dict(parse_qsl(urlsplit(target).query))
                response = client.get(target)
            else:
                response.raise_for_status()
                response = self._fill_in(client, response)
        message = f"the provider goes in circles at {response.url}"
        raise AssertionError(message)

    def _fill_in(self, client: httpx.Client, page: httpx.Response) -> httpx.Response:
        prompt = "login" if 'name="login"' in page.text else "consent"
        form = {"prompt": prompt, "login": self.login, "password": "anything"}
        return client.post(str(page.url), data=form)


def install() -> None:
    """Install the provider's packages; does nothing while they are as the lock file says."""
    lock = (PACKAGE / "package-lock.json").read_bytes()
    mark = PACKAGE / "node_modules" / ".installed"
    wanted = hashlib.sha256(lock).hexdigest()
    if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
        return
    argv = [str(PROGRAMS / "npm"), "ci", "--ignore-scripts", "--loglevel=error"]
    subprocess.run(argv, cwd=PACKAGE, check=True, timeout=240, env=_environment())
    mark.write_text(wanted, encoding="utf-8")


@contextlib.contextmanager
def running(directory: Path, port: int) -> Iterator[RunningProvider]:
    """Run the provider until the block ends."""
    issuer = f"https://{LOOPBACK}:{port}"
    key, certificate = _tls(directory)
    settings = {
        "issuer": issuer,
        "port": port,
        "key": str(key),
        "certificate": str(certificate),
        "people": PEOPLE,
        "clients": [
            {"client_id": name, "client_secret": CLIENT_SECRET, "redirect_uris": [REDIRECT]}
            for name in (CLIENT, ANOTHER)
        ],
    }
    with (directory / "provider.log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAMS / "node", PACKAGE / "server.mjs", json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=_environment(),
        )
        with process:
            try:
                said = _pipe(process.stdout).readline()
                assert said == "ready\n", (directory / "provider.log").read_text()
                yield RunningProvider(issuer, certificate, process)
            finally:
                # `node` may be a script around the real one: it ends by itself with its input.
                _pipe(process.stdin).close()
                process.wait(timeout=20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}", "NODE_NO_WARNINGS": "1"}


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def _tls(directory: Path) -> tuple[Path, Path]:
    """Make a key and a certificate that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provider of tests")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    key_file, certificate_file = directory / "provider.key", directory / "provider.pem"
    encoding = serialization.Encoding.PEM
    key_file.write_bytes(
        key.private_bytes(
            encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    certificate_file.write_bytes(certificate.public_bytes(encoding))
    return key_file, certificate_file
