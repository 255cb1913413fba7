import datetime as dt
import ipaddress
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from guesthouse.errors import Kind
from guesthouse.gateway.certificates import (
    AuthorityMismatch,
    AuthorityUnreadable,
    Certificate,
    CertificateAuthority,
)
from guesthouse.gateway.tls import GatewayCertificates
from guesthouse.kit import process
from guesthouse.kit.clock import SystemClock
from tests.fakes.clock import FakeClock

DOMAINS = ("console.localhost", "apps.localhost")
HOSTS = ("*.apps.localhost", "console.localhost")
DAY = dt.timedelta(days=1)
Make = Callable[[], CertificateAuthority]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "ca"


@pytest.fixture
def make(directory: Path, clock: FakeClock) -> Make:
    return lambda: CertificateAuthority(directory, clock, domains=DOMAINS)


def _ip(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_address(text))


def issue(authority: CertificateAuthority) -> Certificate:
    return authority.certificate("local", hosts=HOSTS)


def parsed(certificate: Certificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.certificate_pem.encode())


def test_the_ca_is_made_once_and_its_key_is_private(directory: Path, make: Make) -> None:
    first = make().ca_pem
    assert make().ca_pem == first
    assert stat.S_IMODE((directory / "ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_many_at_once_make_one_ca(make: Make) -> None:
    with ThreadPoolExecutor(8) as pool:
        texts = set(pool.map(lambda _: make().ca_pem, range(16)))
    assert len(texts) == 1


def test_the_ca_may_vouch_for_our_domains_only(make: Make) -> None:
    ca = x509.load_pem_x509_certificate(make().ca_pem.encode())
    constraints = ca.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    permitted = constraints.value.permitted_subtrees or []
    assert [name.value for name in permitted] == list(DOMAINS)
    basic = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        pytest.param(x509.DNSName("app--acme.apps.localhost"), "", id="a-route"),
        pytest.param(x509.DNSName("example.com"), "permitted subtree violation", id="other-host"),
        pytest.param(_ip("127.0.0.1"), "excluded subtree violation", id="loopback"),
        pytest.param(_ip("203.0.113.7"), "excluded subtree violation", id="other-address"),
        pytest.param(_ip("2001:db8::7"), "excluded subtree violation", id="other-address-6"),
    ],
)
def test_a_thief_of_the_key_is_believed_for_our_names_alone(
    directory: Path, name: x509.GeneralName, complaint: str
) -> None:
    ca_file = CertificateAuthority(directory, SystemClock(), domains=DOMAINS).ca_file
    forged = directory / "forged.pem"
    forged.write_bytes(_signed(directory, name).public_bytes(Encoding.PEM))
    argv = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver"]
    done = process.run([*argv, "-CAfile", str(ca_file), str(forged)], limit=DAY)
    assert done.ok is (complaint == "")
    assert complaint in done.errors


def _signed(directory: Path, name: x509.GeneralName) -> x509.Certificate:
    """Return a certificate made with the CA's key, past the code that would refuse it."""
    ca = x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes())
    key = load_pem_private_key((directory / "ca.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "of a thief")]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(ca.not_valid_before_utc)
        .not_valid_after(ca.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(authority, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return builder.sign(key, hashes.SHA256())


def test_a_certificate_names_hosts_and_comes_with_our_ca(make: Make) -> None:
    issued = issue(make())
    leaf, ca = x509.load_pem_x509_certificates(issued.certificate_pem.encode())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == list(HOSTS)
    leaf.verify_directly_issued_by(ca)
    key = load_pem_private_key(issued.key_pem.reveal().encode(), None)
    assert key.public_key() == leaf.public_key()


def test_the_key_hides_itself(make: Make) -> None:
    assert "PRIVATE" not in repr(issue(make()))


def test_a_certificate_is_kept_until_it_is_due(make: Make, clock: FakeClock) -> None:
    first = issue(make())
    clock.advance(59 * DAY)
    assert issue(make()) == first
    clock.advance(DAY)
    renewed = issue(make())
    assert parsed(renewed).serial_number != parsed(first).serial_number
    assert renewed.expires_at == clock.now() + 90 * DAY


def test_other_names_make_another_certificate(make: Make) -> None:
    first = issue(make())
    other = make().certificate("local", hosts=HOSTS[:1])
    assert parsed(other).serial_number != parsed(first).serial_number


def test_a_damaged_certificate_is_issued_anew(directory: Path, make: Make) -> None:
    first = issue(make())
    (directory / "issued" / "local.pem").write_text("damaged")
    assert parsed(issue(make())).serial_number != parsed(first).serial_number


def test_a_certificate_of_an_earlier_ca_is_issued_anew(directory: Path, make: Make) -> None:
    first = issue(make())
    for name in ("ca.pem", "ca.key"):
        (directory / name).unlink()
    assert parsed(issue(make())).serial_number != parsed(first).serial_number


def test_no_certificate_outlives_the_ca(make: Make, clock: FakeClock) -> None:
    authority = make()
    ca = x509.load_pem_x509_certificate(authority.ca_pem.encode())
    clock.advance(5 * 365 * DAY - 10 * DAY)
    assert issue(authority).expires_at == ca.not_valid_after_utc


@pytest.mark.parametrize("host", ["*.example.com", "console.localhost.example.com", "localhost"])
def test_hosts_outside_our_domains_are_refused(make: Make, host: str) -> None:
    with pytest.raises(AuthorityMismatch) as caught:
        make().certificate("local", hosts=[host])
    assert caught.value.kind is Kind.CONFLICT


def test_a_lost_key_is_said_and_nothing_is_made_over_it(directory: Path, make: Make) -> None:
    text = make().ca_pem
    (directory / "ca.key").unlink()
    with pytest.raises(AuthorityUnreadable):
        issue(make())
    assert (directory / "ca.pem").read_text() == text


def test_a_name_is_never_a_path(make: Make) -> None:
    with pytest.raises(ValueError, match="no name"):
        make().certificate("../ca", hosts=HOSTS)


def test_the_fingerprint_is_as_browsers_show_it(make: Make) -> None:
    parts = make().fingerprint.split(":")
    assert len(parts) == 32
    assert all(len(part) == 2 and part == part.upper() for part in parts)


def test_gateways_get_files_for_all_routes_of_the_apps_domain(make: Make) -> None:
    authority = make()
    files = GatewayCertificates(
        authority, apps_domain="apps.localhost", hosts=["console.localhost"]
    ).gateway_files("local")
    leaf = x509.load_pem_x509_certificate(files.certificate.encode())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == list(HOSTS)
    assert files.ca == authority.ca_pem
    assert "PRIVATE KEY" in files.key
