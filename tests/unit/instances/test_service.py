import asyncio
from pathlib import Path

import pytest

from guesthouse import audit
from guesthouse.db import Database
from guesthouse.db.tables import environments, instances, partners, products
from guesthouse.errors import Denied
from guesthouse.instances import InstancePorts, InstanceService, InstanceState
from guesthouse.instances.model import InstanceInUse, InstanceNotFound, InstanceUnreachable
from guesthouse.instances.plan import ControlPlane
from guesthouse.instances.ports import TlsFiles
from guesthouse.instances.tasks import InstanceTasks
from guesthouse.people import member_scope, operator_scope, system_scope
from guesthouse.runs import FlowRegistry, RunService
from tests.fakes.clock import START, FakeClock
from tests.fakes.instances import (
    FakeAutomation,
    FakeCertificates,
    FakeMetrics,
    FakeReachability,
)

OWNER = operator_scope("owner")
OUTSIDER = member_scope("outsider", frozenset({"other"}))
MEMBER = member_scope("member", frozenset({"acme"}))
SYSTEM = system_scope()
LAUNCH, PROVISION = "providers/container/launch.yml", "playbooks/provision.yml"
LAUNCHED = {"address": "192.0.2.9", "port": 22, "user": "root", "gateway_port": 443}
CONTROL = ControlPlane(
    state=Path("/state"),
    api_port=8470,
    domain="localhost",
    apps_domain="apps.localhost",
    gateway_port=8443,
)


class Bench:
    """An instance ``box`` and everything around it."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.database = database
        self.automation = FakeAutomation({LAUNCH: LAUNCHED, PROVISION: {"engine": "26.1"}})
        self.reachability = FakeReachability()
        self.certificates = FakeCertificates()
        self.metrics = FakeMetrics()
        self.lines: list[str] = []
        registry = FlowRegistry()
        runs = RunService(database, clock, registry)
        ports = InstancePorts(self.automation, self.reachability, self.certificates, self.metrics)
        self.service = InstanceService(database, clock, runs, ports, CONTROL)
        for flow in InstanceTasks(self.service).flows():
            registry.register(flow)
        common = {"desired": {}, "created_at": START, "updated_at": START}
        with database.transaction() as transaction:
            transaction.insert(
                instances,
                name="box",
                provider="container",
                state="declared",
                **{**common, "desired": {"gateway_port": 8444}},
            )
            transaction.insert(partners, name="acme", **common)
            transaction.insert(products, name="shop", **common)

    async def ready(self) -> None:
        await self.service.launch(SYSTEM, "box", on_line=self.lines.append)
        await self.service.make_ready(SYSTEM, "box", on_line=self.lines.append)

    def add_environment(self) -> None:
        with self.database.transaction() as transaction:
            transaction.insert(
                environments,
                name="acme",
                partner="acme",
                product="shop",
                instance="box",
                phase="development",
                state="ready",
                desired={},
                created_at=START,
                updated_at=START,
            )


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


async def test_a_new_instance_is_launched_and_provisioned(bench: Bench) -> None:
    await bench.ready()
    box = bench.service.get(OWNER, "box")
    assert bench.automation.names == [LAUNCH, PROVISION]
    assert box.state is InstanceState.READY
    assert box.facts == {**LAUNCHED, "engine": "26.1"}
    assert bench.lines == [f"playing {LAUNCH}", f"playing {PROVISION}"]


async def test_a_current_instance_is_left_alone(bench: Bench) -> None:
    await bench.ready()
    await bench.ready()
    assert bench.automation.names == [LAUNCH, PROVISION]


async def test_a_changed_collection_provisions_again(bench: Bench) -> None:
    await bench.ready()
    bench.automation.collection = "a newer one"
    await bench.ready()
    assert bench.automation.names == [LAUNCH, PROVISION, PROVISION]


async def test_a_renewed_certificate_provisions_again(bench: Bench) -> None:
    await bench.ready()
    bench.certificates.files = TlsFiles("renewed", "key", "ca")
    await bench.ready()
    assert bench.automation.names[-1] == PROVISION


async def test_an_instance_that_is_gone_is_launched_anew(bench: Bench) -> None:
    await bench.ready()
    bench.reachability.reachable = False
    await bench.ready()
    assert bench.automation.names == [LAUNCH, PROVISION] * 2


async def test_two_environments_do_not_launch_one_machine_twice(bench: Bench) -> None:
    await asyncio.gather(bench.ready(), bench.ready())
    assert bench.automation.names == [LAUNCH, PROVISION]


async def test_a_failed_provision_is_tried_again(bench: Bench) -> None:
    bench.automation.answers[PROVISION] = InstanceUnreachable("box", "another host key")
    with pytest.raises(InstanceUnreachable):
        await bench.ready()
    bench.automation.answers[PROVISION] = {"engine": "26.1"}
    await bench.ready()
    assert bench.automation.names == [LAUNCH, PROVISION, PROVISION]


async def test_destroying_forgets_the_machine_and_its_metrics(bench: Bench) -> None:
    await bench.ready()
    await bench.service.remove(SYSTEM, "box", on_line=bench.lines.append)
    box = bench.service.get(OWNER, "box")
    assert (box.state, box.facts, box.fingerprint) == (InstanceState.DESTROYED, {}, None)
    assert bench.metrics.dropped == ["box"]


def test_an_instance_in_use_is_not_destroyed(bench: Bench) -> None:
    bench.add_environment()
    with pytest.raises(InstanceInUse, match="acme"):
        bench.service.destroy(OWNER, "box")


def test_destroying_is_a_run_and_is_recorded(bench: Bench) -> None:
    run = bench.service.destroy(OWNER, "box")
    assert run.kind == "instance.destroy"
    with bench.database.reading() as transaction:
        actions = [entry.action for entry in audit.entries(transaction, OWNER)]
    assert actions == ["run.queued", "instance.destroy"]


def test_an_outsider_sees_no_instance(bench: Bench) -> None:
    bench.add_environment()
    with pytest.raises(InstanceNotFound):
        bench.service.get(OUTSIDER, "box")
    with pytest.raises(Denied):
        bench.service.list(OUTSIDER)


def test_members_see_no_machine_not_even_that_of_their_environment(bench: Bench) -> None:
    bench.add_environment()
    with pytest.raises(InstanceNotFound):
        bench.service.get(MEMBER, "box")
    with pytest.raises(Denied):
        bench.service.provision(MEMBER, "box")


async def test_who_came_while_the_end_was_queued_keeps_the_machine(bench: Bench) -> None:
    await bench.ready()
    bench.service.destroy(OWNER, "box")
    bench.add_environment()
    with pytest.raises(InstanceInUse, match="acme"):
        await bench.service.remove(SYSTEM, "box", on_line=bench.lines.append)
    assert bench.automation.names == [LAUNCH, PROVISION]
