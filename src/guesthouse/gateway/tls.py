"""What an instance's gateway serves with, as provisioning asks for it."""

from collections.abc import Sequence

from guesthouse.gateway.certificates import CertificateAuthority
from guesthouse.instances.ports import TlsFiles


class GatewayCertificates:
    """The port ``instances.ports.Certificates``, answered by our own CA."""

    def __init__(
        self,
        authority: CertificateAuthority,
        *,
        apps_domain: str,
        hosts: Sequence[str] = (),
    ) -> None:
        """Serve ``*.<apps domain>`` and what else is named.

        Args:
            authority: Issues the certificates.
            apps_domain: Routes are one label below it.
            hosts: More host names, such as the console's.
        """
        self._authority = authority
        self._hosts = (f"*.{apps_domain}", *hosts)

    def gateway_files(self, instance: str) -> TlsFiles:
        """Return an instance's certificate with our CA after it, its key, and our CA."""
        issued = self._authority.certificate(instance, hosts=self._hosts)
        return TlsFiles(
            certificate=issued.certificate_pem,
            key=issued.key_pem.reveal(),
            ca=self._authority.ca_pem,
        )
