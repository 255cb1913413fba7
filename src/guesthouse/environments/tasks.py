"""The steps of runs that bring an environment up or end it. Each is thin: decide in plan.py."""

import asyncio
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from guesthouse import audit
from guesthouse.db import Database, Transaction
from guesthouse.environments.lock import check_after, check_before, lock_of
from guesthouse.environments.model import (
    DeployFailed,
    Desired,
    Environment,
    EnvironmentNotFound,
    EnvironmentState,
    FunctionalTestsRed,
    Json,
    LockMismatch,
    NotUpAfterTests,
    VersionTakenBack,
)
from guesthouse.environments.plan import Place
from guesthouse.environments.prepare import Preparation, Prepared
from guesthouse.environments.service import DEPLOY, DESTROY, JUNIT
from guesthouse.environments.stack import StackPlays
from guesthouse.environments.store import ArtifactStore, EnvironmentStore
from guesthouse.errors import GuesthouseError
from guesthouse.instances import InstanceService, InstanceState
from guesthouse.instances.plan import root_of
from guesthouse.kit.clock import Clock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import ActorKind, Scope, system_scope
from guesthouse.people.tokens import TokenGrant, TokenStore
from guesthouse.runs import Flow, Run, RunContext, RunState, StepDefinition, Stream
from guesthouse.stacks.model import FunctionalTests

ENDED = {
    RunState.SUCCEEDED: EnvironmentState.READY,
    RunState.FAILED: EnvironmentState.FAILED,
    RunState.CANCELLED: EnvironmentState.FAILED,
    RunState.LOST: EnvironmentState.FAILED,
}
TOKEN_MARGIN = dt.timedelta(minutes=2)


@dataclass(frozen=True)
class TaskParts:
    """What the steps are made of."""

    database: Database
    clock: Clock
    instances: InstanceService
    preparation: Preparation
    plays: StackPlays
    tokens: TokenStore
    ca: str
    """PEM text of our CA."""
    playbooks: str
    """Digest of the Ansible collection."""
    gone: Callable[[Transaction, Scope], object] = lambda _transaction, _scope: None
    """Told in the transaction that forgets an environment: what stood under it may go, too."""


