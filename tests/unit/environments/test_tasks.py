import asyncio
import contextlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from guesthouse.adapters.secrets import FileKeyCipher
from guesthouse.audit import AuditTrail
from guesthouse.db import Database
from guesthouse.db.tables import instances, partners, products, tokens
from guesthouse.environments.model import (
    DeployFailed,
    EnvironmentNotFound,
    EnvironmentState,
    FunctionalTestsRed,
    LockMismatch,
    NotUpAfterTests,
    VersionTakenBack,
)
from guesthouse.environments.prepare import Preparation
from guesthouse.environments.secrets import EnvironmentSecrets
from guesthouse.environments.service import EnvironmentService
from guesthouse.environments.stack import StackPlays
from guesthouse.environments.tasks import EnvironmentTasks, TaskParts
from guesthouse.errors import NotFound
from guesthouse.instances import InstancePorts, InstanceService, Play
from guesthouse.instances.plan import ControlPlane
from guesthouse.people import ActorKind, operator_scope, system_scope
from guesthouse.people.tokens import TokenGrant, TokenStore
from guesthouse.runs import FlowRegistry, Json, Run, RunService, RunState
from guesthouse.stacks.model import ComposeRefused
from tests.fakes.clock import START, FakeClock
from tests.fakes.environments import FakeContext, FakeSources
from tests.fakes.instances import FakeAutomation, FakeCertificates, FakeMetrics, FakeReachability

OWNER = operator_scope("owner")
COMMIT, NEXT = "a" * 40, "b" * 40
DEPLOY, TEST = "playbooks/deploy.yml#deploy", "playbooks/deploy.yml#test"
ROLLBACK, DESTROY = "playbooks/deploy.yml#rollback", "playbooks/deploy.yml#destroy"
MANIFEST = """
product: shop
title: Shop
stacks: {core: {compose: [compose.yaml]}}
routes: {web: {stack: core, service: web, port: 8080, websockets: true}}
tests: {stack: core, service: checks, junit: /results/junit.xml}
secrets: {PASSWORD: {}}
"""
COMPOSE = """
services:
  web: {image: "shop/web:1", environment: {PASSWORD: "${PASSWORD}"}, ports: ["8080:8080"]}
  checks: {image: "shop/checks:1", profiles: [test]}
"""
FILES = {"guesthouse.product.yaml": MANIFEST, "compose.yaml": COMPOSE}
UP = {
    "changed": True,
    "digests": {"web": "sha256:1"},
    "versions": {"engine": "26.1.5", "compose": "2.26.1"},
    "timings": {"up": 1.5},
    "failure": None,
    "rolled_back": False,
}
SICK = {
    **UP,
    "failure": {
        "kind": "unhealthy",
        "sentence": "web did not become healthy",
        "service": "web",
        "last_lines": ["no database"],
        "next_step": "look at its health check",
    },
    "rolled_back": True,
}
GREEN = {"exit_code": 0, "junit": "<testsuite/>", "failure": None}
RED = {
    "exit_code": 1,
    "junit": "<testsuite failures='1'/>",
    "failure": {"kind": "test", "sentence": "the functional tests are red", "last_lines": ["4"]},
}
DESIRED = {
    "name": "acme",
    "partner": "acme",
    "product": "shop",
    "instance": "here",
    "phase": "development",
    "source": {"git": "https://git.example/shop.git", "ref": "main", "path": ""},
    "variables": {},
    "commit": COMMIT,
}


