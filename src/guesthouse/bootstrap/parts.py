"""Parts that need no database: what a host is prepared with, and what the services share."""

from guesthouse.adapters.ansible import AnsiblePlaybooks
from guesthouse.config import Settings
from guesthouse.gateway.certificates import CertificateAuthority
from guesthouse.gateway.tls import GatewayCertificates
from guesthouse.instances.plan import ControlPlane
from guesthouse.kit.clock import Clock


def control_plane(settings: Settings) -> ControlPlane:
    """Return what instances are told of this control plane."""
    return ControlPlane(
        state=settings.state,
        api_port=settings.api_port,
        domain=settings.domain,
        apps_domain=settings.apps_domain,
        gateway_port=settings.gateway_port,
        addresses=settings.control_plane_addresses,
        docker_repository=settings.docker_repository,
        telegraf_binary=settings.telegraf_binary,
        base_images=settings.base_images,
        service_prefix=settings.service_prefix,
        network_pool=settings.network_pool,
    )


def certificate_authority(settings: Settings, clock: Clock) -> CertificateAuthority:
    """Return our CA; its files are made when they are first needed."""
    return CertificateAuthority(
        settings.state / "ca", clock, domains=(settings.apps_domain, settings.domain)
    )


def certificates(settings: Settings, authority: CertificateAuthority) -> GatewayCertificates:
    """Return what gateways serve with."""
    return GatewayCertificates(
        authority,
        apps_domain=settings.apps_domain,
        hosts=(f"console.{settings.domain}",),
    )


def playbooks(settings: Settings) -> AnsiblePlaybooks:
    """Return what runs our playbooks."""
    return AnsiblePlaybooks(settings.collection, settings.state / "work" / "ansible")
