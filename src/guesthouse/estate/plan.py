"""Decides what an apply has to do: wanted, actual → changes. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from guesthouse.environments.model import EnvironmentState
from guesthouse.estate.model import (
    Actual,
    ActualEnvironment,
    Change,
    ChangeKind,
    EnvironmentSpec,
    EnvironmentUndeclared,
    Estate,
    FieldChange,
    GitSource,
    Json,
    ObjectKind,
    PartnerGone,
    Pinned,
    Plan,
    RunKind,
    SharedInstance,
    as_json,
)

Commits = Mapping[tuple[str, str], str]
"""What each (repository, ref) stands for now."""
PINNED = ("partner", "product", "instance")


def sources(wanted: Estate, *, environment: str | None = None) -> tuple[GitSource, ...]:
    """Return the sources whose commits `difference` has to be given, each repository and ref once.

    Args:
        wanted: The estate.
        environment: Only this one's; None is all.
    """
    chosen = {
        (spec.source.git, spec.source.ref): spec.source
        for name, spec in wanted.environments.items()
        if environment in (None, name)
    }
    return tuple(chosen.values())


def difference(
    wanted: Estate, actual: Actual, commits: Commits, *, environment: str | None = None
) -> Plan:
    """Return what makes the actual state the wanted one; empty where it is already.

    Args:
        wanted: What the files declare.
        actual: What the database holds.
        commits: A commit for each of `sources`.
        environment: Plan only this one and what it stands on; None plans everything.

    Raises:
        EnvironmentUndeclared: Neither side knows that environment.
        Pinned: A change would hand one thing's data to another.
        SharedInstance: One environment is asked for, and its instance changes for others, too.
        PartnerGone: The files declare a partner that was offboarded.
    """
    whole = actual
    wanted, actual = _narrowed(wanted, actual, environment)
    _check_partners(wanted, whole)
    instances = tuple(_changes(ObjectKind.INSTANCE, wanted.instances, actual.instances))
    changed = {change.name: change for change in instances if change.kind is ChangeKind.CHANGE}
    for change in changed.values():
        _check_instance(change, whole, environment)
    environments = tuple(_environment_changes(wanted, actual, commits, changed))
    changes = (
        *_changes(ObjectKind.PARTNER, wanted.partners, actual.partners),
        *_member_changes(wanted, actual),
        *_changes(ObjectKind.PRODUCT, wanted.products, actual.products),
        *instances,
        *environments,
    )
    kept = sum(change.kind is not ChangeKind.REMOVE for change in environments)
    return Plan(wanted.name, _in_order(changes), len(wanted.environments) - kept)


def _in_order(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Put removals last and backwards, so that nothing goes before what stands on it."""
    removals = [change for change in changes if change.kind is ChangeKind.REMOVE]
    rest = [change for change in changes if change.kind is not ChangeKind.REMOVE]
    kinds = list(ObjectKind)
    removals.sort(key=lambda change: -kinds.index(change.object))
    return (*rest, *removals)


def _changes(
    kind: ObjectKind, wanted: Mapping[str, Any], actual: Mapping[str, Json]
) -> Iterator[Change]:
    for name, value in wanted.items():
        fields = _differing(actual.get(name, {}), as_json(value))
        if name not in actual:
            yield Change(ChangeKind.ADD, kind, name, fields)
        elif fields:
            yield Change(ChangeKind.CHANGE, kind, name, fields)
    for name in sorted(actual.keys() - wanted.keys()):
        yield Change(ChangeKind.REMOVE, kind, name)


def _member_changes(wanted: Estate, actual: Actual) -> Iterator[Change]:
    # People keep the name they have: it counts where an account is made, and nowhere else.
    before = {
        name: {**found, "title": wanted.members[name].title} if name in wanted.members else found
        for name, found in actual.members.items()
    }
    yield from _changes(ObjectKind.MEMBER, wanted.members, before)


def _check_partners(wanted: Estate, actual: Actual) -> None:
    gone = {name: at for name, at in actual.offboarded.items() if name in wanted.partners}
    if gone:
        raise PartnerGone(gone)


