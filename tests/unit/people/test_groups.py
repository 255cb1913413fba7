import pytest

from guesthouse.people import ActorKind, Role
from guesthouse.people.groups import Grants, MappingInvalid, mapping_of

TEXT = """
IT Ops = operator
Auditors=auditor ; cn=dev,ou=acme = acme:developer
Leads = acme : manager
Leads = other:viewer

Guests = other:viewer
"""
PARTNERS = ("acme", "other")


@pytest.mark.parametrize(
    ("groups", "kind", "roles"),
    [
        pytest.param((), ActorKind.MEMBER, {}, id="none"),
        pytest.param(("it ops",), ActorKind.MEMBER, {}, id="capitals count"),
        pytest.param(("IT Ops",), ActorKind.OPERATOR, {}, id="operators"),
        pytest.param(("Auditors",), ActorKind.AUDITOR, {}, id="auditors"),
        pytest.param(("Auditors", "IT Ops"), ActorKind.OPERATOR, {}, id="the stronger kind"),
        pytest.param(("Auditors", "Leads"), ActorKind.AUDITOR, {}, id="a kind outweighs roles"),
        pytest.param(
            ("cn=dev,ou=acme",), ActorKind.MEMBER, {"acme": Role.DEVELOPER}, id="a group with ="
        ),
        pytest.param(
            ("Leads", "cn=dev,ou=acme", "Guests"),
            ActorKind.MEMBER,
            {"acme": Role.MANAGER, "other": Role.VIEWER},
            id="the stronger role, partner by partner",
        ),
    ],
)
def test_groups_give_what_is_written(
    groups: tuple[str, ...], kind: ActorKind, roles: dict[str, Role]
) -> None:
    assert mapping_of(TEXT).of(groups, PARTNERS) == Grants(kind, roles)


def test_a_partner_that_is_not_there_gives_nothing() -> None:
    grants = mapping_of(TEXT).of(("Leads",), ("other",))
    assert grants.roles == {"other": Role.VIEWER}
    assert not mapping_of(TEXT).of(("Leads",), ()).is_anything


def test_nothing_written_gives_nothing() -> None:
    assert not mapping_of(" \n; ").of(("IT Ops",), PARTNERS).is_anything


@pytest.mark.parametrize(
    "line",
    [
        "IT Ops",
        "= operator",
        "IT Ops = root",
        "IT Ops = Operator",
        "Devs = acme",
        "Devs = acme:owner",
        "Devs = :viewer",
        "Devs = Acme:viewer",
    ],
)
def test_a_line_that_gives_nothing_is_named(line: str) -> None:
    with pytest.raises(MappingInvalid) as caught:
        mapping_of(f"IT Ops = operator\n{line}")
    assert [problem.where for problem in caught.value.problems] == [
        "GUESTHOUSE_OIDC_GROUPS: entry 2"
    ]
