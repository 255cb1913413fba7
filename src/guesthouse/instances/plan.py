"""Decides what an instance needs: its variables, their fingerprint, how it is reached. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guesthouse.config import DEFAULT_NETWORK_POOL
from guesthouse.instances.model import HTTPS_PORT, SSH_PORT, Connection, Instance, Provider
from guesthouse.instances.ports import TlsFiles

REMOTE_ROOT = "/var/lib/guesthouse"
CONTROL = "control"
"""What the control plane's own machine is called where an instance has its name."""
VOLATILE = frozenset({"guesthouse_tls_certificate", "guesthouse_tls_key"})
"""Left out of the fingerprint as texts; the certificate's own digest stands for both."""


@dataclass(frozen=True)
class ControlPlane:
    """What instances are told of the control plane."""

    state: Path
    api_port: int
    domain: str
    apps_domain: str
    gateway_port: int
    """Where the console's gateway answers."""
    addresses: tuple[str, ...] = ()
    """Where SSH of an instance answers to; empty leaves SSH as the machine has it."""
    docker_repository: str = ""
    telegraf_binary: str = ""
    base_images: tuple[str, ...] = ()
    service_prefix: str = "guesthouse"
    network_pool: str = DEFAULT_NETWORK_POOL
    """The /16 that container networks come from."""

    def work(self, instance: str) -> Path:
        """Return the directory with an instance's SSH key and known hosts."""
        return self.state / "keys" / instance

    @property
    def control_root(self) -> Path:
        """Return the directory of the services the control plane itself needs."""
        return self.state / "host"


def root_of(instance: Instance, control: ControlPlane) -> str:
    """Return the one directory everything of ours on an instance is in."""
    if instance.provider is Provider.LOCAL:
        # The console and the environments of this machine share one gateway.
        return str(control.control_root)
    return REMOTE_ROOT


def certificate_name(instance: Instance) -> str:
    """Return what an instance's certificate is filed under; one gateway serves with one."""
    return CONTROL if instance.provider is Provider.LOCAL else instance.name


def connection_of(instance: Instance, control: ControlPlane) -> Connection:
    """Return how an instance is reached."""
    if instance.provider is Provider.LOCAL:
        return Connection("")
    work = control.work(instance.name)
    desired, facts = instance.desired, instance.facts
    key = desired.get("key_file")
    return Connection(
        address=str(facts.get("address") or desired.get("address") or instance.address or ""),
        port=int(facts.get("port") or desired.get("port") or SSH_PORT),
        user=str(facts.get("user") or desired.get("user") or "root"),
        key_file=Path(str(key)) if key else work / "id_ed25519",
        known_hosts=work / "known_hosts",
    )


def listening_port(instance: Instance, control: ControlPlane) -> int:
    """Return where the nginx of an instance listens."""
    if instance.provider is Provider.LOCAL:
        return control.gateway_port
    return int(instance.facts.get("gateway_port") or HTTPS_PORT)


def launch_variables(instance: Instance, control: ControlPlane) -> dict[str, Any]:
    """Return what a provider's playbooks are told."""
    return {
        "guesthouse_instance": instance.name,
        "guesthouse_prefix": control.service_prefix,
        "guesthouse_provider": instance.provider.value,
        "guesthouse_root": root_of(instance, control),
        "guesthouse_work": str(control.work(instance.name)),
        "guesthouse_gateway_port": instance.gateway_port,
        "guesthouse_domain": control.domain,
        "guesthouse_pool": control.network_pool,
        **{
            f"guesthouse_{name}": instance.desired[name]
            for name in ("address", "user", "port", "host_key", "key_file")
            if instance.desired.get(name)
        },
    }


def provision_variables(
    instance: Instance, control: ControlPlane, *, tls: TlsFiles, metrics: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what provisioning is told, without its fingerprint."""
    return {
        "guesthouse_instance": instance.name,
        "guesthouse_prefix": control.service_prefix,
        "guesthouse_provider": instance.provider.value,
        "guesthouse_root": root_of(instance, control),
        "guesthouse_work": str(control.work(instance.name)),
        "guesthouse_domain": control.domain,
        "guesthouse_gateway_port": listening_port(instance, control),
        "guesthouse_tls_certificate": tls.certificate,
        "guesthouse_tls_key": tls.key,
        "guesthouse_ca": tls.ca,
        "guesthouse_pool": control.network_pool,
        "guesthouse_control_plane": list(control.addresses),
        "guesthouse_metrics": dict(metrics),
        "guesthouse_telegraf_binary": control.telegraf_binary,
        "guesthouse_docker_repository": control.docker_repository,
        "guesthouse_base_images": list(control.base_images),
    }


def host_variables(control: ControlPlane, *, tls: TlsFiles, influx_port: int) -> dict[str, Any]:
    """Return what the control plane's own machine is provisioned with.

    Engine, console and InfluxDB; environments of a `local` instance share its gateway.
    """
    return {
        "guesthouse_instance": CONTROL,
        "guesthouse_prefix": control.service_prefix,
        "guesthouse_provider": Provider.LOCAL.value,
        "guesthouse_root": str(control.control_root),
        "guesthouse_work": str(control.work(CONTROL)),
        "guesthouse_domain": control.domain,
        "guesthouse_gateway_port": control.gateway_port,
        "guesthouse_api_port": control.api_port,
        "guesthouse_influxdb_port": influx_port,
        "guesthouse_control_host": True,
        "guesthouse_tls_certificate": tls.certificate,
        "guesthouse_tls_key": tls.key,
        "guesthouse_ca": tls.ca,
        "guesthouse_pool": control.network_pool,
        "guesthouse_docker_repository": control.docker_repository,
        "guesthouse_base_images": list(control.base_images),
    }


def fingerprint(collection: str, variables: Mapping[str, Any]) -> str:
    """Return a hash of all that decides how an instance looks once provisioned.

    Args:
        collection: Hash of the Ansible collection.
        variables: What provisioning is told.
    """
    certificate = str(variables.get("guesthouse_tls_certificate", ""))
    kept = {name: value for name, value in variables.items() if name not in VOLATILE}
    text = json.dumps([collection, certificate, kept], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def control_url(instance: Instance, control: ControlPlane) -> str:
    """Return where an instance's gateway asks who passes."""
    if instance.provider is Provider.LOCAL:
        return f"http://127.0.0.1:{control.api_port}"
    return f"https://console.{control.domain}:{control.gateway_port}"


def console_url(domain: str, gateway_port: int) -> str:
    """Return where people open the console."""
    port = "" if gateway_port == HTTPS_PORT else f":{gateway_port}"
    return f"https://console.{domain}{port}"
