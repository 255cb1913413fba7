"""What an estate declares, and what a plan is. Pure values; YAML is read in load.py."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from guesthouse.environments.model import EnvironmentState
from guesthouse.errors import Conflict, Denied, Invalid, NotFound, Problem
from guesthouse.instances.model import Provider
from guesthouse.people.model import DeclaredMember, Role
from guesthouse.runs.model import Run

Json = Mapping[str, Any]


class Phase(Enum):
    """What an environment is for."""

    DEVELOPMENT = "development"
    """The core stacks only; the partner's code runs elsewhere and connects over HTTPS."""
    INTEGRATION = "integration"
    """Core and partner stacks on the same instance."""


@dataclass(frozen=True)
class GitSource:
    """Where a product comes from."""

    git: str
    """https, ssh or file address of the repository."""
    ref: str
    """Branch, tag or commit."""
    path: str = ""
    """Folder of the manifest inside the repository; empty is its root."""


@dataclass(frozen=True)
class Partner:
    """A third-party organisation."""

    name: str
    title: str


@dataclass(frozen=True)
class Member:
    """Somebody of a partner; `Estate.members` has them by partner and login."""

    title: str
    """Taken where the account is made; whoever has one already keeps their own."""
    role: Role


@dataclass(frozen=True)
class Product:
    """What the company sells."""

    name: str
    source: GitSource


@dataclass(frozen=True)
class LocalInstance:
    """The control plane's own machine."""

    name: str
    provider: Provider = Provider.LOCAL


@dataclass(frozen=True)
class ContainerInstance:
    """A nested Docker host."""

    name: str
    gateway_port: int
    """Where its gateway answers HTTPS on the control plane's machine."""
    provider: Provider = Provider.CONTAINER


@dataclass(frozen=True)
class SshInstance:
    """A machine reached over SSH; its host key is pinned."""

    name: str
    address: str
    user: str
    host_key: str
    """``ssh-ed25519 AAAA…`` as in known_hosts, without the host."""
    key_file: str
    """Private key on the control plane."""
    port: int = 22
    provider: Provider = Provider.SSH


InstanceSpec = LocalInstance | ContainerInstance | SshInstance


@dataclass(frozen=True)
class EnvironmentSpec:
    """One running copy of a product, as it shall be."""

    name: str
    partner: str
    product: str
    instance: str
    phase: Phase
    source: GitSource
    """The product's, with the environment's own ref where it has one."""
    variables: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return what the database keeps as desired."""
        return as_json(self)


@dataclass(frozen=True)
class Estate:
    """Everything an estate repository declares; the mappings go by name, in name order."""

    name: str
    domain: str
    apps_domain: str
    products: Mapping[str, Product]
    partners: Mapping[str, Partner]
    instances: Mapping[str, InstanceSpec]
    environments: Mapping[str, EnvironmentSpec]
    members: Mapping[str, Member] = field(default_factory=dict)
    """By ``<partner>/<login>``."""

    def members_of(self, partner: str) -> tuple[DeclaredMember, ...]:
        """Return those a partner's file names, as people take them."""
        found = [(name.partition("/"), member) for name, member in self.members.items()]
        return tuple(
            DeclaredMember(login, member.title, member.role)
            for (owner, _, login), member in found
            if owner == partner
        )


@dataclass(frozen=True)
class ActualEnvironment:
    """An environment the database holds."""

    desired: Json
    """What was asked last, in the form of `EnvironmentSpec.to_json`."""
    state: EnvironmentState
    commit: str | None
    """What it serves, or, while pending, what it is about to serve."""


@dataclass(frozen=True)
class Actual:
    """Everything the database holds, by name; what is on its way out is not here."""

    products: Mapping[str, Json]
    partners: Mapping[str, Json]
    instances: Mapping[str, Json]
    environments: Mapping[str, ActualEnvironment]
    members: Mapping[str, Json] = field(default_factory=dict)
    """Those an estate has declared, by ``<partner>/<login>``; who was invited is not here."""
    offboarded: Mapping[str, dt.datetime] = field(default_factory=dict)
    """Since when partners are, by name."""


