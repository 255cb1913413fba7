"""How people make their machines trust our CA, as text for a terminal. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

RECIPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Debian, Ubuntu": (
            "sudo cp {ca} /usr/local/share/ca-certificates/guesthouse.crt",
            "sudo update-ca-certificates",
        ),
        "Fedora, RHEL": (
            "sudo cp {ca} /etc/pki/ca-trust/source/anchors/guesthouse.pem",
            "sudo update-ca-trust",
        ),
        "macOS": (
            (
                "sudo security add-trusted-cert -d -r trustRoot"
                " -k /Library/Keychains/System.keychain {ca}"
            ),
        ),
        "Windows (PowerShell as administrator)": (
            "Import-Certificate -FilePath {ca} -CertStoreLocation Cert:\\LocalMachine\\Root",
        ),
        "Firefox": (
            (
                "Settings > Privacy & Security > Certificates > View Certificates >"
                " Authorities > Import: {ca}"
            ),
        ),
        "Chromium on Linux": (
            'certutil -d sql:$HOME/.pki/nssdb -A -t "C,," -n Guesthouse -i {ca}',
        ),
        "curl": ("curl --cacert {ca} {url}",),
        "Python": ("SSL_CERT_FILE={ca} REQUESTS_CA_BUNDLE={ca} python …",),
        "Node.js": ("NODE_EXTRA_CA_CERTS={ca} node …",),
    }
)


def trust_instructions(ca_file: str, *, fingerprint: str, url: str) -> str:
    """Return what to do on each system so that our addresses are trusted there.

    Args:
        ca_file: Where the reader has the CA's certificate.
        fingerprint: Its SHA-256 fingerprint, to compare before trusting it.
        url: One of our addresses, for an example.
    """
    lines = [
        f"CA certificate: {ca_file}",
        f"SHA-256:        {fingerprint}",
        "Compare the fingerprint over another way than the file came, then trust it:",
    ]
    for system, steps in RECIPES.items():
        lines += ["", f"{system}:", *(f"  {step.format(ca=ca_file, url=url)}" for step in steps)]
    return "\n".join(lines) + "\n"