class Bench:
    """An environment ``acme`` of the product ``shop`` on a local instance, all of it faked."""

    def __init__(self, database: Database, clock: FakeClock, state: Path) -> None:
        self.database, self.clock, self.state = database, clock, state
        self.automation = FakeAutomation(
            {DEPLOY: UP, TEST: GREEN, ROLLBACK: {"rolled_back": True}, DESTROY: {"removed": []}}
        )
        self.sources = FakeSources({COMMIT: FILES, NEXT: FILES})
        self.registry = FlowRegistry()
        self.runs = RunService(database, clock, self.registry)
        self.service = EnvironmentService(database, clock, self.runs)
        for flow in self._tasks().flows():
            self.registry.register(flow)
        common = {"desired": {}, "created_at": START, "updated_at": START}
        with database.transaction() as transaction:
            transaction.insert(partners, name="acme", **common)
            transaction.insert(products, name="shop", **common)
            transaction.insert(
                instances, name="here", provider="local", state="declared", **common
            )

    def _tasks(self) -> EnvironmentTasks:
        ports = InstancePorts(
            self.automation, FakeReachability(), FakeCertificates(), FakeMetrics()
        )
        control = ControlPlane(self.state, 8470, "localhost", "apps.localhost", 8443)
        machines = InstanceService(self.database, self.clock, self.runs, ports, control)
        cipher = FileKeyCipher(self.state / "secrets.key")
        preparation = Preparation(
            database=self.database,
            instances=machines,
            fetcher=self.sources,
            secrets=EnvironmentSecrets(self.database, self.clock, cipher),
            work=self.state / "work",
        )
        return EnvironmentTasks(
            TaskParts(
                database=self.database,
                clock=self.clock,
                instances=machines,
                preparation=preparation,
                plays=StackPlays(self.automation, machines),
                tokens=TokenStore(self.database, self.clock, AuditTrail(self.clock)),
                ca="PEM",
                playbooks="p1",
            )
        )

    def put(self, *, locked: Json | None = None, **changed: object) -> FakeContext:
        with self.database.transaction() as transaction:
            run = self.service.put(transaction, OWNER, {**DESIRED, **changed}, locked=locked)
        return self.context(run)

    def context(self, run: Run) -> FakeContext:
        return FakeContext(run, self.registry.get(run.kind))

    async def until(self, context: FakeContext, name: str) -> FakeContext:
        """Execute the steps before one."""
        for step in context.flow.steps[: context.flow.steps.index(context.step(name))]:
            context.kept[step.name] = await step.function(context)
        return context

    def end(self, context: FakeContext, state: RunState) -> None:
        with self.database.transaction() as transaction:
            self.registry.tell_ended(transaction, context.run, state)

    def document(self, name: str) -> dict[str, Any]:
        plays = [play for play in self.automation.played if FakeAutomation.name(play) == name]
        document: dict[str, Any] = plays[-1].variables["deployment"]
        return document


@pytest.fixture
def bench(database: Database, clock: FakeClock, tmp_path: Path) -> Bench:
    return Bench(database, clock, tmp_path)


async def test_a_new_environment_goes_through_every_step(bench: Bench) -> None:
    context = bench.put()
    await context.execute()
    bench.end(context, RunState.SUCCEEDED)
    assert bench.automation.names == [
        "providers/local/launch.yml",
        "playbooks/provision.yml",
        DEPLOY,
        TEST,
    ]
    found = bench.service.get(OWNER, "acme")
    assert (found.state, found.commit) == (EnvironmentState.READY, COMMIT)
    assert [address.url for address in found.addresses] == [
        "https://web--acme.apps.localhost:8443/"
    ]
    assert bench.service.lock(OWNER, "acme")["images"] == {"web": "sha256:1"}
    assert bench.service.junit(OWNER, context.run.id) == b"<testsuite/>"


async def test_the_instance_is_given_our_file_and_its_routes(bench: Bench) -> None:
    await bench.put().execute()
    document = bench.document(DEPLOY)
    assert "8080:8080" not in document["compose"]
    assert document["project"] == "gh-acme"
    assert "web--acme.apps.localhost" in document["gateway"]["text"]
    assert document["root"] == str(bench.state / "host/environments/acme")


async def test_what_was_rewritten_is_listed(bench: Bench) -> None:
    context = bench.put()
    await context.execute()
    assert any("ports" in line for line in context.lines)


async def test_secrets_and_the_tests_token_are_masked(bench: Bench) -> None:
    context = bench.put()
    await context.execute()
    token = bench.document(TEST)["test"]["environment"]["GUESTHOUSE_TOKEN"]
    assert token in context.masked
    assert any(len(secret) == 32 for secret in context.masked)