class ObjectKind(Enum):
    """What a change is about, in the order changes are made."""

    PARTNER = "partner"
    MEMBER = "member"
    """Named ``<partner>/<login>``."""
    PRODUCT = "product"
    INSTANCE = "instance"
    ENVIRONMENT = "environment"


class ChangeKind(Enum):
    """What a change does; the value is its sign."""

    ADD = "+"
    CHANGE = "~"
    REMOVE = "-"


class RunKind(Enum):
    """The run that a change needs."""

    DEPLOY = "deploy"
    DESTROY = "destroy"


@dataclass(frozen=True)
class FieldChange:
    """One field that differs; None stands for absent."""

    path: str
    """Dotted: ``source.ref``."""
    before: Any
    after: Any


@dataclass(frozen=True)
class Change:
    """One object that differs."""

    kind: ChangeKind
    object: ObjectKind
    name: str
    fields: tuple[FieldChange, ...] = ()
    run: RunKind | None = None
    """None where writing the row is all there is to it."""


@dataclass(frozen=True)
class Plan:
    """What has to change, in the order in which it does."""

    estate: str
    changes: tuple[Change, ...]
    unchanged: int
    """Environments that are as declared."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.changes

    @property
    def fingerprint(self) -> str:
        """A digest of the changes, so that what is done can be held to what was shown."""
        text = json.dumps([as_json(change) for change in self.changes], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def of(self, kind: ObjectKind) -> tuple[Change, ...]:
        """Return the changes to one kind of object."""
        return tuple(change for change in self.changes if change.object is kind)

    def count(self, kind: ChangeKind) -> int:
        """Return how many changes there are of one kind."""
        return sum(change.kind is kind for change in self.changes)


@dataclass(frozen=True)
class Applied:
    """What an apply did."""

    plan: Plan
    runs: tuple[Run, ...]


class EstateInvalid(Invalid):
    """The estate's files break rules; `problems` names each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = str(problems[0])
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(
            f"{first}{more}",
            where=problems[0].where,
            problems=problems,
            next_step="correct the files and run: guesthouse plan",
        )


class EstateForbidden(Denied):
    """The caller is a member; an estate is the operator's."""

    def __init__(self) -> None:
        super().__init__("an estate is planned and applied by an operator")


class EnvironmentUndeclared(NotFound):
    """Neither the estate nor the database has such an environment."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"neither the estate nor the control plane has an environment {name}",
            next_step=f"declare it in environments/{name}.yaml",
        )


class Pinned(Conflict):
    """The change would hand one thing's data to another."""

    def __init__(self, *, where: str, field: str, before: object, after: object) -> None:
        super().__init__(
            f"{where}: {field} can't change from {before} to {after} in place",
            where=where,
            next_step=f"remove {where}, apply, then declare it anew",
        )


class PartnerGone(Conflict):
    """The estate declares partners that were offboarded."""

    def __init__(self, partners: Mapping[str, dt.datetime]) -> None:
        problems = [
            Problem(
                f"partners/{name}.yaml",
                f"partner {name} was offboarded on {at:%Y-%m-%d at %H:%M} UTC",
                f"remove the file and its environments', or: guesthouse partner readmit {name}",
            )
            for name, at in sorted(partners.items())
        ]
        first = problems[0]
        super().__init__(
            f"the estate declares what is over: {first.what}",
            where=first.where,
            problems=problems,
            next_step=first.instead,
        )


class SharedInstance(Conflict):
    """One environment was asked for, but its instance changes under others as well."""

    def __init__(self, instance: str, others: Sequence[str]) -> None:
        super().__init__(
            f"instance {instance} changes, which touches {', '.join(others)} as well",
            where=f"instances/{instance}.yaml",
            next_step="apply without --env",
        )


class PlanChanged(Conflict):
    """What was shown is no longer what would be done."""

    def __init__(self) -> None:
        super().__init__(
            "the plan has changed since it was shown",
            next_step="look at it again: guesthouse plan",
        )


def as_json(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass of this module
    """Return a value of this module as JSON holds it."""
    return asdict(value, dict_factory=_plain)


def _plain(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value.value if isinstance(value, Enum) else value for name, value in items}
