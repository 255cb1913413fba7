"""Read ``guesthouse.product.yaml`` strictly."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from guesthouse.errors import Problem
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
    SourceInvalid,
    StackDeclaration,
    Variable,
)
from guesthouse.stacks.paths import join
from guesthouse.stacks.readings import as_text
from guesthouse.stacks.sources import SourceTree
from guesthouse.stacks.wording import closest, validation_problems
from guesthouse.stacks.yamlfile import Scalar, read_mapping

UNITS = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
UNIT_LETTERS = "BiKMG"
OUR_PREFIX = "GUESTHOUSE_"
MAX_WAIT_SECONDS = 3600

IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]*$"
Name = Annotated[str, Field(pattern=r"^[a-z](-?[a-z0-9])*$", max_length=31)]
VariableName = Annotated[str, Field(pattern=IDENTIFIER, max_length=128)]
SecretName = Annotated[str, Field(pattern=IDENTIFIER, max_length=63)]
ServiceName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]*$", max_length=63)]
Port = Annotated[int, Field(ge=1, le=65535)]
Size = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,9}(B|KiB|MiB|GiB)?$")]
RoutePath = Annotated[str, Field(pattern=r"^/[A-Za-z0-9/._~-]*$", max_length=200)]
Seconds = Annotated[int, Field(ge=1, le=MAX_WAIT_SECONDS)]
SettleSeconds = Annotated[int, Field(ge=0, le=60)]
InContainer = Annotated[str, Field(pattern=r"^/[^\x00-\x1f:]+$", max_length=200)]
Item = TypeVar("Item")
# `DATABASE_PASSWORD:` with nothing behind it is the same as an empty mapping.
OrEmpty = Annotated[Item, BeforeValidator(lambda value: {} if value is None else value)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Stack(_Strict):
    compose: Annotated[list[str], Field(min_length=1, max_length=16)]
    profiles: list[str] = []


class _Route(_Strict):
    stack: Name
    service: ServiceName
    port: Port
    path: RoutePath = "/"
    access: Literal["platform", "product", "public"] = "platform"
    websockets: bool = False
    streaming: bool = False
    upload: Size = "1MiB"


class _Attach(_Strict):
    stack: Name
    service: ServiceName
    port: Port
    description: str = ""


class _Tests(_Strict):
    stack: Name
    service: ServiceName
    junit: InContainer
    timeout: Seconds = 300


class _Health(_Strict):
    wait: Seconds = 180
    settle: SettleSeconds = 3


class _Variable(_Strict):
    default: str | int | float | bool | None = None
    description: str = ""


class _Secret(_Strict):
    description: str = ""
    generate: bool = True


class ProductManifest(_Strict):
    """The file as it is written."""

    product: Name
    title: Annotated[str, Field(min_length=1, max_length=100)]
    stacks: Annotated[dict[Name, _Stack], Field(min_length=1)]
    routes: OrEmpty[dict[Name, _Route]] = {}
    attach: OrEmpty[dict[Name, _Attach]] = {}
    tests: _Tests | None = None
    health: OrEmpty[_Health] = _Health()
    variables: OrEmpty[dict[VariableName, OrEmpty[_Variable]]] = {}
    secrets: OrEmpty[dict[SecretName, OrEmpty[_Secret]]] = {}


def load_manifest(tree: SourceTree, *, folder: str = "") -> Manifest:
    """Return the manifest of a product.

    Args:
        tree: The product's repository.
        folder: Folder of the manifest inside it; empty is its top.

    Raises:
        ManifestInvalid: It is missing, is not YAML, or breaks the format; carries every problem.
    """
    where = join(folder, MANIFEST_NAME) or MANIFEST_NAME
    try:
        written = ProductManifest.model_validate(read_mapping(tree.read(where), where))
    except SourceInvalid as exc:
        raise ManifestInvalid(where, (exc.problem,)) from exc
    except ValidationError as exc:
        raise ManifestInvalid(where, validation_problems(where, exc, ProductManifest)) from exc
    problems = [
        Problem(f"{where}: {place}", what, instead)
        for place, what, instead in _contradictions(written, folder)
    ]
    if problems:
        raise ManifestInvalid(where, problems)
    return _manifest(written, join(folder, "") or "")


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema of the manifest, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **ProductManifest.model_json_schema(),
        "title": "Guesthouse product manifest",
    }


def _contradictions(written: ProductManifest, folder: str) -> Iterator[tuple[str, str, str]]:
    """Yield place, sentence and hint of what fits the format and still cannot be."""
    yield from _unknown_stacks(written)
    for name, stack in written.stacks.items():
        for index, path in enumerate(stack.compose):
            if join(folder, path) is None:
                place = f"stacks/{name}/compose/{index}"
                yield place, f"{path} is outside the repository", "name a file of the repository"
    for name in [*written.variables, *written.secrets]:
        kind = "variables" if name in written.variables else "secrets"
        if name.upper().startswith(OUR_PREFIX):
            yield f"{kind}/{name}", f"names that start with {OUR_PREFIX} are the platform's", ""
    for name in sorted(written.variables.keys() & written.secrets.keys()):
        yield f"secrets/{name}", "is a variable as well", "keep it in one of the two"


def _unknown_stacks(written: ProductManifest) -> Iterator[tuple[str, str, str]]:
    named = {f"routes/{name}/stack": route.stack for name, route in written.routes.items()}
    named |= {f"attach/{name}/stack": point.stack for name, point in written.attach.items()}
    if written.tests is not None:
        named["tests/stack"] = written.tests.stack
    for place, stack in named.items():
        if stack not in written.stacks:
            yield place, f"there is no stack called {stack}", closest(stack, written.stacks)


def _manifest(written: ProductManifest, folder: str) -> Manifest:
    return Manifest(
        product=written.product,
        title=written.title,
        stacks=tuple(
            StackDeclaration(name, tuple(stack.compose), tuple(stack.profiles))
            for name, stack in written.stacks.items()
        ),
        routes=tuple(_route(name, route) for name, route in written.routes.items()),
        attach=tuple(
            AttachPoint(name, point.stack, point.service, point.port, point.description)
            for name, point in written.attach.items()
        ),
        tests=_tests(written.tests),
        health=HealthLimits(written.health.wait, written.health.settle),
        variables=tuple(
            Variable(name, _default(item.default), item.description)
            for name, item in written.variables.items()
        ),
        secrets=tuple(
            SecretDeclaration(name, item.description, item.generate)
            for name, item in written.secrets.items()
        ),
        folder=folder,
    )


def _route(name: str, route: _Route) -> RouteDeclaration:
    return RouteDeclaration(
        name=name,
        stack=route.stack,
        service=route.service,
        port=route.port,
        path=route.path,
        access=Access(route.access),
        websockets=route.websockets,
        streaming=route.streaming,
        upload_bytes=size_bytes(route.upload),
    )


def _tests(tests: _Tests | None) -> FunctionalTests | None:
    if tests is None:
        return None
    return FunctionalTests(tests.stack, tests.service, tests.junit, tests.timeout)


def _default(value: Scalar) -> str | None:
    return None if value is None else as_text(value)


def size_bytes(text: str) -> int:
    """Return the bytes of ``10MiB``."""
    digits = text.rstrip(UNIT_LETTERS)
    return int(digits) * UNITS[text.removeprefix(digits)]
