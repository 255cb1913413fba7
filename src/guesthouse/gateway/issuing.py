"""Gives each instance's gateway, and the console's, what it serves with."""

from collections.abc import Sequence

from typing_extensions import override

from guesthouse.gateway.certificates import CertificateAuthority
from guesthouse.instances.ports import Certificates, TlsFiles


class GatewayCertificates(Certificates):
    """Certificates of our own CA for ``*.<apps domain>`` and the console."""

    def __init__(self, authority: CertificateAuthority, *, domain: str, apps_domain: str) -> None:
        self._authority = authority
        self._hosts: Sequence[str] = (f"*.{apps_domain}", f"console.{domain}")

    @override
    def gateway_files(self, instance: str) -> TlsFiles:
        issued = self._authority.certificate(instance, hosts=self._hosts)
        return TlsFiles(
            certificate=issued.certificate_pem,
            key=issued.key_pem.reveal(),
            ca=self._authority.ca_pem,
        )
