import pytest

from guesthouse.stacks.manifest import ProductManifest, load_manifest, manifest_schema
from guesthouse.stacks.model import (
    MANIFEST_NAME,
    Access,
    AttachPoint,
    FunctionalTests,
    HealthLimits,
    Manifest,
    ManifestInvalid,
    RouteDeclaration,
    SecretDeclaration,
    StackDeclaration,
    Variable,
)
from guesthouse.stacks.sources import MemoryTree

LEAST = "product: beacon\ntitle: Beacon\nstacks: {core: {compose: [compose.yaml]}}\n"
WHOLE = """
product: beacon
title: Beacon
stacks:
  core: {compose: [compose.yaml, compose.broker.yaml], profiles: [full]}
routes:
  app: {stack: core, service: frontend, port: 8080, path: /ui, access: public, websockets: true,
        streaming: true, upload: 10MiB}
attach:
  events: {stack: core, service: broker, port: 1883, description: MQTT events}
tests: {stack: core, service: functional-tests, junit: /results/junit.xml, timeout: 60}
health: {wait: 90, settle: 0}
variables:
  BEACON_TITLE: {default: Beacon, description: Title of the page}
  BEACON_RATE: {default: 1.50}
  BEACON_REGION:
secrets:
  DATABASE_PASSWORD: {description: Of the database, generate: false}
  TOKEN:
"""


def load(text: str, folder: str = "") -> Manifest:
    name = f"{folder}/{MANIFEST_NAME}" if folder else MANIFEST_NAME
    return load_manifest(MemoryTree({name: text}), folder=folder)


def problems(text: str, folder: str = "") -> list[str]:
    with pytest.raises(ManifestInvalid) as raised:
        load(text, folder)
    return [str(problem) for problem in raised.value.problems]


def test_everything_a_manifest_can_say_is_kept() -> None:
    assert load(WHOLE) == Manifest(
        product="beacon",
        title="Beacon",
        stacks=(StackDeclaration("core", ("compose.yaml", "compose.broker.yaml"), ("full",)),),
        routes=(
            RouteDeclaration(
                "app",
                "core",
                "frontend",
                8080,
                path="/ui",
                access=Access.PUBLIC,
                websockets=True,
                streaming=True,
                upload_bytes=10 * 2**20,
            ),
        ),
        attach=(AttachPoint("events", "core", "broker", 1883, "MQTT events"),),
        tests=FunctionalTests("core", "functional-tests", "/results/junit.xml", 60),
        health=HealthLimits(90, 0),
        variables=(
            Variable("BEACON_TITLE", "Beacon", "Title of the page"),
            Variable("BEACON_RATE", "1.5"),
            Variable("BEACON_REGION"),
        ),
        secrets=(
            SecretDeclaration("DATABASE_PASSWORD", "Of the database", generate=False),
            SecretDeclaration("TOKEN"),
        ),
    )


def test_the_least_manifest_has_safe_defaults() -> None:
    manifest = load(LEAST + "routes: {app: {stack: core, service: web, port: 80}}\n")
    assert manifest.routes == (RouteDeclaration("app", "core", "web", 80),)
    assert manifest.routes[0].access is Access.PLATFORM
    assert manifest.health == HealthLimits(180, 3)