async def test_the_tests_token_ends_by_itself(bench: Bench) -> None:
    await bench.put().execute()
    with bench.database.reading() as transaction:
        row = transaction.rows(tokens.select())[-1]
    assert (row["actor_kind"], row["partners"]) == ("tests", ["acme"])
    assert row["environment"] == "acme"
    assert (row["expires_at"] - row["created_at"]).total_seconds() == 300 + 120


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        pytest.param(GREEN, None, id="green"),
        pytest.param(RED, FunctionalTestsRed, id="red"),
        pytest.param(asyncio.CancelledError(), asyncio.CancelledError, id="cancelled"),
    ],
)
async def test_the_tests_token_ends_with_the_tests(
    bench: Bench, answer: Json | BaseException, raised: type[BaseException] | None
) -> None:
    store, seen = TokenStore(bench.database, bench.clock, AuditTrail(bench.clock)), list[bool]()

    def play(played: Play) -> Json:
        token = played.variables["deployment"]["test"]["environment"]["GUESTHOUSE_TOKEN"]
        scope = store.authenticate(token)
        seen.append(scope is not None and scope.opens_routes_of("acme"))
        seen.append(scope is not None and scope.opens_routes_of("other"))
        if isinstance(answer, BaseException):
            raise answer
        return answer

    bench.automation.answers[TEST] = play
    with contextlib.nullcontext() if raised is None else pytest.raises(raised):
        await bench.put().execute()
    token = bench.document(TEST)["test"]["environment"]["GUESTHOUSE_TOKEN"]
    assert seen == [True, False]
    assert store.authenticate(token) is None


async def test_the_end_of_a_run_ends_a_token_that_a_killed_test_step_left(bench: Bench) -> None:
    context = bench.put()
    store = TokenStore(bench.database, bench.clock, AuditTrail(bench.clock))
    partners_of_token = frozenset({"acme"})
    grant = TokenGrant("t", "t", ActorKind.TESTS, partners_of_token, environment="acme")
    with bench.database.transaction() as transaction:
        token = store.create(transaction, system_scope(), grant).reveal()
    assert store.authenticate(token) is not None
    bench.end(context, RunState.LOST)
    assert store.authenticate(token) is None


async def test_a_failed_deployment_keeps_its_facts(bench: Bench) -> None:
    bench.automation.answers[DEPLOY] = SICK
    context = bench.put()
    with pytest.raises(DeployFailed, match="the earlier version still serves") as caught:
        await context.execute()
    assert caught.value.detail == "no database"
    assert caught.value.next_step == "look at its health check"
    bench.end(context, RunState.FAILED)
    assert bench.service.get(OWNER, "acme").state is EnvironmentState.FAILED


async def test_a_red_test_takes_the_version_back_and_keeps_its_junit(bench: Bench) -> None:
    await bench.put().execute()
    bench.automation.answers[TEST] = RED
    context = bench.put(commit=NEXT)
    with pytest.raises(FunctionalTestsRed, match="the earlier version serves again"):
        await context.execute()
    assert bench.automation.names[-1] == ROLLBACK
    assert bench.service.get(OWNER, "acme").commit == COMMIT
    assert b"failures" in bench.service.junit(OWNER, context.run.id)


async def test_a_service_that_fell_over_during_green_tests_takes_the_version_back(
    bench: Bench,
) -> None:
    await bench.put().execute()
    bench.automation.answers[TEST] = {**GREEN, "failure": SICK["failure"]}
    with pytest.raises(NotUpAfterTests, match="the earlier version serves again") as caught:
        await bench.put(commit=NEXT).execute()
    assert (caught.value.where, caught.value.detail) == ("web", "no database")
    assert bench.automation.names[-1] == ROLLBACK


async def test_what_was_not_tested_does_not_stay(bench: Bench) -> None:
    context = bench.put()
    bench.automation.answers[TEST] = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await context.execute()
    assert bench.automation.names[-1] == ROLLBACK


async def test_a_deployment_cut_off_at_its_very_end_is_taken_back(bench: Bench) -> None:
    context = bench.put()
    bench.automation.answers[DEPLOY] = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await context.execute()
    assert bench.automation.names[-2:] == [DEPLOY, ROLLBACK]


