import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from guesthouse.gateway.certificates import CertificateAuthority
from guesthouse.kit.clock import SystemClock
from tests.integration.ansible.machines import Machine, Played

FINGERPRINT = "first"


@dataclass(frozen=True)
class Provisioned:
    """A machine with what making it said."""

    machine: Machine
    launched: Played
    played: Played
    fingerprint: str = FINGERPRINT


@pytest.fixture(scope="package")
def provisioned() -> Iterator[Provisioned]:
    """One machine for all tests: provisioning takes a minute."""
    # SSH's control socket has a path of 100 bytes at most, so not below pytest's directory.
    directory = Path(tempfile.mkdtemp(prefix="gh-"))
    authority = CertificateAuthority(directory / "ca", SystemClock(), domains=["apps.localhost"])
    tls = authority.certificate("box", hosts=["*.apps.localhost"])
    extra = {
        "guesthouse_tls_certificate": tls.certificate_pem,
        "guesthouse_tls_key": tls.key_pem.reveal(),
        "guesthouse_ca": authority.ca_pem,
    }
    machine = Machine(directory, extra=extra)
    try:
        launched = machine.launch()
        assert launched.code == 0, launched.output
        played = machine.provision(FINGERPRINT)
        assert played.code == 0, played.output
        yield Provisioned(machine, launched, played)
    finally:
        machine.hang_up()
        machine.destroy()
        shutil.rmtree(directory)


@pytest.fixture(scope="package")
def machine(provisioned: Provisioned) -> Machine:
    """The machine alone."""
    return provisioned.machine
