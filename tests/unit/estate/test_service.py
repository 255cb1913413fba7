from collections.abc import Callable
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from typing_extensions import override

from guesthouse import audit
from guesthouse.db import Database, Transaction
from guesthouse.db.tables import environments, instances, partners, products
from guesthouse.environments.model import EnvironmentState
from guesthouse.errors import Conflict, NotFound, Unavailable
from guesthouse.estate.model import (
    EstateForbidden,
    EstateInvalid,
    PlanChanged,
)
from guesthouse.estate.service import Domains, EstatePorts, EstateService
from guesthouse.instances.model import InstanceState
from guesthouse.people import Scope, member_scope, operator_scope
from guesthouse.runs import Run
from tests.fakes.clock import FakeClock
from tests.unit.estate.cast import (
    GIT,
    MAIN,
    NEXT,
    FakeEnvironments,
    FakeInstances,
    FakeMembers,
    FakeResolver,
    documents,
    set_state,
    succeed,
)

OPERATOR = operator_scope("operator")
MEMBER = member_scope("member", frozenset({"acme"}))
WITHOUT_ACME = ("environments/acme.yaml", "partners/acme.yaml")
BOX = {
    "instances__box": "{name: box, provider: container, gateway_port: 8444}",
    "environments__boxed": (
        "{name: boxed, partner: acme, product: beacon, instance: box, phase: integration}"
    ),
}


@dataclass
class House:
    """A service, and the fakes behind it."""

    database: Database
    clock: FakeClock
    resolver: FakeResolver
    environments: FakeEnvironments
    instances: FakeInstances

    def service(self) -> EstateService:
        ports = EstatePorts(self.resolver, self.environments, self.instances, FakeMembers())
        domains = Domains("localhost", "apps.localhost")
        return EstateService(self.database, self.clock, ports, domains)

    def change(self, act: Callable[[Transaction], object]) -> None:
        with self.database.transaction() as transaction:
            act(transaction)

    def names(self, table: sa.Table) -> list[str]:
        with self.database.reading() as transaction:
            return [row["name"] for row in transaction.rows(sa.select(table.c.name))]

    def actions(self) -> list[str]:
        with self.database.reading() as transaction:
            found = audit.entries(transaction, OPERATOR, limit=200)
        return [f"{entry.action} {entry.object}" for entry in reversed(found)]


@pytest.fixture
def house(database: Database, clock: FakeClock) -> House:
    return House(database, clock, FakeResolver(), FakeEnvironments(), FakeInstances())


async def test_plan_changes_nothing(house: House) -> None:
    plan = await house.service().plan(OPERATOR, documents())
    assert len(plan.changes) == 4
    assert house.names(partners) == []
    assert house.environments.calls == []
    assert house.actions() == []


async def test_apply_writes_rows_queues_runs_and_records_each(house: House) -> None:
    applied = await house.service().apply(OPERATOR, documents())
    assert [run.environment for run in applied.runs] == ["acme"]
    assert applied.runs[0].payload["commit"] == MAIN
    assert (house.names(partners), house.names(products), house.names(instances)) == (
        ["acme"],
        ["beacon"],
        ["local"],
    )
    assert house.actions() == [
        "partner.add partner/acme",
        "product.add product/beacon",
        "instance.add instance/local",
        "estate.apply estate/demo",
    ]


@pytest.mark.parametrize("succeeded", [False, True], ids=["while-running", "after-success"])
async def test_a_second_apply_touches_nothing(house: House, *, succeeded: bool) -> None:
    service = house.service()
    await service.apply(OPERATOR, documents())
    if succeeded:
        house.change(succeed)
    before = house.actions()
    applied = await service.apply(OPERATOR, documents())
    assert applied.plan.is_empty
    assert applied.runs == ()
    assert house.environments.calls == [("put", "acme")]
    assert house.actions() == before


async def test_a_failed_deployment_is_tried_again(house: House) -> None:
    service = house.service()
    await service.apply(OPERATOR, documents())
    house.change(lambda transaction: set_state(transaction, "acme", EnvironmentState.FAILED))
    applied = await service.apply(OPERATOR, documents())
    assert [field.path for field in applied.plan.changes[0].fields] == ["state"]
    assert house.environments.calls == [("put", "acme")] * 2


async def test_a_new_commit_is_applied(house: House) -> None:
    service = house.service()
    await service.apply(OPERATOR, documents())
    house.change(succeed)
    house.resolver.answers["main"] = NEXT
    applied = await service.apply(OPERATOR, documents())
    assert applied.runs[0].payload["commit"] == NEXT


async def test_what_is_removed_goes_once_nothing_stands_on_it(house: House) -> None:
    service = house.service()
    await service.apply(OPERATOR, documents())
    house.change(succeed)
    gone = documents(*WITHOUT_ACME)
    applied = await service.apply(OPERATOR, gone)
    assert house.environments.calls[-1] == ("destroy", "acme")
    assert [run.kind for run in applied.runs] == ["destroy"]
    assert house.names(partners) == ["acme"], "the environment still stands on it"
    assert (await service.plan(OPERATOR, gone)).is_empty
    house.change(succeed)
    assert (await service.apply(OPERATOR, gone)).plan.is_empty
    assert house.names(partners) == []
    assert house.actions()[-1] == "partner.delete partner/acme"


