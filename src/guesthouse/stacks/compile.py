"""From a product's sources to what an instance runs."""

from collections.abc import Iterator

from guesthouse.errors import Problem
from guesthouse.stacks.draft import secret_tag
from guesthouse.stacks.interpolate import Values
from guesthouse.stacks.model import (
    CompileContext,
    CompiledStack,
    ComposeInvalid,
    ComposeRefused,
    Manifest,
    Policy,
    SourceInvalid,
    ValuesInvalid,
)
from guesthouse.stacks.policy import CORE
from guesthouse.stacks.project import Project, make_project
from guesthouse.stacks.render import SECRET_PREFIX, render, render_secrets
from guesthouse.stacks.sources import SourceTree
from guesthouse.stacks.wording import closest


def compile_product(
    tree: SourceTree, manifest: Manifest, context: CompileContext, *, policy: Policy = CORE
) -> CompiledStack:
    """Compile all core stacks of a product into one canonical Compose project.

    Args:
        tree: The product's repository at one commit.
        manifest: What ``load_manifest`` read from it.
        context: The environment it is for.
        policy: What the files are held to.

    Raises:
        ValuesInvalid: The environment's variables and secrets do not fit the manifest.
        ComposeInvalid: The files cannot be read, or name what is not there.
        ComposeRefused: The policy forbids something; carries every finding.
    """
    values = _values(manifest, context)
    try:
        project = make_project(tree, manifest, context, policy=policy, values=values)
    except SourceInvalid as exc:
        raise ComposeInvalid((exc.problem,)) from exc
    findings = tuple(finding for ledger in project.ledgers for finding in ledger.findings)
    if findings:
        raise ComposeRefused(policy.name, findings, project.problems)
    if project.problems:
        raise ComposeInvalid(project.problems)
    return _compiled(project, manifest, context)


def _values(manifest: Manifest, context: CompileContext) -> Values:
    """Return what may be filled in: the environment's values over the manifest's defaults."""
    problems = list(_value_problems(manifest, context))
    if problems:
        raise ValuesInvalid(context.environment, problems)
    variables = {
        variable.name: context.variables.get(variable.name, variable.default or "")
        for variable in manifest.variables
    }
    declared = {secret.name for secret in manifest.secrets}
    secrets = {name: value for name, value in context.secrets.items() if name in declared}
    return Values(variables, secrets)


def _value_problems(manifest: Manifest, context: CompileContext) -> Iterator[Problem]:
    declared = {variable.name for variable in manifest.variables}
    for name in sorted(context.variables.keys() - declared):
        what = "is not a variable of the product"
        yield Problem(f"variables/{name}", what, closest(name, declared))
    for variable in manifest.variables:
        if variable.default is None and variable.name not in context.variables:
            yield Problem(f"variables/{variable.name}", "has no default, so it needs a value")
    for secret in manifest.secrets:
        if secret.name not in context.secrets:
            yield Problem(f"secrets/{secret.name}", "has no value yet")


def _compiled(project: Project, manifest: Manifest, context: CompileContext) -> CompiledStack:
    compose = render(project.sections)
    files = dict(project.store.files)
    env_file = _add_env_file(files, compose, context)
    served = {
        name: emitted
        for name, emitted in sorted(project.services.items())
        if name not in project.test_services
    }
    return CompiledStack(
        compose=compose,
        files={path: files[path] for path in sorted(files)},
        mounts=dict(sorted(project.store.mounts.items())),
        env_file=env_file,
        expected={name: emitted.expected for name, emitted in served.items()},
        notices=tuple(notice for ledger in project.ledgers for notice in ledger.notices),
        findings=(),
        upstreams={
            route.name: (project.routed[route.stack, route.service], route.port)
            for route in manifest.routes
        },
        builds=tuple(
            emitted.image.build
            for _, emitted in sorted(project.services.items())
            if emitted.image.build is not None
        ),
        images={name: emitted.image.name for name, emitted in sorted(project.services.items())},
        sources=project.store.needed(),
        test_service=manifest.tests.service if manifest.tests else None,
        wait_seconds=manifest.health.wait_seconds,
        settle_seconds=manifest.health.settle_seconds,
    )


def _add_env_file(files: dict[str, str], compose: str, context: CompileContext) -> str | None:
    """Keep the values of the secrets the canonical file refers to, and return the path."""
    used = {
        name: secret
        for name, secret in context.secrets.items()
        if f"${{{SECRET_PREFIX}{name}}}" in compose
    }
    if not used:
        return None
    text = render_secrets(used)
    path = f"files/{secret_tag(text, context.secrets, context.salt)}/secrets.env"
    files[path] = text
    return path
