"""Our own certificate authority: made once, kept in one private directory, renews in time."""

import datetime as dt
import fcntl
import ipaddress
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from guesthouse.errors import Conflict, Failed
from guesthouse.gateway.model import NAME
from guesthouse.kit.clock import Clock
from guesthouse.kit.files import replace_file
from guesthouse.kit.sensitive import Sensitive

CA_LIFETIME = dt.timedelta(days=5 * 365)
LIFETIME = dt.timedelta(days=90)
RENEW_BEFORE = dt.timedelta(days=30)
BACKDATED = dt.timedelta(hours=1)
"""Clocks of instances and browsers lag a little."""
CA_CERTIFICATE = "ca.pem"
CA_KEY = "ca.key"
ISSUED = "issued"
LOCK = ".lock"
PRIVATE = 0o600
PUBLIC = 0o644


@dataclass(frozen=True)
class Certificate:
    """What a gateway serves with."""

    certificate_pem: str
    """The certificate, and ours after it."""
    key_pem: Sensitive[str]
    expires_at: dt.datetime


class AuthorityMismatch(Conflict):
    """A name lies outside what the CA was made for."""

    def __init__(self, names: Sequence[str], directory: Path) -> None:
        super().__init__(
            f"our CA may not vouch for {', '.join(names)}; it was made for other domains",
            where=str(directory),
            next_step=f"move {directory} away, start anew, and have people trust the new CA",
        )


class AuthorityUnreadable(Failed):
    """The CA's files are there but can't be used."""

    def __init__(self, directory: Path, detail: str) -> None:
        super().__init__(
            "our CA's files can't be read",
            where=str(directory),
            next_step="restore them from the backup",
            detail=detail,
        )