async def test_tests_cancelled_before_they_began_leave_no_untested_version(bench: Bench) -> None:
    context = await bench.until(bench.put(), "test")
    test = asyncio.ensure_future(context.step("test").function(context))
    await asyncio.sleep(0)  # It reads what was fetched by now; no test has begun.
    test.cancel()
    with pytest.raises(asyncio.CancelledError):
        await test
    assert TEST not in bench.automation.names
    assert bench.automation.names[-1] == ROLLBACK


@pytest.mark.parametrize("step", ["deploy", "test"])
async def test_what_had_not_passed_when_we_died_is_taken_back(bench: Bench, step: str) -> None:
    await bench.put().execute()
    context = await bench.until(bench.put(commit=NEXT), step)
    undo = context.step(step).undo
    assert undo is not None
    with pytest.raises(VersionTakenBack, match="the earlier version serves again"):
        await undo(context)
    assert bench.automation.names[-1] == ROLLBACK
    assert bench.document(ROLLBACK)["run"] == context.run.id


async def test_taking_back_needs_no_sources(bench: Bench) -> None:
    context = await bench.until(bench.put(), "test")
    shutil.rmtree(bench.state / "work")
    undo = context.step("test").undo
    assert undo is not None
    with pytest.raises(VersionTakenBack):
        await undo(context)


async def test_a_version_that_has_passed_is_not_taken_back(bench: Bench) -> None:
    context = bench.put()
    await context.execute()
    undo = context.step("test").undo
    assert undo is not None
    assert await undo(context) == {}
    assert bench.automation.names[-1] == TEST


async def test_a_refused_file_touches_no_instance(bench: Bench) -> None:
    bench.sources.commits[NEXT] = {
        **FILES,
        "compose.yaml": "services: {web: {image: x, privileged: true}}",
    }
    context = bench.put(commit=NEXT)
    with pytest.raises(ComposeRefused, match="privileged"):
        await context.execute()
    assert DEPLOY not in bench.automation.names


async def test_a_commit_that_is_gone_touches_no_instance(bench: Bench) -> None:
    with pytest.raises(NotFound):
        await bench.put(commit="c" * 40).execute()
    assert DEPLOY not in bench.automation.names


async def test_a_product_without_tests_is_ready_after_its_deployment(bench: Bench) -> None:
    text = MANIFEST.replace(
        "tests: {stack: core, service: checks, junit: /results/junit.xml}\n", ""
    )
    bench.sources.commits[NEXT] = {**FILES, "guesthouse.product.yaml": text}
    context = bench.put(commit=NEXT)
    await context.execute()
    assert bench.automation.names[-1] == DEPLOY
    with pytest.raises(NotFound, match="left no JUnit"):
        bench.service.junit(OWNER, context.run.id)


async def test_a_lock_is_reproduced_and_another_image_is_taken_back(bench: Bench) -> None:
    await bench.put().execute()
    lock = bench.service.lock(OWNER, "acme")
    await bench.put(locked=lock).execute()
    bench.automation.answers[DEPLOY] = {**UP, "digests": {"web": "sha256:2"}}
    with pytest.raises(LockMismatch, match="the image of web differs"):
        await bench.put(locked=lock).execute()
    assert bench.automation.names[-1] == ROLLBACK


async def test_the_same_is_prepared_each_time(bench: Bench) -> None:
    await bench.put().execute()
    first = bench.document(DEPLOY)
    await bench.put().execute()
    second = bench.document(DEPLOY)
    assert (first["compose"], first["files"]) == (second["compose"], second["files"])


async def test_destroying_forgets_the_environment(bench: Bench) -> None:
    await bench.put().execute()
    context = bench.context(bench.service.destroy(OWNER, "acme"))
    await context.execute()
    bench.end(context, RunState.SUCCEEDED)
    assert bench.automation.names[-1] == DESTROY
    with pytest.raises(EnvironmentNotFound):
        bench.service.get(OWNER, "acme")


async def test_a_destroy_that_failed_can_be_tried_again(bench: Bench) -> None:
    await bench.put().execute()
    context = bench.context(bench.service.destroy(OWNER, "acme"))
    bench.end(context, RunState.FAILED)
    assert bench.service.destroy(OWNER, "acme").kind == "environment.destroy"
