"""A compiled product on the real engine, brought up and inspected by the real module.

What `expected` says has to be what `inspect` shows, for every kind of setting we emit: a control
that is emitted and not compared, or compared and never met, would go unnoticed otherwise.
"""

import random
import secrets
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from guesthouse.kit.process import run
from guesthouse.kit.sensitive import Sensitive
from guesthouse.stacks.compile import compile_product
from guesthouse.stacks.manifest import load_manifest
from guesthouse.stacks.model import MANIFEST_NAME, CompileContext, CompiledStack
from guesthouse.stacks.sources import MemoryTree
from tests.integration.stack.box import Box, bundle, docker

pytestmark = pytest.mark.docker

LIMIT = timedelta(seconds=120)
BASE = "gh-stacks-tests-base:1"
SECRET = 'it\'s "$ecret" \\ and more'  # noqa: S105 - a secret of the tests
APPLETS = ("sh", "sleep", "cat", "id", "true", "env", "test", "touch")
MANIFEST = """
product: sample
title: Sample
stacks: {core: {compose: [compose.yaml]}}
routes: {app: {stack: core, service: app, port: 8080}}
secrets: {DATABASE_PASSWORD: }
"""
COMPOSE = f"""
services:
  app:
    build: {{context: app}}
    command: [sh, -c, "test -r /run/secrets/database_password && exec sleep 600"]
    user: "1000:1000"
    read_only: true
    environment: {{PASSWORD: "${{DATABASE_PASSWORD}}", PRICE: "$$5"}}
    secrets: [database_password]
    configs: [{{source: banner, target: /etc/banner}}]
    volumes:
      - data:/data
      - ./site:/site
      - ./uploads:/uploads
      - {{type: tmpfs, target: /scratch, tmpfs: {{size: 1m}}}}
    tmpfs: ["/tmp:size=2m,mode=1777"]
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE]
    sysctls: [net.core.somaxconn=256]
    shm_size: 8m
    ports: ["8080:8080"]
    networks: [back, front]
    deploy: {{resources: {{limits: {{cpus: "0.5", memory: 64M, pids: 50}}}}}}
    depends_on: {{migrate: {{condition: service_completed_successfully}}}}
    healthcheck: {{test: [CMD, "true"], interval: 10s}}
  migrate: {{image: {BASE}, command: ["true"], networks: [back]}}
  alone: {{image: {BASE}, command: [sleep, "600"], network_mode: none, init: true}}
  worker: {{image: {BASE}, command: [sleep, "600"], scale: 2, networks: [back], volumes: [/cache]}}
networks: {{back: {{internal: true}}, front: }}
volumes: {{data: }}
configs: {{banner: {{content: "Welcome for $$5"}}}}
secrets: {{database_password: {{file: ./secrets/none}}}}
"""
FILES = {
    MANIFEST_NAME: MANIFEST,
    "compose.yaml": COMPOSE,
    "app/Dockerfile": f"FROM {BASE}\nCOPY hello /hello\n",
    "app/hello": "hello",
    "site/index.html": "<h1>Hello</h1>",
}


@pytest.fixture(scope="module")
def base_image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An image of one static program: no registry is needed for it."""
    folder = tmp_path_factory.mktemp("base-image")
    root = folder / "root"
    for name in ("bin", "tmp", "etc", "proc", "sys", "dev"):
        (root / name).mkdir(parents=True)
    shutil.copy(_busybox(folder), root / "bin" / "busybox")
    for name in APPLETS:
        (root / "bin" / name).symlink_to("busybox")
    _run(["tar", "-C", str(root), "-cf", str(folder / "root.tar"), "."])
    _run(["docker", "import", str(folder / "root.tar"), BASE])
    yield
    _run(["docker", "image", "rm", "--force", BASE])


def _busybox(folder: Path) -> Path:
    installed = Path("/bin/busybox")
    if installed.exists():
        return installed
    _run(["apt-get", "download", "busybox-static"], cwd=folder)
    (package,) = folder.glob("busybox-static_*.deb")
    _run(["dpkg-deb", "--extract", str(package), str(folder / "package")])
    return next((folder / "package").rglob("busybox"))


def _run(argv: list[str], *, cwd: Path | None = None) -> None:
    done = run(argv, limit=LIMIT, cwd=cwd)
    assert done.ok, done.errors


@pytest.fixture(scope="module")
def box(base_image: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """An environment that nobody else has, removed with its images afterwards."""
    assert base_image is None
    name = f"gh-stacks-{secrets.token_hex(5)}"
    folder = tmp_path_factory.mktemp("box")
    made = Box(project=name, root=folder / "instance" / name, directory=folder)
    yield made
    made.remove()
    for image in docker("image", "ls", "-q", "--filter", f"reference=gh/{name}/*").split():
        _run(["docker", "image", "rm", "--force", image])


def compiled(box: Box) -> CompiledStack:
    tree = MemoryTree(FILES)
    manifest = load_manifest(tree)
    context = CompileContext(
        environment=box.project,
        partner="acme",
        product="sample",
        project=box.project,
        run="run_1",
        edge_subnet=f"10.213.{random.randrange(1, 255)}.0/24",  # noqa: S311 - only has to be free
        variables={},
        secrets={"DATABASE_PASSWORD": Sensitive(SECRET)},
        cpu_count=1,
    )
    return compile_product(tree, manifest, context)


def deployment(box: Box, stack: CompiledStack) -> dict[str, Any]:
    sources = bundle(box.directory / "sources.tar", FILES)
    return box.deployment(
        {},
        compose=stack.compose,
        files=dict(stack.files),
        mounts=dict(stack.mounts),
        env_file=stack.env_file,
        expected={name: dict(wanted) for name, wanted in stack.expected.items()},
        bundle=str(sources),
        wait_seconds=90,
    )


def test_what_runs_is_what_was_expected_and_a_second_time_nothing_moves(box: Box) -> None:
    stack = compiled(box)
    answer = box.call(deployment(box, stack))
    assert answer["failure"] is None, answer["failure"]
    assert set(answer["containers"]) == {"alone", "app", "migrate", "worker"}
    (app,) = answer["containers"]["app"]
    for path, text in (
        ("/run/secrets/database_password", SECRET),
        ("/etc/banner", "Welcome for $5"),
        ("/site/index.html", "<h1>Hello</h1>"),
        ("/hello", "hello"),
    ):
        assert docker("exec", app, "cat", path) == text
    environment = docker("exec", app, "env").splitlines()
    assert f"PASSWORD={SECRET}" in environment
    assert "PRICE=$5" in environment
    address = docker(
        "inspect",
        app,
        "--format",
        f'{{{{(index .NetworkSettings.Networks "{box.project}_edge").IPAddress}}}}',
    )
    assert (address, 8080) == stack.upstreams["app"]
    again = box.call(deployment(box, stack))
    assert again["failure"] is None
    assert again["changed"] is False
    assert again["containers"] == answer["containers"]
