"""The use cases of the estate: plan, apply, clear away."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from guesthouse import audit
from guesthouse.db import Database, Transaction
from guesthouse.errors import GuesthouseError, Problem, Unavailable
from guesthouse.estate.load import ESTATE_FILE, load
from guesthouse.estate.model import (
    Applied,
    Change,
    ChangeKind,
    Estate,
    EstateForbidden,
    EstateInvalid,
    GitSource,
    ObjectKind,
    Plan,
    PlanChanged,
    RunKind,
    as_json,
)
from guesthouse.estate.plan import Commits, difference, sources
from guesthouse.estate.ports import (
    CommitResolver,
    EnvironmentActions,
    InstanceActions,
    MemberActions,
)
from guesthouse.estate.store import ASKED, WAITING, EstateStore
from guesthouse.instances.model import InstanceState
from guesthouse.kit.clock import Clock
from guesthouse.people import Action, Scope, require
from guesthouse.runs import Run

ASKED_AT_ONCE = 8
CLEARED = (ObjectKind.PARTNER, ObjectKind.PRODUCT)
MACHINELESS = frozenset({InstanceState.DECLARED, InstanceState.DESTROYED})


@dataclass(frozen=True)
class EstatePorts:
    """What the estate needs of others."""

    resolver: CommitResolver
    environments: EnvironmentActions
    instances: InstanceActions
    members: MemberActions


@dataclass(frozen=True)
class Domains:
    """What this control plane serves; an estate written for another one is refused."""

    domain: str
    apps_domain: str


class EstateService:
    """What an operator may do with an estate."""

    def __init__(
        self, database: Database, clock: Clock, ports: EstatePorts, domains: Domains
    ) -> None:
        self._database = database
        self._clock = clock
        self._ports = ports
        self._domains = domains
        self._store = EstateStore()

    async def plan(
        self, scope: Scope, documents: Mapping[str, str], *, environment: str | None = None
    ) -> Plan:
        """Return what an apply of these files would do.

        Args:
            scope: An operator's.
            documents: The estate's files, texts by relative path.
            environment: Only this one and what it stands on; None is everything.

        Raises:
            EstateInvalid: The files break rules, or name commits that don't exist.
            EstateForbidden: The caller is a member.
            EnvironmentUndeclared: Nobody knows that environment.
            Pinned, SharedInstance: A change that can't be made in place.
            PartnerGone: The files declare a partner that was offboarded.
            Unavailable: A Git host does not answer.
        """
        wanted, commits = await self._prepared(scope, documents, environment)
        with self._database.reading() as transaction:
            actual = self._store.actual(scope, transaction)
        return difference(wanted, actual, commits, environment=environment)

    async def apply(
        self,
        scope: Scope,
        documents: Mapping[str, str],
        *,
        environment: str | None = None,
        expected: str | None = None,
    ) -> Applied:
        """Make the files so: write all rows and queue all runs, or nothing.

        Args:
            scope: An operator's.
            documents: The estate's files, texts by relative path.
            environment: Only this one and what it stands on; None is everything.
            expected: Fingerprint of the plan that was shown; None takes whatever there is to do.

        Returns:
            What was done, and the runs that carry on from here.

        Raises:
            PlanChanged: There is something else to do than was shown.
            GuesthouseError: As for `plan`.
        """
        wanted, commits = await self._prepared(scope, documents, environment)
        with self._database.transaction() as transaction:
            # Decided in the transaction that carries it out: of two applies at once,
            # the second finds what the first has done.
            self._store.take_turns(scope, transaction)
            actual = self._store.actual(scope, transaction)
            plan = difference(wanted, actual, commits, environment=environment)
            if expected is not None and plan.fingerprint != expected:
                raise PlanChanged
            runs = [
                run
                for change in plan.changes
                if (run := self._carry_out(transaction, scope, change, (wanted, commits)))
            ]
            self._declare_members(transaction, scope, plan, wanted)
            runs += self.clear(transaction, scope)
            if not plan.is_empty:
                detail = {"changes": len(plan.changes), "runs": [run.id for run in runs]}
                self._record(transaction, scope, "estate.apply", f"estate/{plan.estate}", detail)
        return Applied(plan, tuple(runs))

    def clear(self, transaction: Transaction, scope: Scope) -> tuple[Run, ...]:
        """Let go what is declared no more and what no environment stands on any longer.

        Called at each apply, and by whoever has just destroyed an environment.

        Returns:
            Runs that destroy machines.
        """
        for kind in CLEARED:
            for name in self._store.leaving(scope, transaction, kind):
                self._delete(transaction, scope, kind, name)
        runs = []
        for name, mark in self._store.leaving(scope, transaction, ObjectKind.INSTANCE).items():
            if self._store.instance_state(scope, transaction, name) in MACHINELESS:
                self._delete(transaction, scope, ObjectKind.INSTANCE, name)
            elif mark == WAITING:
                runs.append(self._ports.instances.remove(transaction, scope, name))
                self._store.leave(
                    scope, transaction, kind=ObjectKind.INSTANCE, name=name, mark=ASKED
                )
        return tuple(runs)

    async def _prepared(
        self, scope: Scope, documents: Mapping[str, str], environment: str | None
    ) -> tuple[Estate, Commits]:
        # To plan asks Git hosts for what the files name, wherever that is: it is for those alone
        # whose own word such an address is.
        require(scope, Action.ESTATE_APPLY, None, missing=EstateForbidden())
        wanted = load(documents)
        self._check_domains(wanted)
        return wanted, await self._commits(wanted, environment)

    def _check_domains(self, wanted: Estate) -> None:
        problems = [
            Problem(
                f"{ESTATE_FILE}: {field}",
                f"this control plane serves {ours}",
                f"write {ours}, or start the control plane with GUESTHOUSE_{field.upper()}",
            )
            for field, ours in as_json(self._domains).items()
            if getattr(wanted, field) != ours
        ]
        if problems:
            raise EstateInvalid(problems)

    async def _commits(self, wanted: Estate, environment: str | None) -> Commits:
        """Ask for every commit at once; say all that went wrong together."""
        asked = sources(wanted, environment=environment)
        at_once = asyncio.Semaphore(ASKED_AT_ONCE)
        answers = await asyncio.gather(*(self._resolved(source, at_once) for source in asked))
        for answer in answers:
            if isinstance(answer, Unavailable):
                raise answer
        commits = {}
        problems = []
        for source, answer in zip(asked, answers, strict=True):
            if isinstance(answer, str):
                commits[source.git, source.ref] = answer
            else:
                problems += [
                    Problem(where, answer.sentence, answer.next_step)
                    for where in _places(wanted, source)
                ]
        if problems:
            raise EstateInvalid(problems)
        return commits

    async def _resolved(
        self, source: GitSource, at_once: asyncio.Semaphore
    ) -> str | GuesthouseError:
        async with at_once:
            try:
                return await self._ports.resolver.resolve(source.git, source.ref)
            except GuesthouseError as exc:
                return exc

    def _carry_out(
        self,
        transaction: Transaction,
        scope: Scope,
        change: Change,
        wanted: tuple[Estate, Commits],
    ) -> Run | None:
        """Write one change's row, or hand an environment to those who make it so."""
        estate, commits = wanted
        match change.run:
            case RunKind.DEPLOY:
                spec = estate.environments[change.name]
                commit = commits[spec.source.git, spec.source.ref]
                return self._ports.environments.put(transaction, scope, spec, commit)
            case RunKind.DESTROY:
                return self._ports.environments.destroy(transaction, scope, change.name)
            case None:
                if change.object is not ObjectKind.MEMBER:
                    self._write(transaction, scope, change, estate)
                return None

    def _declare_members(
        self, transaction: Transaction, scope: Scope, plan: Plan, wanted: Estate
    ) -> None:
        """Have people make members of who is declared, partner by partner."""
        changed = {change.name.partition("/")[0] for change in plan.of(ObjectKind.MEMBER)}
        for partner in sorted(changed):
            members = wanted.members_of(partner)
            self._ports.members.declare(transaction, scope, partner, members)

    def _write(
        self, transaction: Transaction, scope: Scope, change: Change, estate: Estate
    ) -> None:
        kind, name = change.object, change.name
        if change.kind is ChangeKind.REMOVE:
            self._store.leave(scope, transaction, kind=kind, name=name)
        else:
            desired = as_json(_declared(estate, kind)[name])
            now = self._clock.now()
            self._store.put(scope, transaction, kind=kind, desired=desired, at=now)
        detail = {field.path: [field.before, field.after] for field in change.fields}
        action = f"{kind.value}.{change.kind.name.lower()}"
        self._record(transaction, scope, action, f"{kind.value}/{name}", detail)

    def _delete(self, transaction: Transaction, scope: Scope, kind: ObjectKind, name: str) -> None:
        self._store.delete(scope, transaction, kind=kind, name=name)
        self._record(transaction, scope, f"{kind.value}.delete", f"{kind.value}/{name}", {})

    def _record(
        self,
        transaction: Transaction,
        scope: Scope,
        action: str,
        object_: str,
        detail: Mapping[str, object],
    ) -> None:
        audit.record(transaction, scope, action, object_, detail, self._clock)


def _declared(estate: Estate, kind: ObjectKind) -> Mapping[str, object]:
    """Return what an estate declares of one kind."""
    match kind:
        case ObjectKind.PARTNER:
            return estate.partners
        case ObjectKind.MEMBER:
            return estate.members
        case ObjectKind.PRODUCT:
            return estate.products
        case ObjectKind.INSTANCE:
            return estate.instances
        case ObjectKind.ENVIRONMENT:
            return estate.environments


def _places(wanted: Estate, source: GitSource) -> list[str]:
    """Return where the files name a source: at its product, or as an environment's own ref."""
    products = [
        f"products/{product.name}.yaml: source"
        for product in wanted.products.values()
        if (product.source.git, product.source.ref) == (source.git, source.ref)
    ]
    return products or [
        f"environments/{spec.name}.yaml: ref"
        for spec in wanted.environments.values()
        if (spec.source.git, spec.source.ref) == (source.git, source.ref)
    ]
