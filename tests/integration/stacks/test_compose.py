"""The canonical files against the real Compose: does it take them, and does it read the authors'
files as we do? A file two readers read differently is how a policy is got past.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from guesthouse.kit.process import base_environment, run
from guesthouse.kit.sensitive import Sensitive
from guesthouse.stacks.images import CACHES
from guesthouse.stacks.manifest import load_manifest
from guesthouse.stacks.model import CompiledStack
from guesthouse.stacks.render import render_secrets
from guesthouse.stacks.sources import FolderTree
from tests.golden.stacks.cases import CASES, HERE, compile_case
from tests.unit.stacks.products import compiled

pytestmark = pytest.mark.docker

LIMIT = timedelta(seconds=60)
SAME = ("command", "entrypoint", "environment", "working_dir", "user", "stop_signal", "hostname")
HEALTH = ("test", "retries", "disable")
PROFILES = ("guesthouse-test", "test", "search")
AWKWARD = "a'b\"c$d${e}`f\\g\nh #i =j\tk\\n%"


def config(
    files: list[Path], folder: Path, *, env_file: Path, values: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return what the real Compose makes of files."""
    argv = ["docker", "compose", "--project-directory", str(folder), "--env-file", str(env_file)]
    for file in files:
        argv += ["-f", str(file)]
    for profile in PROFILES:
        argv += ["--profile", profile]
    environment = {**base_environment(), **(values or {})}
    done = run([*argv, "config", "--format", "json"], limit=LIMIT, env=environment)
    assert done.ok, done.errors
    answer: dict[str, Any] = json.loads(done.output)
    return answer


def write(stack: CompiledStack, folder: Path) -> dict[str, Any]:
    """Lay a compiled stack out as an instance does and return what Compose makes of it."""
    for path, text in stack.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    (folder / "compose.yaml").write_text(stack.compose, encoding="utf-8")
    env_file = folder / stack.env_file if stack.env_file else Path("/dev/null")
    return config([folder / "compose.yaml"], folder, env_file=env_file)


@pytest.mark.parametrize("name", CASES)
def test_compose_takes_the_canonical_file_and_changes_nothing(name: str, tmp_path: Path) -> None:
    stack = compile_case(name)
    read = write(stack, tmp_path)
    assert read["name"] == "gh-acme"
    assert set(read["services"]) == set(stack.images)
    for service in read["services"].values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["mem_limit"] == service["memswap_limit"]
        assert "ports" not in service
        assert "privileged" not in service
        assert service["logging"]["driver"] == "local"


@pytest.mark.parametrize("name", CASES)
def test_compose_reads_the_authors_files_as_we_do(name: str, tmp_path: Path) -> None:
    folder = HERE / "cases" / name
    manifest = load_manifest(FolderTree(folder))
    values = {item.name: item.default or "" for item in manifest.variables}
    values |= {item.name: f"{item.name.lower()}-value" for item in manifest.secrets}
    theirs: dict[str, Any] = {}
    for stack in manifest.stacks:
        files = [folder / path for path in stack.compose]
        nothing = Path("/dev/null")
        read = config(files, files[0].parent, env_file=nothing, values=values)
        theirs |= read["services"]
    ours = write(compile_case(name), tmp_path)["services"]
    for service in ours:
        assert seen(ours[service], set(ours)) == seen(theirs[service], set(ours))


def seen(service: dict[str, Any], services: set[str]) -> dict[str, Any]:
    """Return what a service's programs see, as far as both files have to agree on it."""
    picked = {key: service[key] for key in SAME if service.get(key) not in (None, {})}
    picked["environment"] = {
        name: value for name, value in service.get("environment", {}).items() if value is not None
    }
    check = service.get("healthcheck", {})
    picked["healthcheck"] = {key: check[key] for key in HEALTH if key in check}
    picked["depends_on"] = {
        name: wanted["condition"]
        for name, wanted in (service.get("depends_on") or {}).items()
        if name in services
    }
    if "build" in service:
        build = service["build"]
        picked["build"] = {"target": build.get("target"), "args": dict(build.get("args") or {})}
        # What we give of our own goes to the builder, no instruction sees it.
        picked["build"]["args"].pop(CACHES, None)
    return picked


def test_any_secret_reaches_its_program_unchanged(tmp_path: Path) -> None:
    compose = (
        "services:\n  app:\n    image: x\n    command: [run, 'p=${DATABASE_PASSWORD}']\n"
        "    environment: {PASSWORD: '${DATABASE_PASSWORD}', PLAIN: 'a$$b$${c}'}\n"
    )
    secrets = {"DATABASE_PASSWORD": Sensitive(AWKWARD)}
    read = write(compiled(compose, changes={"secrets": secrets}), tmp_path)["services"]["app"]
    # Compose prints its own `$` doubled, so that its output can be read again.
    assert read["environment"]["PASSWORD"].replace("$$", "$") == AWKWARD
    assert read["command"][1].replace("$$", "$") == f"p={AWKWARD}"
    assert read["environment"]["PLAIN"].replace("$$", "$") == "a$b${c}"


def test_the_env_file_holds_one_line_for_each_secret() -> None:
    text = render_secrets({"B": Sensitive(AWKWARD), "A": Sensitive("x")})
    assert [line.partition("=")[0] for line in text.splitlines()] == [
        "GUESTHOUSE_SECRET_A",
        "GUESTHOUSE_SECRET_B",
    ]