async def test_what_was_leaving_may_come_back(house: House) -> None:
    service = house.service()
    await service.apply(OPERATOR, documents())
    await service.apply(OPERATOR, documents(*WITHOUT_ACME))
    house.change(succeed)
    await service.apply(OPERATOR, documents())
    house.change(succeed)
    await service.apply(OPERATOR, documents())
    assert house.names(partners) == ["acme"]


async def test_a_machine_is_destroyed_once_when_nothing_runs_on_it(house: House) -> None:
    service = house.service()
    await service.apply(OPERATOR, documents(**BOX))
    house.change(succeed)
    await service.apply(OPERATOR, documents())
    assert house.instances.removed == [], "its environment is not gone yet"
    house.change(succeed)
    first = await service.apply(OPERATOR, documents())
    second = await service.apply(OPERATOR, documents())
    assert house.instances.removed == ["box"]
    assert ([run.kind for run in first.runs], second.runs) == (["instance.destroy"], ())
    state = {"state": InstanceState.DESTROYED.value}
    house.change(lambda transaction: transaction.change(sa.update(instances).values(**state)))
    await service.apply(OPERATOR, documents())
    assert house.names(instances) == ["local"]


async def test_a_machine_never_launched_needs_no_run(house: House) -> None:
    service = house.service()
    await service.apply(OPERATOR, documents(instances__box=BOX["instances__box"]))
    await service.apply(OPERATOR, documents())
    assert house.instances.removed == []
    assert house.names(instances) == ["local"]


async def test_one_environment_is_applied_alone(house: House) -> None:
    await house.service().apply(OPERATOR, documents(**BOX), environment="boxed")
    assert house.environments.calls == [("put", "boxed")]
    assert house.names(instances) == ["box"]


async def test_commits_are_asked_for_once_for_each_repository_and_ref(house: House) -> None:
    acme = documents()["environments/acme.yaml"]
    more = {f"environments__e{n}": acme.replace("name: acme", f"name: e{n}") for n in range(5)}
    await house.service().plan(OPERATOR, documents(**more))
    assert house.resolver.asked == [(GIT, "main")]


async def test_every_missing_ref_is_named_with_its_place(house: House) -> None:
    acme = documents()["environments/acme.yaml"]
    files = documents(
        environments__acme=acme + "ref: gone\n",
        environments__b=acme.replace("name: acme", "name: b") + "ref: lost\n",
    )
    with pytest.raises(EstateInvalid) as caught:
        await house.service().plan(OPERATOR, files)
    assert [problem.where for problem in caught.value.problems] == [
        "environments/acme.yaml: ref",
        "environments/b.yaml: ref",
    ]
    assert "has no gone" in caught.value.problems[0].what


async def test_a_missing_ref_of_a_product_is_named_at_the_product(house: House) -> None:
    house.resolver.answers = {}
    with pytest.raises(EstateInvalid, match=r"^products/beacon\.yaml: source: "):
        await house.service().plan(OPERATOR, documents())


async def test_a_git_host_that_is_away_is_no_mistake_of_the_files(house: House) -> None:
    house.resolver.answers["main"] = Unavailable("the Git host does not answer")
    with pytest.raises(Unavailable, match="does not answer"):
        await house.service().apply(OPERATOR, documents())
    assert house.names(partners) == []


async def test_an_estate_for_other_domains_is_refused(house: House) -> None:
    files = documents(estate="{name: demo, domain: localhost, apps_domain: apps.example.com}")
    with pytest.raises(EstateInvalid) as caught:
        await house.service().plan(OPERATOR, files)
    assert [str(problem) for problem in caught.value.problems] == [
        (
            "estate.yaml: apps_domain: this control plane serves apps.localhost "
            "(write apps.localhost, or start the control plane with GUESTHOUSE_APPS_DOMAIN)"
        )
    ]


@pytest.mark.parametrize("verb", ["plan", "apply"])
async def test_members_neither_plan_nor_apply(house: House, verb: str) -> None:
    with pytest.raises(EstateForbidden):
        await getattr(house.service(), verb)(MEMBER, documents())
    assert house.resolver.asked == []


async def test_what_was_shown_is_what_is_done(house: House) -> None:
    service = house.service()
    shown = await service.plan(OPERATOR, documents())
    house.resolver.answers["main"] = NEXT
    with pytest.raises(PlanChanged):
        await service.apply(OPERATOR, documents(), expected=shown.fingerprint)
    assert house.names(partners) == []
    shown = await service.plan(OPERATOR, documents())
    assert (await service.apply(OPERATOR, documents(), expected=shown.fingerprint)).runs


async def test_a_failure_on_the_way_leaves_nothing_changed(house: House) -> None:
    class Refusing(FakeEnvironments):
        @override
        def destroy(self, transaction: Transaction, scope: Scope, name: str) -> Run:
            raise Conflict("not now")  # noqa: TRY003 - a sentence of the fake's

    service = house.service()
    await service.apply(OPERATOR, documents())
    house.change(succeed)
    before = house.actions()
    house.environments = Refusing()
    changed = documents(
        *WITHOUT_ACME,
        partners__beta="{name: beta, title: Beta}",
        environments__beta=documents()["environments/acme.yaml"].replace("acme", "beta"),
    )
    with pytest.raises(Conflict, match="not now"):
        await house.service().apply(OPERATOR, changed)
    assert house.names(partners) == ["acme"]
    assert house.names(environments) == ["acme"]
    assert house.actions() == before


async def test_an_environment_that_is_nowhere_is_not_found(house: House) -> None:
    with pytest.raises(NotFound):
        await house.service().apply(OPERATOR, documents(), environment="nowhere")
