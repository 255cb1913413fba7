import re
from pathlib import Path

import pytest
import yaml

from guesthouse.estate.load import load, read_directory
from guesthouse.kit.sensitive import Sensitive
from guesthouse.stacks.compile import compile_product
from guesthouse.stacks.manifest import load_manifest
from guesthouse.stacks.model import Access, CompileContext
from guesthouse.stacks.sources import FolderTree
from tests.unit.examples.compose import services_of

EXAMPLES = Path(__file__).parents[3] / "examples"
PRODUCTS = ("beacon", "jupyterhub")
STATIC = EXAMPLES / "beacon" / "beacon" / "frontend"
SCRIPT_LIMIT_BYTES = 100 * 1024
# The name of a vocabulary, not an address anything is fetched from.
NAMESPACE = "http://www.w3.org/2000/svg"


@pytest.mark.parametrize("product", PRODUCTS)
def test_manifest_is_called_after_its_folder(product: str) -> None:
    assert load_manifest(FolderTree(EXAMPLES / product)).product == product


@pytest.mark.parametrize("product", PRODUCTS)
def test_everything_a_manifest_names_is_in_its_compose_files(product: str) -> None:
    manifest = load_manifest(FolderTree(EXAMPLES / product))
    services = services_of(EXAMPLES / product, manifest)
    named = {route.service for route in manifest.routes}
    named |= {point.service for point in manifest.attach}

    assert named <= services.keys()
    assert manifest.tests is not None
    assert services[manifest.tests.service]["profiles"] == ["test"]


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_value_a_compose_file_asks_for_is_declared(product: str) -> None:
    manifest = load_manifest(FolderTree(EXAMPLES / product))
    declared = {variable.name for variable in manifest.variables}
    declared |= {secret.name for secret in manifest.secrets}
    asked = {
        name
        for stack in manifest.stacks
        for file in stack.compose
        for name in re.findall(r"(?<!\$)\$\{(\w+)", (EXAMPLES / product / file).read_text())
    }

    assert asked == declared


@pytest.mark.parametrize("product", PRODUCTS)
def test_only_declared_values_are_in_the_laptop_s_example(product: str) -> None:
    manifest = load_manifest(FolderTree(EXAMPLES / product))
    declared = {variable.name for variable in manifest.variables}
    declared |= {secret.name for secret in manifest.secrets}
    example = (EXAMPLES / product / ".env.example").read_text()

    assert set(re.findall(r"^(\w+)=", example, re.MULTILINE)) == declared


@pytest.mark.parametrize("product", PRODUCTS)
def test_packages_are_pinned_by_hash_and_without_an_index(product: str) -> None:
    files = sorted((EXAMPLES / product).rglob("requirements*.txt"))

    assert files
    for file in files:
        for requirement in file.read_text().replace("\\\n", "").splitlines():
            assert re.match(r"[a-z0-9.-]+==\S+ .*--hash=sha256:", requirement), requirement


@pytest.mark.parametrize(
    ("product", "upstreams"),
    [("beacon", {"app": 8080, "api": 8000, "status": 8080}), ("jupyterhub", {"hub": 8000})],
)
def test_product_compiles_as_its_authors_wrote_it(product: str, upstreams: dict[str, int]) -> None:
    tree = FolderTree(EXAMPLES / product)
    manifest = load_manifest(tree)
    context = CompileContext(
        environment="acme",
        partner="acme",
        product=product,
        project="gh-acme",
        run="run",
        edge_subnet="10.203.7.0/24",
        variables={},
        secrets={secret.name: Sensitive("x" * 32) for secret in manifest.secrets},
    )

    compiled = compile_product(tree, manifest, context)

    assert compiled.findings == ()
    assert {notice.code for notice in compiled.notices} == {"name", "ports-unpublished"}
    assert {name: port for name, (_, port) in compiled.upstreams.items()} == upstreams


def test_lock_file_of_the_proxy_names_no_registry() -> None:
    lock = (EXAMPLES / "jupyterhub" / "proxy" / "package-lock.json").read_text()

    assert "resolved" not in lock
    assert "integrity" in lock


def test_beacon_s_routes_ask_for_a_token_but_for_its_status() -> None:
    routes = {route.name: route for route in load_manifest(FolderTree(EXAMPLES / "beacon")).routes}

    open_to_all = {name for name, route in routes.items() if route.access is Access.PUBLIC}
    assert open_to_all == {"status"}
    assert routes["status"].path == "/status"
    assert routes["app"].access is routes["api"].access is Access.PLATFORM


def test_beacon_s_page_fetches_nothing_from_elsewhere() -> None:
    for file in sorted(path for path in STATIC.rglob("*") if path.is_file()):
        if file.suffix in {".html", ".css", ".js", ".svg"}:
            text = file.read_text(encoding="utf-8").replace(NAMESPACE, "")
            assert not re.search(r"https?://", text), file


def test_beacon_s_page_is_light() -> None:
    sizes = [path.stat().st_size for path in (STATIC / "static").iterdir()]

    assert 0 < sum(sizes) < SCRIPT_LIMIT_BYTES


def test_estate_deploys_beacon_for_a_partner() -> None:
    estate = load(read_directory(EXAMPLES / "estate"))

    assert estate.environments["acme"].product == "beacon"
    assert estate.environments["acme"].instance in estate.instances
    assert set(PRODUCTS) <= estate.products.keys()


def test_addresses_of_the_estate_are_the_placeholders_its_readme_replaces() -> None:
    readme = (EXAMPLES / "estate" / "README.md").read_text()

    assert "s|file:///srv/git/$product.git|" in readme
    for product in PRODUCTS:
        document = yaml.safe_load(
            (EXAMPLES / "estate" / "products" / f"{product}.yaml").read_text()
        )
        assert document["source"]["git"] == f"file:///srv/git/{product}.git"
