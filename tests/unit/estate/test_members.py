from pathlib import Path

import pytest

from guesthouse.db import Database
from guesthouse.estate.load import load
from guesthouse.estate.model import Applied, EstateInvalid, Plan
from guesthouse.estate.render import render_plan
from guesthouse.people import Role
from guesthouse.people.model import MembershipOrigin
from tests.fakes.clock import FakeClock
from tests.fakes.people import come_in
from tests.fakes.services import ESTATE, OPERATOR, FakeServices, fake_services

ANN = "{login: ann, title: Ann Archer, role: developer}"
BEN = "{login: ben@acme.test, title: Ben, role: viewer}"


def _with(*members: str) -> dict[str, str]:
    text = f"{{name: acme, title: Acme Ltd, members: [{', '.join(members)}]}}\n"
    return {**ESTATE, "partners/acme.yaml": text}


@pytest.fixture
def services(database: Database, clock: FakeClock, tmp_path: Path) -> FakeServices:
    return fake_services(database, clock, tmp_path)


async def _apply(services: FakeServices, *members: str) -> Applied:
    return await services.estate.apply(OPERATOR, _with(*members))


def _members(services: FakeServices) -> dict[str, tuple[Role, MembershipOrigin]]:
    return {
        member.login: (member.role, member.origin)
        for member in services.accounts.members(OPERATOR, "acme")
    }


def _lines(plan: Plan) -> list[str]:
    return [line.strip() for line in render_plan(plan).splitlines() if "member" in line]


async def test_a_declared_member_is_let_in(services: FakeServices) -> None:
    applied = await _apply(services, ANN, BEN)
    assert _lines(applied.plan) == ["+ member acme/ann", "+ member acme/ben@acme.test"]
    assert _members(services) == {
        "ann": (Role.DEVELOPER, MembershipOrigin.ESTATE),
        "ben@acme.test": (Role.VIEWER, MembershipOrigin.ESTATE),
    }


async def test_a_second_apply_finds_nothing_to_do(services: FakeServices) -> None:
    await _apply(services, ANN)
    plan = await services.estate.plan(OPERATOR, _with(ANN))
    assert plan.is_empty


async def test_another_role_is_a_change(services: FakeServices) -> None:
    await _apply(services, ANN)
    applied = await _apply(services, ANN.replace("developer", "manager"))
    assert render_plan(applied.plan).splitlines()[:2] == [
        "~ member acme/ann",
        "    role: developer → manager",
    ]
    assert _members(services)["ann"] == (Role.MANAGER, MembershipOrigin.ESTATE)


async def test_people_keep_the_name_they_have(services: FakeServices) -> None:
    await _apply(services, ANN)
    plan = await services.estate.plan(OPERATOR, _with(ANN.replace("Archer", "Baker")))
    assert plan.is_empty


async def test_who_is_declared_no_more_is_seen_out(services: FakeServices) -> None:
    await _apply(services, ANN, BEN)
    applied = await _apply(services, ANN)
    assert _lines(applied.plan) == ["- member acme/ben@acme.test"]
    assert list(_members(services)) == ["ann"]


async def test_who_was_invited_stays(services: FakeServices) -> None:
    await come_in(services.people, "eve", "acme", Role.VIEWER)
    await _apply(services, ANN)
    await _apply(services)
    assert _members(services) == {"eve": (Role.VIEWER, MembershipOrigin.INVITATION)}


async def test_to_declare_who_was_invited_takes_them_over(services: FakeServices) -> None:
    await come_in(services.people, "ann", "acme", Role.VIEWER)
    await _apply(services, ANN)
    assert _members(services) == {"ann": (Role.DEVELOPER, MembershipOrigin.ESTATE)}


async def test_a_declared_member_sets_a_password_by_an_invitation(
    services: FakeServices,
) -> None:
    await _apply(services, ANN)
    account = await come_in(services.people, "ann", "acme", Role.VIEWER)
    assert account.has_password
    assert _members(services) == {"ann": (Role.DEVELOPER, MembershipOrigin.ESTATE)}


async def test_one_environment_brings_the_members_of_its_partner_alone(
    services: FakeServices,
) -> None:
    documents = {
        **_with(ANN),
        "partners/other.yaml": f"{{name: other, title: Other Ltd, members: [{BEN}]}}\n",
    }
    applied = await services.estate.apply(OPERATOR, documents, environment="acme")
    assert _lines(applied.plan) == ["+ member acme/ann"]
    assert services.accounts.members(OPERATOR, "other") == ()


async def test_a_partner_declared_no_more_loses_its_declared_members(
    services: FakeServices,
) -> None:
    await _apply(services, ANN)
    left = {name: text for name, text in ESTATE.items() if "acme" not in name}
    applied = await services.estate.apply(OPERATOR, left)
    assert _lines(applied.plan) == ["- member acme/ann"]
    assert services.accounts.accounts(OPERATOR)[0].roles == {}


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        pytest.param(
            (ANN, ANN), "partners/acme.yaml: members/1/login: ann is there twice", id="twice"
        ),
        pytest.param(
            (ANN.replace("ann", "system"),),
            "partners/acme.yaml: members/0/login: system is a name of ours",
            id="ours",
        ),
        pytest.param(
            (ANN.replace("ann", "Ann!"),),
            "partners/acme.yaml: members/0/login: should be 2 to 63 small letters",
            id="login",
        ),
        pytest.param(
            (ANN.replace("developer", "develoepr"),),
            "partners/acme.yaml: members/0/role: should be viewer or developer or manager"
            " (did you mean developer?)",
            id="role",
        ),
        pytest.param(
            (ANN.replace("role", "rol"),),
            "partners/acme.yaml: members/0/rol: is unknown (did you mean role?)",
            id="key",
        ),
        pytest.param(
            (ANN.replace("}", ", password: secret}"),),
            "partners/acme.yaml: members/0/password: is unknown",
            id="secret",
        ),
    ],
)
def test_what_is_no_member_is_told(members: tuple[str, ...], problem: str) -> None:
    with pytest.raises(EstateInvalid) as refused:
        load(_with(*members))
    assert any(str(each).startswith(problem) for each in refused.value.problems), [
        str(each) for each in refused.value.problems
    ]