def _environment_changes(
    wanted: Estate, actual: Actual, commits: Commits, instances: Mapping[str, Change]
) -> Iterator[Change]:
    for name, spec in wanted.environments.items():
        commit = commits[spec.source.git, spec.source.ref]
        found = actual.environments.get(name)
        change = _environment_change(spec, commit, found, instances.get(spec.instance))
        if change is not None:
            yield change
    for name in sorted(actual.environments.keys() - wanted.environments.keys()):
        if actual.environments[name].state is not EnvironmentState.ENDING:
            yield Change(ChangeKind.REMOVE, ObjectKind.ENVIRONMENT, name, run=RunKind.DESTROY)


def _environment_change(
    spec: EnvironmentSpec, commit: str, found: ActualEnvironment | None, instance: Change | None
) -> Change | None:
    """Return what has to change about one environment, or None."""
    after = {**spec.to_json(), "commit": commit}
    if found is None or found.state is EnvironmentState.ENDING:
        fields, kind = _differing({}, after), ChangeKind.ADD
    else:
        before = {**found.desired, "commit": found.commit}
        _check_pinned(spec.name, before, after)
        fields = _differing(before, after) + _beside(found, instance)
        kind = ChangeKind.CHANGE
    if not fields:
        return None
    return Change(kind, ObjectKind.ENVIRONMENT, spec.name, fields, RunKind.DEPLOY)


def _beside(found: ActualEnvironment, instance: Change | None) -> tuple[FieldChange, ...]:
    """Return what calls for a deployment although the declaration is the same."""
    changes: tuple[FieldChange, ...] = ()
    if found.state is EnvironmentState.FAILED:
        changes += (
            FieldChange("state", EnvironmentState.FAILED.value, EnvironmentState.READY.value),
        )
    if instance is not None:
        changes += tuple(
            FieldChange(f"instance.{field.path}", field.before, field.after)
            for field in instance.fields
        )
    return changes


def _check_pinned(name: str, before: Json, after: Json) -> None:
    # Volumes and secrets stay with the environment, so another partner would get this one's data.
    for field in PINNED:
        if before.get(field) != after[field]:
            raise Pinned(
                where=f"environments/{name}.yaml",
                field=field,
                before=before.get(field),
                after=after[field],
            )


def _check_instance(change: Change, actual: Actual, environment: str | None) -> None:
    """Refuse to make another machine of one in use, or to touch others' machine unseen."""
    used = {
        name
        for name, found in actual.environments.items()
        if found.desired.get("instance") == change.name
    }
    others = sorted(used - {environment})
    if environment is not None and others:
        raise SharedInstance(change.name, others)
    for field in change.fields:
        if used and field.path == "provider":
            raise Pinned(
                where=f"instances/{change.name}.yaml",
                field=field.path,
                before=field.before,
                after=field.after,
            )


def _differing(before: Json, after: Json) -> tuple[FieldChange, ...]:
    """Return each leaf that differs, in the order of the wanted side."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    paths = [*new, *(path for path in old if path not in new)]
    return tuple(
        FieldChange(path, old.get(path), new.get(path))
        for path in paths
        if old.get(path) != new.get(path)
    )


def _leaves(value: Json, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _leaves(inner, f"{prefix}{key}.")
        else:
            yield prefix + key, inner


def _narrowed(wanted: Estate, actual: Actual, environment: str | None) -> tuple[Estate, Actual]:
    """Return both sides with nothing but one environment and what it stands on."""
    if environment is None:
        return wanted, actual
    spec = wanted.environments.get(environment)
    if spec is None and environment not in actual.environments:
        raise EnvironmentUndeclared(environment)
    if spec is None:
        nothing = Estate(wanted.name, wanted.domain, wanted.apps_domain, {}, {}, {}, {})
        return nothing, Actual({}, {}, {}, _only(actual.environments, environment))
    return _around(wanted, spec), Actual(
        products=_only(actual.products, spec.product),
        partners=_only(actual.partners, spec.partner),
        instances=_only(actual.instances, spec.instance),
        environments=_only(actual.environments, environment),
        members=_below(actual.members, f"{spec.partner}/"),
    )


def _around(wanted: Estate, spec: EnvironmentSpec) -> Estate:
    return Estate(
        name=wanted.name,
        domain=wanted.domain,
        apps_domain=wanted.apps_domain,
        products=_only(wanted.products, spec.product),
        partners=_only(wanted.partners, spec.partner),
        instances=_only(wanted.instances, spec.instance),
        environments=_only(wanted.environments, spec.name),
        members=_below(wanted.members, f"{spec.partner}/"),
    )


def _only(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {name: values[name]} if name in values else {}


def _below(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name.startswith(prefix)}
