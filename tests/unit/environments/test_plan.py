from dataclasses import replace
from pathlib import Path

import pytest

from guesthouse.environments.lock import check_after, check_before, lock_of
from guesthouse.environments.model import (
    Desired,
    LockMismatch,
    NoSubnetLeft,
    Source,
    VariablesUnknown,
)
from guesthouse.environments.plan import (
    Place,
    checked_variables,
    edge_subnet,
    free_index,
    gateway_address,
    gateway_document,
    inner_urls,
    site_of,
)
from guesthouse.environments.plan import (
    test_document as document_of_tests,
)
from guesthouse.gateway.model import Route
from guesthouse.instances import Instance, InstanceState, Provider
from guesthouse.instances.plan import ControlPlane
from guesthouse.stacks.model import (
    Access,
    FunctionalTests,
    Manifest,
    StackDeclaration,
    Variable,
)
from tests.fakes.clock import START

POOL = "10.201.0.0/16"
CONTROL = ControlPlane(
    state=Path("/state"),
    api_port=8470,
    domain="localhost",
    apps_domain="apps.localhost",
    gateway_port=8443,
)
LOCAL = Instance("here", Provider.LOCAL, InstanceState.READY, None, None, {}, {}, START)
BOX = Instance(
    "box",
    Provider.CONTAINER,
    InstanceState.READY,
    "192.0.2.9",
    None,
    {"gateway_port": 8444},
    {"gateway_port": 443},
    START,
)
ROUTE = Route("api", "api--acme.apps.localhost", "10.201.0.10", 8000, access=Access.PLATFORM)
MANIFEST = Manifest(
    product="shop",
    title="Shop",
    stacks=(StackDeclaration("core", ("compose.yaml",)),),
    tests=FunctionalTests("core", "checks", "/results/junit.xml", 60),
    variables=(Variable("TITLE", "Shop"),),
)
DESIRED = Desired(
    name="acme",
    partner="acme",
    product="shop",
    instance="here",
    phase="development",
    source=Source("https://git.example/shop.git", "main", ""),
    variables={"TITLE": "Acme's"},
    commit="a" * 40,
)
ANSWER = {"digests": {"web": "sha256:1"}, "versions": {"engine": "26.1"}}


@pytest.mark.parametrize(
    ("index", "subnet"),
    [
        (0, "10.201.0.0/24"),
        (1, "10.201.1.0/24"),
        (127, "10.201.127.0/24"),
    ],
)
def test_each_environment_has_a_network_of_its_own(index: int, subnet: str) -> None:
    assert edge_subnet(POOL, index) == subnet
    assert gateway_address(POOL, index) == subnet.replace("0/24", "1")


def test_an_empty_pool_is_told() -> None:
    with pytest.raises(NoSubnetLeft):
        edge_subnet(POOL, 128)


@pytest.mark.parametrize(
    ("taken", "free"), [(set(), 0), ({0, 1}, 2), ({1, 2}, 0), ({0, 2}, 1)], ids=str
)
def test_the_lowest_free_network_is_taken(taken: set[int], free: int) -> None:
    assert free_index(frozenset(taken)) == free


def test_a_variable_the_product_lacks_is_refused_by_name() -> None:
    with pytest.raises(VariablesUnknown, match=r"TITEL: .* it has TITLE"):
        checked_variables(replace(DESIRED, variables={"TITEL": "x"}), MANIFEST)


def test_callers_come_through_a_forwarded_port_and_containers_do_not() -> None:
    site = site_of("acme", (ROUTE,), instance=BOX, control=CONTROL)
    assert site.url(ROUTE) == "https://api--acme.apps.localhost:8444/"
    assert inner_urls(site) == {"api": "https://api--acme.apps.localhost/"}


def test_the_gateway_of_this_machine_asks_the_api_directly() -> None:
    site = site_of("acme", (ROUTE,), instance=LOCAL, control=CONTROL)
    assert site.control.url == "http://127.0.0.1:8470"
    assert site.root == "/state/host/gateway"
    assert site_of("acme", (ROUTE,), instance=BOX, control=CONTROL).control.url == (
        "https://console.localhost:8443"
    )


def test_the_tests_are_told_where_the_routes_are_and_whom_to_trust() -> None:
    urls = {"my-api": "https://my-api--acme.apps.localhost:8443/"}
    document = document_of_tests(MANIFEST, service="checks", urls=urls, hosts={}, ca="PEM")
    assert document["environment"] == {
        "GUESTHOUSE_URL_MY_API": "https://my-api--acme.apps.localhost:8443",
        "GUESTHOUSE_CA": "/guesthouse/ca.pem",
        "SSL_CERT_FILE": "/guesthouse/ca.pem",
        "REQUESTS_CA_BUNDLE": "/guesthouse/ca.pem",
    }
    assert (document["junit"], document["timeout_seconds"]) == ("/results/junit.xml", 60)


def test_the_gateway_is_checked_before_it_is_reloaded() -> None:
    document = gateway_document(Place("/state/host", "acme"), "server {}", "acme")
    assert document["site"] == "/state/host/gateway/sites/acme.conf"
    assert document["check"][-2:] == ["-t", "-q"]
    assert document["reload"][-2:] == ["-s", "reload"]


def _lock(compose: str = "services: {}") -> dict[str, object]:
    site = site_of("acme", (ROUTE,), instance=LOCAL, control=CONTROL)
    return lock_of(DESIRED, compose=compose, playbooks="p1", answer=ANSWER, site=site)


def test_a_lock_holds_all_that_runs() -> None:
    lock = _lock()
    assert lock["source"] == {
        "git": "https://git.example/shop.git",
        "path": "",
        "ref": "main",
        "commit": "a" * 40,
    }
    assert lock["images"] == {"web": "sha256:1"}
    assert lock["routes"] == {
        "api": {"url": "https://api--acme.apps.localhost:8443/", "access": "platform"}
    }


def test_the_same_again_passes_its_lock() -> None:
    check_before(_lock(), compose="services: {}", playbooks="p1")
    check_after(_lock(), ANSWER)
    check_before(None, compose="anything", playbooks="p2")


@pytest.mark.parametrize(
    ("compose", "playbooks", "says"),
    [("other", "p1", "Compose file differs"), ("services: {}", "p2", "another revision")],
)
def test_another_version_does_not_pass_the_lock(compose: str, playbooks: str, says: str) -> None:
    with pytest.raises(LockMismatch, match=says):
        check_before(_lock(), compose=compose, playbooks=playbooks)


def test_another_image_does_not_pass_the_lock() -> None:
    with pytest.raises(LockMismatch, match="the image of web differs"):
        check_after(_lock(), {"digests": {"web": "sha256:2"}})
