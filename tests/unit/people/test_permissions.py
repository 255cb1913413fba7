"""Who may do what, as one table; doors and services are tried against it elsewhere."""

import pytest

from guesthouse.errors import Denied, NotFound
from guesthouse.people import member_scope, operator_scope, routes_scope, system_scope
from guesthouse.people.errors import NotEnrolled, NotPermitted, PartnerUnknown
from guesthouse.people.model import Account, ActorKind
from guesthouse.people.permissions import (
    GIVABLE,
    Action,
    Role,
    Verdict,
    decide,
    may_somewhere,
    require,
    require_enrolled,
)
from guesthouse.people.scope import (
    Narrowing,
    Scope,
    account_scope,
    anonymous_scope,
    auditor_scope,
    for_routes_of,
    narrowed,
)
from tests.fakes.clock import START

ACME = frozenset({"acme"})
VIEWER = member_scope("viewer", ACME, Role.VIEWER)
DEVELOPER = member_scope("developer", ACME, Role.DEVELOPER)
MANAGER = member_scope("manager", ACME, Role.MANAGER)
AUDITOR = auditor_scope("auditor")
OPERATOR = operator_scope("operator")
PLATFORM = frozenset(
    {
        Action.PARTNER_MANAGE,
        Action.ESTATE_READ,
        Action.ESTATE_APPLY,
        Action.INSTANCE_READ,
        Action.INSTANCE_MANAGE,
        Action.AUDIT_READ,
    }
)
FIRST = {
    Action.ENVIRONMENT_READ: Role.VIEWER,
    Action.ROUTE_USE: Role.VIEWER,
    Action.RUN_READ: Role.VIEWER,
    Action.LOG_READ: Role.VIEWER,
    Action.METRICS_READ: Role.VIEWER,
    Action.MEMBER_READ: Role.VIEWER,
    Action.ACTIVITY_READ: Role.VIEWER,
    Action.ENVIRONMENT_DEPLOY: Role.DEVELOPER,
    Action.RUN_CANCEL: Role.DEVELOPER,
    Action.VARIABLES_READ: Role.DEVELOPER,
    Action.JOB_RUN: Role.DEVELOPER,
    Action.CONSOLE_RESTART: Role.DEVELOPER,
    Action.ENVIRONMENT_MANAGE: Role.MANAGER,
    Action.SECRETS_WRITE: Role.MANAGER,
    Action.MEMBER_MANAGE: Role.MANAGER,
}
"""The least role that may."""
WRITES = frozenset(
    {
        Action.ENVIRONMENT_DEPLOY,
        Action.ENVIRONMENT_MANAGE,
        Action.SECRETS_WRITE,
        Action.RUN_CANCEL,
        Action.JOB_RUN,
        Action.CONSOLE_RESTART,
        Action.MEMBER_MANAGE,
        Action.PARTNER_MANAGE,
        Action.ESTATE_APPLY,
        Action.INSTANCE_MANAGE,
        Action.ACCOUNT_OWN,
        Action.ROUTE_USE,
    }
)


def _person(
    kind: ActorKind = ActorKind.MEMBER, *, has_totp: bool = False, role: Role = Role.MANAGER
) -> Account:
    roles = {"acme": role} if kind is ActorKind.MEMBER else {}
    return Account(
        id="acc_1",
        login="person",
        title="Person",
        kind=kind,
        has_password=True,
        has_totp=has_totp,
        is_declared=False,
        created_at=START,
        roles=roles,
    )


def test_every_action_is_somebodys() -> None:
    assert set(FIRST) | PLATFORM | {Action.ACCOUNT_OWN} == set(Action)


@pytest.mark.parametrize("action", list(FIRST), ids=lambda action: action.value)
@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.value)
def test_a_role_may_what_those_before_it_may(role: Role, action: Action) -> None:
    ranks = list(Role)
    may = ranks.index(role) >= ranks.index(FIRST[action])
    scope = member_scope("ben", ACME, role)
    assert decide(scope, action, "acme") is (Verdict.ALLOWED if may else Verdict.DENIED)
    assert may_somewhere(scope, action) is may
    assert decide(scope, action, "other") is Verdict.HIDDEN


@pytest.mark.parametrize("action", sorted(PLATFORM, key=str), ids=lambda action: action.value)
def test_what_is_nobodys_is_hidden_from_members(action: Action) -> None:
    assert decide(MANAGER, action, None) is Verdict.HIDDEN
    assert decide(MANAGER, action, "acme") is Verdict.DENIED
    assert not may_somewhere(MANAGER, action)


@pytest.mark.parametrize("action", list(Action), ids=lambda action: action.value)
def test_auditors_read_everything_and_change_nothing(action: Action) -> None:
    for partner in ("acme", None):
        allowed = decide(AUDITOR, action, partner) is Verdict.ALLOWED
        assert allowed is (action not in WRITES)