def test_a_manifest_in_a_folder_knows_it() -> None:
    assert load(LEAST, "apps/beacon").folder == "apps/beacon"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            LEAST + "rotues: {}", "rotues: is not a known key (did you mean routes?)", id="top"
        ),
        pytest.param(
            LEAST + "routes: {app: {stack: core, service: a, prot: 1, port: 1}}",
            "routes/app/prot: is not a known key (did you mean port?)",
            id="nested",
        ),
        pytest.param(
            LEAST + f"secrets: {{{'A' * 64}: }}",
            f"secrets/{'A' * 64}/[key]: string should have at most 63 characters",
            id="secret-name-too-long",
        ),
        pytest.param(
            LEAST + "tests: {stack: core, service: a, junt: /x, junit: /x}",
            "tests/junt: is not a known key (did you mean junit?)",
            id="optional",
        ),
        pytest.param(
            LEAST + "routes: {app: {stack: core, service: a, port: '80'}}",
            "routes/app/port: should be a valid integer",
            id="text-for-number",
        ),
        pytest.param(
            LEAST + "routes: {app: {stack: core, service: a, port: 70000}}",
            "routes/app/port: should be less than or equal to 65535",
            id="port-too-high",
        ),
        pytest.param(
            LEAST + "routes: {app: {stack: core, service: a, port: 1, access: all}}",
            "routes/app/access: should be 'platform', 'product' or 'public'",
            id="access",
        ),
        pytest.param(
            LEAST + "routes: {app: {stack: core, service: a, port: 1, upload: 10MB}}",
            "routes/app/upload: string should match pattern",
            id="unit",
        ),
        pytest.param(
            LEAST + "routes: {app: {stack: core, service: a, port: 1, path: '/a b;'}}",
            "routes/app/path: string should match pattern",
            id="path",
        ),
        pytest.param(
            LEAST + "routes: {My--App: {stack: core, service: a, port: 1}}",
            "routes/My--App/[key]: string should match pattern",
            id="route-name",
        ),
        pytest.param(
            LEAST + "routes: {app: {stack: croe, service: a, port: 1}}",
            "routes/app/stack: there is no stack called croe (did you mean core?)",
            id="unknown-stack",
        ),
        pytest.param(
            LEAST + "attach: {a: {stack: x, service: a, port: 1}}",
            "attach/a/stack: there is no stack called x",
            id="attach-to-unknown-stack",
        ),
        pytest.param(
            LEAST + "variables: {A: }\nsecrets: {A: }",
            "secrets/A: is a variable as well (keep it in one of the two)",
            id="variable-and-secret",
        ),
        pytest.param(
            LEAST + "secrets: {GUESTHOUSE_TOKEN: }",
            "secrets/GUESTHOUSE_TOKEN: names that start with GUESTHOUSE_ are the platform's",
            id="reserved-name",
        ),
        pytest.param(
            "product: a\ntitle: A\nstacks: {core: {compose: [../../x.yaml]}}",
            "stacks/core/compose/0: ../../x.yaml is outside the repository",
            id="compose-outside",
        ),
        pytest.param(
            "product: a\ntitle: A\nstacks: {}", "stacks: dictionary should have at", id="none"
        ),
        pytest.param(
            "title: A\nstacks: {core: {compose: [a]}}", "product: is missing", id="missing"
        ),
        pytest.param("a: [", "is not YAML", id="broken"),
        pytest.param("- a", "should be a mapping", id="list"),
        pytest.param(LEAST + "a: 1\n---\nb: 1", "holds a second document", id="two-documents"),
    ],
)
def test_each_mistake_names_its_place_and_cure(text: str, problem: str) -> None:
    assert any(problem in found for found in problems(text)), problems(text)


def test_all_mistakes_are_told_at_once() -> None:
    text = "product: A B\ntitle: ''\nstacks: {core: {compose: []}}\nfoo: 1\n"
    places = {found.split(": ")[1] for found in problems(text)}
    assert places == {"product", "title", "stacks/core/compose", "foo"}


def test_a_missing_manifest_is_told_with_its_path() -> None:
    with pytest.raises(ManifestInvalid) as raised:
        load_manifest(MemoryTree({}), folder="apps")
    assert (
        str(raised.value.problems[0]) == "apps/guesthouse.product.yaml: is not in the repository"
    )
    assert "guesthouse product init" in raised.value.next_step


def test_the_schema_for_editors_knows_the_same_keys() -> None:
    schema = manifest_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(ProductManifest.model_fields)
    assert set(schema["required"]) == {"product", "title", "stacks"}
