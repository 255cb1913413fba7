"""What an environment is: desired, standing, lock. Pure values."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from guesthouse.errors import Conflict, Denied, Failed, Invalid, NotFound

Json = Mapping[str, Any]


class EnvironmentState(Enum):
    """How an environment stands towards what was asked of it."""

    PENDING = "pending"
    """A run that makes it so is queued or running."""
    READY = "ready"
    """It serves what was asked."""
    FAILED = "failed"
    """The last run did not get there; an earlier version may still serve."""
    ENDING = "destroying"
    """It is being destroyed."""


@dataclass(frozen=True)
class Source:
    """Where a product comes from."""

    git: str
    ref: str
    path: str
    """Folder of the manifest inside the repository; empty is its top."""


@dataclass(frozen=True)
class Desired:
    """What was asked of an environment."""

    name: str
    partner: str
    product: str
    instance: str
    phase: str
    source: Source
    variables: Mapping[str, str]
    commit: str

    @classmethod
    def of(cls, document: Json) -> "Desired":
        """Return what a document of the database says."""
        source = document["source"]
        return cls(
            name=document["name"],
            partner=document["partner"],
            product=document["product"],
            instance=document["instance"],
            phase=document["phase"],
            source=Source(source["git"], source["ref"], source.get("path", "")),
            variables=dict(document.get("variables", {})),
            commit=document["commit"],
        )


@dataclass(frozen=True)
class Address:
    """Where a route answers."""

    route: str
    url: str
    access: str


@dataclass(frozen=True)
class Standing:
    """What of an environment changes while people watch."""

    partner: str
    environment: str
    state: EnvironmentState
    current_run: str | None
    updated_at: dt.datetime


@dataclass(frozen=True)
class Environment:
    """One running copy of a product for one partner."""

    name: str
    partner: str
    product: str
    instance: str | None
    phase: str
    state: EnvironmentState
    desired: Desired
    subnet_index: int
    lock: Json | None
    """Of the version that serves; None while none ever did."""
    commit: str | None
    """What it serves."""
    current_run: str | None
    """The run that brought that up."""
    updated_at: dt.datetime

    @property
    def ref(self) -> str:
        """The branch, tag or commit it follows."""
        return self.desired.source.ref

    @property
    def project(self) -> str:
        """The Compose project."""
        return f"gh-{self.name}"

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where its routes answer; empty while nothing serves."""
        routes = (self.lock or {}).get("routes", {})
        return tuple(
            Address(name, route["url"], route["access"]) for name, route in routes.items()
        )


class EnvironmentNotFound(NotFound):
    """There is no such environment, or not for this caller."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no environment {name}", next_step="guesthouse env list")


class EnvironmentEnding(Conflict):
    """It is being destroyed."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"environment {name} is being destroyed",
            next_step=f"wait until it is gone: guesthouse run list --environment {name}",
        )


class LockMissing(Conflict):
    """Nothing was deployed yet, so there is nothing to lock."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"environment {name} has never been up, so it has no lock",
            next_step=f"guesthouse apply --env {name}",
        )


class LockForeign(Denied):
    """A member hands in a lock that is not the environment's own."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"this is not the lock of environment {name}",
            next_step=f"guesthouse env lock {name} prints it; an operator may deploy any lock",
        )


class NoSubnetLeft(Conflict):
    """Every network of the pool is taken."""

    def __init__(self) -> None:
        super().__init__(
            "no network is left for another environment",
            next_step="destroy one that is no longer used: guesthouse env list",
        )


class VariablesUnknown(Invalid):
    """The environment sets variables its product does not have."""

    def __init__(self, environment: str, names: tuple[str, ...], known: tuple[str, ...]) -> None:
        has = f"it has {', '.join(known)}" if known else "it has none"
        super().__init__(
            f"{', '.join(names)}: the product has no such variable; {has}",
            where=f"environments/{environment}.yaml: variables",
            next_step=f"correct environments/{environment}.yaml and apply again",
        )


class _StackFailed(Failed):
    """The instance says why an action failed."""

    def __init__(self, failure: Json, *, left: str) -> None:
        """Take what the instance says.

        Args:
            failure: Of the module's answer.
            left: What serves now, for a person; empty where nothing is to be said of it.
        """
        kept = f"; {left}" if left else ""
        super().__init__(
            f"{_clause(failure['sentence'])}{kept}",
            next_step=str(failure.get("next_step", "")),
            where=str(failure.get("service") or ""),
            detail=_text(failure.get("last_lines")),
        )


class DeployFailed(_StackFailed):
    """The instance could not bring the new version up."""

    def __init__(self, failure: Json, *, rolled_back: bool) -> None:
        super().__init__(failure, left="the earlier version still serves" if rolled_back else "")


class NotUpAfterTests(_StackFailed):
    """Something else than the tests went wrong in the step that runs them."""


class FunctionalTestsRed(Failed):
    """The product's functional tests are red."""

    def __init__(self, environment: str, failure: Json, *, run: str, left: str) -> None:
        super().__init__(
            f"{_clause(failure['sentence'])}; {left}",
            next_step=f"guesthouse run junit {run}; then guesthouse apply --env {environment}",
            detail=_text(failure.get("last_lines")),
        )


class VersionTakenBack(Failed):
    """The run was interrupted, or its end asked for, before its version had passed."""

    def __init__(self, environment: str, *, left: str) -> None:
        super().__init__(
            f"the run was interrupted before its version had passed the tests; {left}",
            next_step=f"guesthouse env deploy {environment}",
        )


class LockMismatch(Conflict):
    """What was built is not what the lock says."""

    def __init__(self, differences: tuple[str, ...]) -> None:
        super().__init__(
            f"the lock cannot be reproduced: {'; '.join(differences)}",
            next_step="deploy without --locked, or restore what the lock names",
        )


def _clause(sentence: object) -> str:
    """Return a sentence so that another clause may follow."""
    return str(sentence).removesuffix(".")


def _text(lines: object) -> str:
    return "\n".join(map(str, lines)) if isinstance(lines, list | tuple) else str(lines or "")
