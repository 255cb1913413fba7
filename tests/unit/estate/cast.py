"""A small estate, and fakes for what the estate calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from typing_extensions import override

from guesthouse.db import Transaction
from guesthouse.db.tables import environments, instances
from guesthouse.environments.model import EnvironmentState
from guesthouse.errors import GuesthouseError, NotFound
from guesthouse.estate.model import EnvironmentSpec
from guesthouse.estate.ports import (
    CommitResolver,
    EnvironmentActions,
    InstanceActions,
    MemberActions,
)
from guesthouse.instances.model import InstanceState
from guesthouse.people import Scope
from guesthouse.people.model import DeclaredMember
from guesthouse.runs import Json, Run, RunState
from tests.fakes.clock import START

GIT = "https://git.test/beacon"
MAIN = "a" * 40
NEXT = "b" * 40
DOCUMENTS: Mapping[str, str] = {
    "estate.yaml": "name: demo\ndomain: localhost\napps_domain: apps.localhost\n",
    "products/beacon.yaml": f"name: beacon\nsource: {{git: '{GIT}', ref: main, path: product}}\n",
    "partners/acme.yaml": "name: acme\ntitle: Acme Ltd\n",
    "instances/local.yaml": "name: local\nprovider: local\n",
    "environments/acme.yaml": (
        "name: acme\npartner: acme\nproduct: beacon\ninstance: local\nphase: development\n"
        'variables: {BEACON_TITLE: "Acme\'s Beacon"}\n'
    ),
}


def documents(*without: str, **changed: str) -> dict[str, str]:
    """Return the estate without some files and with others; ``a__b`` stands for ``a/b.yaml``."""
    kept = {name: text for name, text in DOCUMENTS.items() if name not in without}
    return kept | {f"{name.replace('__', '/')}.yaml": text for name, text in changed.items()}


def run_of(kind: str, environment: str | None, payload: Json) -> Run:
    return Run(
        id=f"run_{kind}_{environment}",
        kind=kind,
        environment=environment,
        partner=None,
        actor="operator",
        state=RunState.QUEUED,
        payload=payload,
        attempt=0,
        cancel_requested=False,
        log_lines=0,
        sentence="",
        next_step="",
        detail="",
        created_at=START,
        started_at=None,
        ended_at=None,
    )


@dataclass
class FakeResolver(CommitResolver):
    answers: dict[str, str | GuesthouseError] = field(default_factory=lambda: {"main": MAIN})
    asked: list[tuple[str, str]] = field(default_factory=list)

    @override
    async def resolve(self, url: str, ref: str, /) -> str:
        self.asked.append((url, ref))
        answer = self.answers.get(ref, NotFound(f"{url} has no {ref}", next_step="check the ref"))
        if isinstance(answer, GuesthouseError):
            raise answer
        return answer


@dataclass
class FakeMembers(MemberActions):
    """Remembers who was declared; what becomes of it is people's."""

    declared: list[tuple[str, tuple[DeclaredMember, ...]]] = field(default_factory=list)

    @override
    def declare(
        self,
        transaction: Transaction,
        scope: Scope,
        partner: str,
        members: tuple[DeclaredMember, ...],
    ) -> None:
        self.declared.append((partner, members))


class FakeEnvironments(EnvironmentActions):
    """Writes the rows that the environments feature writes, and remembers what was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    @override
    def put(
        self, transaction: Transaction, scope: Scope, spec: EnvironmentSpec, commit: str
    ) -> Run:
        self.calls.append(("put", spec.name))
        values: dict[str, Any] = {
            "desired": {**spec.to_json(), "commit": commit},
            "state": EnvironmentState.PENDING.value,
            "updated_at": START,
        }
        where = environments.c.name == spec.name
        if not transaction.change(sa.update(environments).where(where).values(**values)):
            transaction.insert(
                environments,
                name=spec.name,
                partner=spec.partner,
                product=spec.product,
                instance=spec.instance,
                phase=spec.phase.value,
                created_at=START,
                **values,
            )
        return run_of("deploy", spec.name, values["desired"])

    @override
    def destroy(self, transaction: Transaction, scope: Scope, name: str) -> Run:
        self.calls.append(("destroy", name))
        set_state(transaction, name, EnvironmentState.ENDING)
        return run_of("destroy", name, {})


class FakeInstances(InstanceActions):
    def __init__(self) -> None:
        self.removed: list[str] = []

    @override
    def remove(self, transaction: Transaction, scope: Scope, name: str) -> Run:
        self.removed.append(name)
        return run_of("instance.destroy", None, {"instance": name})


def set_state(transaction: Transaction, name: str, state: EnvironmentState) -> None:
    where = environments.c.name == name
    transaction.change(sa.update(environments).where(where).values(state=state.value))


def succeed(transaction: Transaction) -> None:
    """Let every run that was queued have succeeded."""
    for row in transaction.rows(sa.select(environments)):
        where = environments.c.name == row["name"]
        if row["state"] == EnvironmentState.ENDING.value:
            transaction.change(sa.delete(environments).where(where))
            continue
        done = {
            "state": EnvironmentState.READY.value,
            "current_commit": row["desired"]["commit"],
        }
        transaction.change(sa.update(environments).where(where).values(**done))
    ready = InstanceState.READY.value
    transaction.change(sa.update(instances).values(state=ready))
