"""Small products for the tests of stacks."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from hypothesis import settings

from guesthouse.kit.sensitive import Sensitive
from guesthouse.stacks.check import check
from guesthouse.stacks.compile import compile_product
from guesthouse.stacks.manifest import load_manifest
from guesthouse.stacks.model import (
    MANIFEST_NAME,
    CompileContext,
    CompiledStack,
    ComposeRefused,
    Finding,
    Policy,
    Report,
)
from guesthouse.stacks.policy import CORE
from guesthouse.stacks.sources import MemoryTree
from guesthouse.stacks.yamlfile import Yaml, read_mapping

MANIFEST = """
product: sample
title: Sample
stacks: {core: {compose: [compose.yaml]}}
variables: {TITLE: {default: Sample}, EMPTY: {default: ""}}
secrets: {DATABASE_PASSWORD: }
"""
ROUTED = MANIFEST + "routes: {app: {stack: core, service: app, port: 8080}}\n"
SECRET = "s3cret$value'with\"quotes"  # noqa: S105 - a secret of the tests


ANY_TIME = settings(deadline=None)
"""For properties: a busy machine is no failure."""
BASE = CompileContext(
    environment="acme",
    partner="acme",
    product="sample",
    project="gh-acme",
    run="run_1",
    edge_subnet="10.203.7.0/24",
    variables={},
    secrets={"DATABASE_PASSWORD": Sensitive(SECRET)},
    cpu_count=2,
)


def context(**changes: Any) -> CompileContext:  # noqa: ANN401 - whatever the fields take
    """Return the environment products are compiled for."""
    return dataclasses.replace(BASE, **changes)


def tree(
    compose: str, files: Mapping[str, str | bytes] | None = None, manifest: str = MANIFEST
) -> MemoryTree:
    """Return the repository of a product with one Compose file."""
    return MemoryTree({MANIFEST_NAME: manifest, "compose.yaml": compose, **(files or {})})


def compiled(
    compose: str,
    files: Mapping[str, str | bytes] | None = None,
    *,
    manifest: str = MANIFEST,
    policy: Policy = CORE,
    changes: Mapping[str, object] | None = None,
) -> CompiledStack:
    """Return a product compiled."""
    sources = tree(compose, files, manifest)
    environment = context(**(changes or {}))
    return compile_product(sources, load_manifest(sources), environment, policy=policy)


def section(stack: CompiledStack, name: str = "app") -> dict[str, Yaml]:
    """Return a service of the canonical file."""
    services = read_mapping(stack.compose.encode(), "canonical")["services"]
    assert isinstance(services, dict)
    service = services[name]
    assert isinstance(service, dict)
    return service


def notices(stack: CompiledStack) -> dict[str, str]:
    """Return what was made of each rewritten place, by path."""
    return {notice.path: notice.instead for notice in stack.notices}


def report(
    compose: str,
    files: Mapping[str, str | bytes] | None = None,
    *,
    manifest: str = MANIFEST,
    policy: Policy = CORE,
) -> Report:
    """Return what a check says of a product."""
    return check(tree(compose, files, manifest), policy)


def refused(
    compose: str, files: Mapping[str, str | bytes] | None = None, *, policy: Policy = CORE
) -> tuple[Finding, ...]:
    """Return why a product is refused; none where it is not."""
    try:
        compiled(compose, files, policy=policy)
    except ComposeRefused as refusal:
        return refusal.findings
    return ()
