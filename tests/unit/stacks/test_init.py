import pytest

from guesthouse.stacks.init import first_manifest
from guesthouse.stacks.manifest import load_manifest
from guesthouse.stacks.model import (
    MANIFEST_NAME,
    AttachPoint,
    ComposeInvalid,
    FunctionalTests,
    Manifest,
    SecretDeclaration,
    StackDeclaration,
    Variable,
)
from guesthouse.stacks.sources import MemoryTree

COMPOSE = """
name: guest_book
services:
  web:
    image: web:${TAG:-latest}
    ports: ["80:80", "443:443"]
  api:
    image: api
    ports: ["5000-5001:5000-5001"]
    environment: {DB: "db://u:${DB_PASSWORD}@db", REGION: "${REGION:?which}", N: $NAME}
    secrets: [tls_key]
  db:
    image: postgres
    ports: ["5432:5432"]
  hidden: {image: x, expose: [8080]}
  checks: {image: x, profiles: [test], ports: ["9000:9000"]}
secrets: {tls_key: {file: ./not/here}}
"""


def written(files: dict[str, str], *, folder: str = "", product: str = "") -> str:
    return first_manifest(MemoryTree(files), folder=folder, product=product)


def loaded(text: str) -> Manifest:
    return load_manifest(MemoryTree({MANIFEST_NAME: text}))


def test_a_first_manifest_is_valid_and_guesses_from_ports() -> None:
    manifest = loaded(written({"compose.yaml": COMPOSE}))
    assert manifest.product == "guest-book"
    assert {(route.name, route.service, route.port) for route in manifest.routes} == {
        ("web", "web", 80),
        ("api", "api", 5000),
        ("hidden", "hidden", 8080),
    }
    assert set(manifest.attach) == {
        AttachPoint("db-5432", "core", "db", 5432),
        AttachPoint("web-443", "core", "web", 443),
    }
    assert manifest.tests == FunctionalTests("core", "checks", "/results/junit.xml")
    assert manifest.variables == (
        Variable("NAME", ""),
        Variable("REGION", ""),
        Variable("TAG", "latest"),
    )
    assert manifest.secrets == (SecretDeclaration("DB_PASSWORD"), SecretDeclaration("TLS_KEY"))


def test_each_guess_is_marked() -> None:
    text = written({"compose.yaml": COMPOSE})
    for word in ("product:", "  web:", "access:", "db-5432:", "service: checks", "  TAG:"):
        line = next(line for line in text.splitlines() if line.lstrip().startswith(word.strip()))
        assert "# guess" in line


def test_no_http_port_is_no_route() -> None:
    assert loaded(written({"docker-compose.yml": "services: {db: {image: x}}\n"})).routes == ()


def test_odd_file_names_are_found() -> None:
    files = {"app/compose.prod.yaml": "services: {a: {image: x}}\n", "app/readme": ""}
    manifest = loaded(written(files, folder="app"))
    assert manifest.stacks == (StackDeclaration("core", ("compose.prod.yaml",)),)
    assert manifest.product == "app"


def test_a_product_may_be_named() -> None:
    assert loaded(written({"compose.yaml": COMPOSE}, product="My Shop!")).product == "my-shop"
    assert loaded(written({"compose.yaml": COMPOSE}, product="99")).product == "p-99"


def test_a_repository_without_compose_files_is_told() -> None:
    with pytest.raises(ComposeInvalid, match="holds no Compose file"):
        written({"README.md": ""})


def test_a_broken_compose_file_is_told() -> None:
    with pytest.raises(ComposeInvalid, match="not YAML"):
        written({"compose.yaml": "a: ["})