@pytest.mark.parametrize("scope", [OPERATOR, system_scope()], ids=["operator", "system"])
def test_operators_and_the_system_may_all_but_own_an_account(scope: Scope) -> None:
    for action in GIVABLE:
        assert decide(scope, action, None) is decide(scope, action, "acme") is Verdict.ALLOWED
    assert decide(scope, Action.ACCOUNT_OWN, None) is Verdict.DENIED


def test_nobody_may_anything_before_they_sign_in() -> None:
    assert not any(may_somewhere(anonymous_scope(), action) for action in Action)


def test_who_sees_it_is_told_no_and_who_does_not_is_told_there_is_none() -> None:
    missing = PartnerUnknown("acme")
    with pytest.raises(Denied):
        require(VIEWER, Action.ENVIRONMENT_DEPLOY, "acme", missing=missing)
    with pytest.raises(NotFound):
        require(VIEWER, Action.ENVIRONMENT_DEPLOY, "other", missing=missing)
    with pytest.raises(NotPermitted):
        require(VIEWER, Action.ESTATE_APPLY, None)
    require(DEVELOPER, Action.ENVIRONMENT_DEPLOY, "acme", missing=missing)


def test_a_token_narrows_what_its_owner_may() -> None:
    token = narrowed(
        DEVELOPER, Narrowing("tok_1", frozenset({Action.RUN_READ, Action.SECRETS_WRITE}))
    )
    assert decide(token, Action.RUN_READ, "acme") is Verdict.ALLOWED
    assert decide(token, Action.ENVIRONMENT_READ, "acme") is Verdict.DENIED
    # The owner may not, so the token may not, whatever it names.
    assert decide(token, Action.SECRETS_WRITE, "acme") is Verdict.DENIED


def test_a_token_narrows_an_operator_to_a_partner() -> None:
    token = narrowed(OPERATOR, Narrowing("tok_1", GIVABLE, ACME))
    assert decide(token, Action.ENVIRONMENT_MANAGE, "acme") is Verdict.ALLOWED
    assert decide(token, Action.ENVIRONMENT_MANAGE, "other") is Verdict.HIDDEN
    assert decide(token, Action.ESTATE_APPLY, None) is Verdict.HIDDEN


def test_narrowing_never_widens() -> None:
    token = narrowed(DEVELOPER, Narrowing("tok_1", None, frozenset({"acme", "other"})))
    assert token.partners == ACME
    twice = narrowed(
        narrowed(DEVELOPER, Narrowing("a", frozenset({Action.RUN_READ}))), Narrowing("b")
    )
    assert twice.scopes == frozenset({Action.RUN_READ})


def test_a_token_owns_no_account() -> None:
    person = account_scope(_person(), session="ses_1")
    assert decide(person, Action.ACCOUNT_OWN, None) is Verdict.ALLOWED
    for scopes in (None, frozenset(Action)):
        token = narrowed(person, Narrowing("tok_1", scopes))
        assert decide(token, Action.ACCOUNT_OWN, None) is Verdict.DENIED


@pytest.mark.parametrize("kind", [ActorKind.OPERATOR, ActorKind.AUDITOR])
def test_without_a_second_factor_operators_and_auditors_only_enrol(kind: ActorKind) -> None:
    scope = account_scope(_person(kind), session="ses_1")
    assert {action for action in Action if may_somewhere(scope, action)} == {Action.ACCOUNT_OWN}
    with pytest.raises(NotEnrolled):
        require(scope, Action.ENVIRONMENT_READ, "acme")
    with pytest.raises(NotEnrolled):
        require_enrolled(scope)
    require_enrolled(account_scope(_person(kind, has_totp=True), session="ses_1"))


def test_members_need_no_second_factor() -> None:
    scope = account_scope(_person(), session="ses_1")
    require_enrolled(scope)
    assert may_somewhere(scope, Action.ENVIRONMENT_READ)


def test_tests_use_routes_of_their_environment_and_nothing_else() -> None:
    scope = routes_scope("tests of acme", ACME, "acme")
    assert {action for action in Action if may_somewhere(scope, action)} == {Action.ROUTE_USE}


def test_the_cookie_of_a_route_opens_routes_only() -> None:
    scope = for_routes_of(account_scope(_person(), session="ses_1"), "acme")
    assert {action for action in Action if may_somewhere(scope, action)} == {Action.ROUTE_USE}
    operator = for_routes_of(account_scope(_person(ActorKind.OPERATOR, has_totp=True)), "acme")
    assert decide(operator, Action.ROUTE_USE, "other") is Verdict.ALLOWED
    assert not operator.opens_routes_of("other")
    assert decide(operator, Action.ENVIRONMENT_READ, "acme") is Verdict.DENIED