class CertificateAuthority:
    """Vouches for the hosts of our domains, and for no other's."""

    def __init__(self, directory: Path, clock: Clock, *, domains: Sequence[str]) -> None:
        """Open the authority; it is made when it is first needed.

        Args:
            directory: Keeps its key and all it issued; mode 0700.
            clock: Gives the time that certificates begin and end by.
            domains: A new CA vouches for hosts below these alone.
        """
        self._directory = directory
        self._clock = clock
        self._domains = tuple(dict.fromkeys(domains))

    @property
    def ca_file(self) -> Path:
        """Where the CA's certificate is, for people to trust; made where it is missing."""
        self._ensure()
        return self._directory / CA_CERTIFICATE

    @property
    def ca_pem(self) -> str:
        """The CA's certificate; made where it is missing."""
        return self.ca_file.read_text(encoding="ascii")

    @property
    def fingerprint(self) -> str:
        """The CA's SHA-256 fingerprint, in the form browsers show."""
        digest = x509.load_pem_x509_certificate(self.ca_pem.encode()).fingerprint(hashes.SHA256())
        return digest.hex(":").upper()

    def certificate(self, name: str, *, hosts: Sequence[str]) -> Certificate:
        """Return a certificate, the one issued before where that still serves.

        Args:
            name: What it is filed under: an instance's name.
            hosts: ``*.apps.example.com`` and the like.

        Raises:
            AuthorityMismatch: A host lies outside the CA's domains.
        """
        _check_file_name(name)
        with self._turn():
            authority = self._opened()
            wanted: _Names = [x509.DNSName(host) for host in dict.fromkeys(hosts)]
            authority.check(hosts, self._directory)
            kept = self._kept(name)
            if kept is None or not self._serves(kept, wanted, authority):
                self._issue(name, wanted, authority)
                kept = self._kept(name)
        return _result(self._files(name), kept)

    def _ensure(self) -> None:
        with self._turn():
            self._opened()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Keep two processes from making two authorities."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._directory / LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _opened(self) -> "_Authority":
        certificate, key = self._directory / CA_CERTIFICATE, self._directory / CA_KEY
        if not certificate.exists() and not key.exists():
            made, private = _new_authority(self._domains, self._clock.now())
            replace_file(key, _pem(private), mode=PRIVATE)
            replace_file(certificate, _text(made), mode=PUBLIC)
        try:
            return _Authority(_read_certificate(certificate), _read_key(key))
        except (OSError, ValueError, TypeError) as exc:
            raise AuthorityUnreadable(self._directory, str(exc)) from exc

    def _files(self, name: str) -> "_Files":
        folder = self._directory / ISSUED
        return _Files(folder / f"{name}.pem", folder / f"{name}.key")

    def _kept(self, name: str) -> x509.Certificate | None:
        """Return the certificate issued last under this name, if it and its key are whole."""
        files = self._files(name)
        try:
            certificate, key = _read_certificate(files.certificate), _read_key(files.key)
        except (OSError, ValueError, TypeError):
            return None
        return certificate if certificate.public_key() == key.public_key() else None

    def _serves(self, kept: x509.Certificate, wanted: "_Names", authority: "_Authority") -> bool:
        """Whether a certificate is ours, for these names, and good for a while."""
        left = kept.not_valid_after_utc - self._clock.now()
        same = set(kept.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        return left > RENEW_BEFORE and same == set(wanted) and authority.issued(kept)

    def _issue(self, name: str, wanted: "_Names", authority: "_Authority") -> None:
        certificate, key = authority.issue(name, wanted, self._clock.now())
        files = self._files(name)
        files.certificate.parent.mkdir(exist_ok=True, mode=0o700)
        replace_file(files.key, _pem(key), mode=PRIVATE)
        replace_file(
            files.certificate, _text(certificate) + _text(authority.certificate), mode=PUBLIC
        )


_Names = list[x509.GeneralName]


@dataclass(frozen=True)
class _Files:
    certificate: Path
    key: Path


@dataclass(frozen=True)
class _Authority:
    """The CA, opened."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def check(self, hosts: Sequence[str], directory: Path) -> None:
        """Refuse hosts that browsers would refuse from this CA."""
        constraints = self.certificate.extensions.get_extension_for_class(x509.NameConstraints)
        permitted = [str(name.value) for name in constraints.value.permitted_subtrees or ()]
        outside = [host for host in hosts if not _is_below(host, permitted)]
        if outside:
            raise AuthorityMismatch(outside, directory)

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether a certificate bears this CA's signature."""
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def issue(
        self, name: str, wanted: _Names, now: dt.datetime
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """Return a new certificate and its key."""
        key = _new_key()
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        ends = min(now + LIFETIME, self.certificate.not_valid_after_utc)
        builder = (
            _builder(f"Guesthouse gateway {name}", key, now, ends)
            .issuer_name(self.certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
            )
            .add_extension(x509.SubjectAlternativeName(wanted), critical=False)
            .add_extension(authority_key, critical=False)
        )
        return builder.sign(self.key, hashes.SHA256()), key


def _new_authority(
    domains: Sequence[str], now: dt.datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Return a CA that browsers believe for hosts below these domains only."""
    key = _new_key()
    permitted = [x509.DNSName(domain) for domain in domains]
    # A constraint on names of one kind leaves the other kinds free: without these the key could
    # vouch for any address. Everything of ours is reached by name.
    excluded = [x509.IPAddress(ipaddress.ip_network(every)) for every in ("0.0.0.0/0", "::/0")]
    builder = (
        _builder("Guesthouse CA", key, now, now + CA_LIFETIME)
        .issuer_name(_subject("Guesthouse CA"))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        # People trust this CA in their browsers; its key must not open other sites to us.
        .add_extension(x509.NameConstraints(permitted, excluded), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
    )
    return builder.sign(key, hashes.SHA256()), key


def _builder(
    common_name: str, key: ec.EllipticCurvePrivateKey, now: dt.datetime, ends: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(common_name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _subject(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Guesthouse"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _is_below(host: str, domains: Sequence[str]) -> bool:
    plain = host.removeprefix("*.")
    return any(plain == domain or plain.endswith(f".{domain}") for domain in domains)


def _result(files: _Files, certificate: x509.Certificate | None) -> Certificate:
    if certificate is None:
        raise AuthorityUnreadable(files.certificate.parent, "a certificate just written is gone")
    return Certificate(
        certificate_pem=files.certificate.read_text(encoding="ascii"),
        key_pem=Sensitive(files.key.read_text(encoding="ascii")),
        expires_at=certificate.not_valid_after_utc,
    )


def _check_file_name(name: str) -> None:
    if not NAME.fullmatch(name):
        message = f"{name!r} is no name to file a certificate under"
        raise ValueError(message)


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _read_certificate(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def _read_key(file: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        message = f"{file.name} holds another kind of key"
        raise TypeError(message)
    return key


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
