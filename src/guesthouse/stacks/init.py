"""Write a first manifest from the Compose files of a repository.

Everything the files do not say for certain is a guess, and each guess says so in a comment.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from guesthouse.errors import Problem
from guesthouse.stacks.assemble import assemble
from guesthouse.stacks.interpolate import Values
from guesthouse.stacks.model import ComposeInvalid
from guesthouse.stacks.normalise import Model
from guesthouse.stacks.paths import join
from guesthouse.stacks.render import yaml_text
from guesthouse.stacks.sources import SourceTree

BASE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
HTTP_PORTS = frozenset(
    {80, 3000, 3001, 4000, 4200, 5000, 5173, 8000, 8001, 8008, 8080, 8081, 8088, 8888, 9000, 9090}
)
TEST_WORDS = frozenset({"test", "tests", "e2e", "functional-tests", "integration-tests"})
SECRET_WORDS = ("password", "passwd", "secret", "token", "key", "credential")
OUR_PREFIX = "GUESTHOUSE_"
STACK = "core"
MAX_NAME = 31

_MENTION = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])([^}$]*)\})?")


@dataclass(frozen=True)
class _Port:
    """A port some service listens on."""

    service: str
    number: int
    is_http: bool


def first_manifest(tree: SourceTree, *, folder: str = "", product: str = "") -> str:
    """Return the text of a manifest in which each guess is marked with a comment.

    Args:
        tree: The product's repository.
        folder: Where to look for Compose files.
        product: Name of the product; empty takes it from the Compose files.

    Raises:
        ComposeInvalid: There are no Compose files, or they cannot be read.
    """
    files = _compose_files(tree, folder)
    paths = [join(folder, name) or name for name in files]
    mentions = _mentions(tree, paths)
    filled = {name: default or "1" for name, default in mentions.items()}
    assembled = assemble(tree, paths, folder, Values(filled))
    if assembled.problems:
        raise ComposeInvalid(assembled.problems)
    model = assembled.model
    name = _name(product or str(model.get("name") or folder.rpartition("/")[2] or "product"))
    parts = [
        _head(name, files),
        _routes(model),
        _attach(model),
        _tests(model),
        _values(tree, model, mentions),
    ]
    return "".join(f"{line}\n" for part in parts for line in part)


def _compose_files(tree: SourceTree, folder: str) -> list[str]:
    """Return the base file, its override where there is one, or else the only one of its kind."""
    for name in BASE_NAMES:
        if tree.has_file(join(folder, name) or name):
            return [name]
    prefix = f"{folder}/" if folder else ""
    found = [
        path.removeprefix(prefix)
        for path in tree.files(folder)
        if re.fullmatch(r"(docker-)?compose[^/]*\.ya?ml", path.removeprefix(prefix))
    ]
    if not found:
        what = "holds no Compose file"
        hint = "name the folder they are in, or write compose.yaml"
        raise ComposeInvalid((Problem(folder or ".", what, hint),))
    return found


def _mentions(tree: SourceTree, paths: list[str]) -> dict[str, str | None]:
    """Return the variables the files mention, with their defaults; None is none at all."""
    found: dict[str, str | None] = {}
    for path in paths:
        text = tree.read(path).decode("utf-8", errors="replace").replace("$$", "")
        for name, operator, argument in _MENTION.findall(text):
            default = argument if operator.endswith("-") else None
            if found.get(name) is None and not name.startswith(OUR_PREFIX):
                found[name] = default
    return found


def _head(name: str, files: list[str]) -> Iterator[str]:
    yield "# Written by `guesthouse product init`; look at every line marked as a guess."
    yield f"product: {yaml_text(name)}  # guess: how the platform calls it"
    yield f"title: {yaml_text(name.replace('-', ' ').capitalize())}  # guess: how people call it"
    yield "stacks:"
    yield f"  {STACK}:"
    yield f"    compose: [{', '.join(yaml_text(file) for file in files)}]"
    yield "    profiles: []  # Compose profiles to switch on"


def _ports(model: Model) -> list[_Port]:
    """Return the ports of services that are no tests, published ones before exposed ones."""
    found: dict[tuple[str, int], _Port] = {}
    for name, service in sorted(model.get("services", {}).items()):
        if _is_test(name, service):
            continue
        published = [str(port.get("target")) for port in service.get("ports", [])]
        for text in published or service.get("expose", []):
            first = text.partition("-")[0].partition("/")[0]
            if first.isdecimal():
                number = int(first)
                found[name, number] = _Port(name, number, number in HTTP_PORTS)
    return list(found.values())


def _routes(model: Model) -> Iterator[str]:
    ports = [port for port in _ports(model) if port.is_http]
    if not ports:
        yield "routes: {}  # guess: no service has a port that looks like HTTP"
        return
    yield "routes:"
    names: set[str] = set()
    for port in ports:
        name = _name(port.service)
        name = _name(f"{name}-{port.number}") if name in names else name
        names.add(name)
        yield f"  {yaml_text(name)}:  # guess: port {port.number} looks like HTTP"
        yield f"    stack: {STACK}"
        yield f"    service: {yaml_text(port.service)}"
        yield f"    port: {port.number}"
        yield "    access: platform  # guess: or product (it signs people in itself), or public"
        yield "    websockets: true  # guess"


def _attach(model: Model) -> Iterator[str]:
    ports = [port for port in _ports(model) if not port.is_http]
    if not ports:
        return
    yield "attach:"
    for port in ports:
        name = _name(f"{port.service}-{port.number}")
        values = f"stack: {STACK}, service: {yaml_text(port.service)}, port: {port.number}"
        yield f"  {yaml_text(name)}: {{{values}}}  # guess: published, not HTTP"


def _is_test(name: str, service: Model) -> bool:
    return bool(TEST_WORDS & {name, *service.get("profiles", [])})


def _tests(model: Model) -> Iterator[str]:
    services: Mapping[str, Model] = model.get("services", {})
    name = next((name for name in sorted(services) if _is_test(name, services[name])), None)
    if name is None:
        yield "# tests: {stack: core, service: functional-tests, junit: /results/junit.xml}"
        return
    yield "tests:"
    yield f"  stack: {STACK}"
    yield f"  service: {yaml_text(name)}  # guess"
    yield "  junit: /results/junit.xml  # guess: where it writes its JUnit file"
    yield "  timeout: 300"


def _values(tree: SourceTree, model: Model, mentions: Mapping[str, str | None]) -> Iterator[str]:
    secrets = {name for name in mentions if _is_secret(name)} | set(_lacking(tree, model))
    plain = sorted(set(mentions) - secrets)
    if plain:
        yield "variables:"
        for name in plain:
            yield f"  {name}: {{default: {yaml_text(mentions[name] or '')}}}  # guess"
    if secrets:
        yield "secrets:"
        for name in sorted(secrets):
            yield f"  {name}: {{generate: true}}  # guess: a value nobody has to know"


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in SECRET_WORDS)


def _lacking(tree: SourceTree, model: Model) -> Iterator[str]:
    """Yield names for the Compose secrets whose file is, rightly, not in the repository."""
    for name, written in model.get("secrets", {}).items():
        path = join("", str(written.get("file"))) if written.get("file") else None
        if written.get("environment"):
            yield str(written["environment"])
        elif written.get("external") or (path is not None and not tree.has_file(path)):
            yield re.sub(r"[^A-Z0-9_]", "_", name.upper())


def _name(text: str) -> str:
    """Return a text as a name the platform takes."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    name = words if words[:1].isalpha() else f"p-{words}".rstrip("-")
    return name[:MAX_NAME].rstrip("-")
