"""Decides what an instance is told of an environment. Pure."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from guesthouse.environments.model import Desired, Environment, NoSubnetLeft, VariablesUnknown
from guesthouse.gateway.model import ControlPlane as GatewayControl
from guesthouse.gateway.model import Route, Site, route_host
from guesthouse.instances.model import Instance, Provider
from guesthouse.instances.plan import (
    ControlPlane,
    console_url,
    control_url,
    listening_port,
    root_of,
)
from guesthouse.stacks.model import CompiledStack, Manifest

EDGE_PREFIX = 24
NGINX = "/usr/sbin/nginx"


@dataclass(frozen=True)
class Place:
    """Where an environment's things are on its instance."""

    instance_root: str
    environment: str

    @property
    def root(self) -> str:
        """The one directory of the environment."""
        return f"{self.instance_root}/environments/{self.environment}"

    @property
    def gateway(self) -> str:
        """The directory of the instance's nginx."""
        return f"{self.instance_root}/gateway"

    def log(self, run: str, action: str) -> str:
        """Return the log of one action of a run."""
        return f"{self.root}/runs/{run}-{action}.log"


def edge_subnet(pool: str, index: int) -> str:
    """Return the network of the environment with this index.

    It is of the pool's lower half; the engine hands out the upper one by itself.

    Args:
        pool: The /16 of the control plane.
        index: The environment's on its instance.

    Raises:
        NoSubnetLeft: The pool holds fewer.
    """
    size = 2 ** (32 - EDGE_PREFIX)
    edges = next(ipaddress.IPv4Network(pool).subnets())
    if index >= edges.num_addresses // size:
        raise NoSubnetLeft
    return f"{edges.network_address + index * size}/{EDGE_PREFIX}"


def free_index(taken: frozenset[int]) -> int:
    """Return the lowest index nobody has."""
    return next(index for index in range(len(taken) + 1) if index not in taken)


def gateway_address(pool: str, index: int) -> str:
    """Return where containers of the environment find the gateway of their instance."""
    return str(next(ipaddress.ip_network(edge_subnet(pool, index)).hosts()))


def checked_variables(desired: Desired, manifest: Manifest) -> Mapping[str, str]:
    """Return the variables an environment sets.

    Raises:
        VariablesUnknown: The product does not have one of them.
    """
    known = {variable.name for variable in manifest.variables}
    unknown = tuple(sorted(set(desired.variables) - known))
    if unknown:
        raise VariablesUnknown(desired.name, unknown, tuple(sorted(known)))
    return desired.variables


def routes_of(
    environment: str, manifest: Manifest, compiled: CompiledStack, apps_domain: str
) -> tuple[Route, ...]:
    """Return the gateway's routes of an environment."""
    return tuple(
        Route(
            name=route.name,
            host=route_host(route.name, environment, apps_domain),
            address=compiled.upstreams[route.name][0],
            port=compiled.upstreams[route.name][1],
            path=route.path,
            access=route.access,
            websockets=route.websockets,
            streaming=route.streaming,
            upload_bytes=route.upload_bytes,
        )
        for route in manifest.routes
    )


def public_port(instance: Instance, control: ControlPlane) -> int:
    """Return where callers reach the gateway of an instance."""
    if instance.provider is Provider.LOCAL:
        return control.gateway_port
    return instance.gateway_port


def gateway_document(place: Place, text: str, environment: str) -> dict[str, Any]:
    """Return how the module switches the routes."""
    command = [NGINX, "-p", place.gateway, "-c", f"{place.gateway}/nginx.conf"]
    return {
        "site": f"{place.gateway}/sites/{environment}.conf",
        "text": text,
        "check": [*command, "-t", "-q"],
        "reload": [*command, "-s", "reload"],
    }


def deploy_document(
    environment: Environment,
    compiled: CompiledStack,
    *,
    place: Place,
    run: str,
    gateway: Mapping[str, Any],
    bundle: str | None,
) -> dict[str, Any]:
    """Return what the module ``stack`` is given to deploy."""
    return {
        "action": "deploy",
        **identity(environment, place=place, run=run, action="deploy"),
        "compose": compiled.compose,
        "files": dict(compiled.files),
        "mounts": dict(compiled.mounts),
        "env_file": compiled.env_file,
        "expected": {name: dict(value) for name, value in compiled.expected.items()},
        "wait_seconds": compiled.wait_seconds,
        "settle_seconds": compiled.settle_seconds,
        "is_tested": compiled.test_service is not None,
        "gateway": dict(gateway),
        "bundle": bundle,
    }


def identity(environment: Environment, *, place: Place, run: str, action: str) -> dict[str, Any]:
    """Return what every document for the module ``stack`` holds."""
    return {
        "root": place.root,
        "project": environment.project,
        "environment": environment.name,
        "run": run,
        "log": place.log(run, action),
    }


def test_document(
    manifest: Manifest,
    *,
    service: str,
    urls: Mapping[str, str],
    hosts: Mapping[str, str],
    ca: str,
) -> dict[str, Any]:
    """Return how the functional tests are run, without their token."""
    if manifest.tests is None:
        message = "a product without tests is not tested"
        raise ValueError(message)
    names = {
        f"GUESTHOUSE_URL_{name.upper().replace('-', '_')}": url.removesuffix("/")
        for name, url in urls.items()
    }
    trust = "/guesthouse/ca.pem"
    return {
        "service": service,
        "environment": {
            **names,
            "GUESTHOUSE_CA": trust,
            "SSL_CERT_FILE": trust,
            "REQUESTS_CA_BUNDLE": trust,
        },
        "hosts": dict(hosts),
        "junit": manifest.tests.junit,
        "ca": ca,
        "timeout_seconds": manifest.tests.timeout_seconds,
    }


def site_of(
    environment: str, routes: tuple[Route, ...], *, instance: Instance, control: ControlPlane
) -> Site:
    """Return the environment's part of the gateway's configuration."""
    return Site(
        environment=environment,
        routes=routes,
        port=listening_port(instance, control),
        root=f"{root_of(instance, control)}/gateway",
        control=GatewayControl(
            control_url(instance, control), console_url(control.domain, control.gateway_port)
        ),
        public_port=public_port(instance, control),
    )


def inner_urls(site: Site) -> dict[str, str]:
    """Return where containers of the instance find each route, past any forwarded port."""
    inner = replace(site, public_port=None)
    return {route.name: inner.url(route) for route in site.routes}