class EnvironmentTasks:
    """Step functions of the flows that environments bring."""

    def __init__(self, parts: TaskParts) -> None:
        self._parts = parts
        self._store = EnvironmentStore()
        self._artifacts = ArtifactStore()

    def flows(self) -> tuple[Flow, ...]:
        """Return the flows environments bring."""
        deploy = (
            StepDefinition("launch", self._launch, idempotent=True),
            StepDefinition("provision", self._provision, idempotent=True),
            StepDefinition("fetch", self._fetch, idempotent=True),
            StepDefinition("check", self._check, idempotent=True),
            # Interrupted, the module puts the old version back by itself; but it may have ended
            # the moment before.
            StepDefinition("deploy", self._deploy, idempotent=False, undo=self._take_back),
            StepDefinition("test", self._test, idempotent=False, undo=self._take_back),
            StepDefinition("ready", self._ready, idempotent=True),
        )
        destroy = (
            StepDefinition("destroy", self._destroy, idempotent=True),
            StepDefinition("forget", self._forget, idempotent=True),
        )
        return (
            Flow(DEPLOY, deploy, ended=self._ended),
            Flow(DESTROY, destroy, ended=self._destroy_ended),
        )

    async def _launch(self, context: RunContext) -> Json:
        launched = await self._parts.instances.launch(
            system_scope(), _desired(context).instance, on_line=context.log
        )
        _note(context, "the instance was launched" if launched else "the instance is there")
        return {"launched": launched}

    async def _provision(self, context: RunContext) -> Json:
        done = await self._parts.instances.make_ready(
            system_scope(), _desired(context).instance, on_line=context.log
        )
        _note(context, "the instance was provisioned" if done else "the instance is current")
        return {"provisioned": done}

    async def _fetch(self, context: RunContext) -> Json:
        desired = _desired(context)
        await self._parts.preparation.fetch(desired, on_line=context.log)
        _note(context, f"{desired.source.git} at {desired.commit[:12]}")
        return {"commit": desired.commit}

    async def _check(self, context: RunContext) -> Json:
        prepared = await self._prepared(context)
        for notice in prepared.compiled.notices:
            _note(context, f"{notice.path}: {notice.written}: {notice.instead}")
        check_before(
            context.payload["locked"],
            compose=prepared.compiled.compose,
            playbooks=self._parts.playbooks,
        )
        return {"notices": len(prepared.compiled.notices)}

    async def _deploy(self, context: RunContext) -> Json:
        prepared = await self._prepared(context)
        bundle = await asyncio.to_thread(self._parts.preparation.bundle, prepared)
        try:
            answer = await self._parts.plays.deploy(
                prepared, context.run.id, bundle=bundle, on_line=context.log
            )
        except asyncio.CancelledError:
            await self._roll_back(context)
            raise
        if answer.get("failure"):
            raise DeployFailed(answer["failure"], rolled_back=bool(answer.get("rolled_back")))
        await self._check_locked(context, answer)
        return dict(answer)

    async def _check_locked(self, context: RunContext, answer: Json) -> None:
        try:
            check_after(context.payload["locked"], answer)
        except LockMismatch:
            await self._roll_back(context)
            raise

    async def _test(self, context: RunContext) -> Json:
        try:
            answer = await self._tested(context)
        except (asyncio.CancelledError, GuesthouseError):
            # What was not tested does not stay.
            await self._roll_back(context)
            raise
        if answer.get("failure"):
            left = await self._roll_back(context)
            failure, name = answer["failure"], _desired(context).name
            if failure["kind"] != "test":
                raise NotUpAfterTests(failure, left=left)
            raise FunctionalTestsRed(name, failure, run=context.run.id, left=left)
        return {"exit_code": answer.get("exit_code"), "timings": answer.get("timings")}

    async def _take_back(self, context: RunContext) -> Json:
        """Put the version before back: nobody knows how this one's tests would have ended."""
        environment, _ = self._standing(context)
        if environment.current_run == context.run.id:
            _note(context, "its version had passed and serves already")
            return {}
        try:
            left = await self._roll_back(context)
        except asyncio.CancelledError:
            await self._roll_back(context)
            raise
        raise VersionTakenBack(environment.name, left=left)

    async def _tested(self, context: RunContext) -> Json:
        prepared = await self._prepared(context)
        if prepared.manifest.tests is None:
            _note(context, "the product declares no functional tests")
            return {}
        answer = await self._run_tests(context, prepared, prepared.manifest.tests)
        if answer.get("junit"):
            self._keep_junit(context.run.id, str(answer["junit"]))
        return answer

    async def _run_tests(
        self, context: RunContext, prepared: Prepared, tests: FunctionalTests
    ) -> Json:
        lifetime = dt.timedelta(seconds=tests.timeout_seconds) + TOKEN_MARGIN
        token = self._test_token(prepared, lifetime)
        context.mask(token)
        try:
            return await self._parts.plays.test(
                prepared, context.run.id, token=token, ca=self._parts.ca, on_line=context.log
            )
        finally:
            with self._parts.database.transaction() as transaction:
                self._end_test_tokens(transaction, prepared.environment.name)

    async def _ready(self, context: RunContext) -> Json:
        prepared = await self._prepared(context)
        desired, answer = _desired(context), context.results["deploy"]
        lock = lock_of(
            desired,
            compose=prepared.compiled.compose,
            playbooks=self._parts.playbooks,
            answer=answer,
            site=prepared.site,
        )
        with self._parts.database.transaction() as transaction:
            self._store.serve(
                system_scope(),
                transaction,
                desired.name,
                run=context.run.id,
                lock=lock,
                commit=desired.commit,
            )
            self._record(transaction, "environment.ready", desired.name)
        # Not in a thread: waiting for it, the run could be cancelled with its version in place.
        self._parts.preparation.discard(desired.name)
        for name, route in lock["routes"].items():
            _note(context, f"{name}: {route['url']} ({route['access']})")
        return {"routes": lock["routes"]}

    async def _destroy(self, context: RunContext) -> Json:
        desired, scope = _desired(context), system_scope()
        with self._parts.database.reading() as transaction:
            environment = self._store.get(scope, transaction, desired.name)
        instance = self._parts.instances.get(scope, desired.instance)
        if environment is None or instance.state is not InstanceState.READY:
            _note(context, "nothing of it is on an instance")
            return {"removed": []}
        place = Place(root_of(instance, self._parts.instances.control), desired.name)
        answer = await self._parts.plays.destroy(
            environment, place, context.run.id, on_line=context.log
        )
        if answer.get("failure"):
            raise DeployFailed(answer["failure"], rolled_back=False)
        return dict(answer)

    async def _forget(self, context: RunContext) -> Json:
        name = _desired(context).name
        await asyncio.to_thread(self._parts.preparation.discard, name)
        with self._parts.database.transaction() as transaction:
            if self._store.delete(system_scope(), transaction, name):
                self._record(transaction, "environment.gone", name)
                self._parts.gone(transaction, system_scope())
        return {}

    async def _prepared(self, context: RunContext) -> Prepared:
        desired = _desired(context)
        prepared = await asyncio.to_thread(
            self._parts.preparation.compile, desired, context.run.id
        )
        context.mask(*prepared.secrets)
        return prepared

    def _standing(self, context: RunContext) -> tuple[Environment, Place]:
        """Return the environment as it is noted, and where its things are."""
        desired, scope = _desired(context), system_scope()
        with self._parts.database.reading() as transaction:
            environment = self._store.get(scope, transaction, desired.name)
        if environment is None:
            raise EnvironmentNotFound(desired.name)
        instance = self._parts.instances.get(scope, desired.instance)
        return environment, Place(root_of(instance, self._parts.instances.control), desired.name)

    async def _roll_back(self, context: RunContext) -> str:
        """Put the version before back; return what serves now, for a person."""
        environment, place = self._standing(context)
        answer = await self._parts.plays.roll_back(
            environment, place, context.run.id, on_line=context.log
        )
        if answer.get("rolled_back"):
            return "the earlier version serves again"
        deployed = context.results.get("deploy", {})
        if not (answer.get("changed", True) and deployed.get("changed", True)):
            return "what served before was left as it is"
        return "nothing is left running"

    def _test_token(self, prepared: Prepared, lifetime: dt.timedelta) -> Sensitive[str]:
        environment = prepared.environment
        grant = TokenGrant(
            name="functional tests",
            actor=f"tests of {environment.name}",
            # The tests are the product's code: its token opens routes, and starts no runs.
            kind=ActorKind.TESTS,
            partners=frozenset({environment.partner}),
            environment=environment.name,
            lifetime=lifetime,
        )
        with self._parts.database.transaction() as transaction:
            self._record(transaction, "token.create", environment.name)
            return self._parts.tokens.create(transaction, system_scope(), grant)

    def _end_test_tokens(self, transaction: Transaction, name: str) -> None:
        if self._parts.tokens.revoke_of_tests(transaction, system_scope(), name):
            self._record(transaction, "token.revoke", name)

    def _keep_junit(self, run: str, text: str) -> None:
        with self._parts.database.transaction() as transaction:
            self._artifacts.put(
                system_scope(),
                transaction,
                run,
                JUNIT,
                media_type="application/xml",
                data=text.encode(),
                at=self._parts.clock.now(),
            )

    def _ended(self, transaction: Transaction, run: Run, state: RunState) -> None:
        if run.environment is not None and state in ENDED:
            # Killed within the test step, nobody came to end its token.
            self._end_test_tokens(transaction, run.environment)
            found = self._store.get(system_scope(), transaction, run.environment)
            # Its end was asked for while the run was at work: gateways go on refusing it.
            if found is not None and found.state is not EnvironmentState.ENDING:
                self._set_state(transaction, run.environment, ENDED[state])

    def _destroy_ended(self, transaction: Transaction, run: Run, state: RunState) -> None:
        # A destroy that failed leaves an environment that can be destroyed again.
        if run.environment is not None and state is not RunState.SUCCEEDED:
            self._set_state(transaction, run.environment, EnvironmentState.FAILED)

    def _set_state(self, transaction: Transaction, name: str, state: EnvironmentState) -> None:
        now = self._parts.clock.now()
        self._store.set_state(system_scope(), transaction, name, state=state, at=now)

    def _record(self, transaction: Transaction, action: str, name: str) -> None:
        clock = self._parts.clock
        audit.record(transaction, system_scope(), action, f"environment/{name}", {}, clock)


def _desired(context: RunContext) -> Desired:
    return Desired.of(context.payload["desired"])


def _note(context: RunContext, text: str) -> None:
    context.log(text, Stream.NOTE)
