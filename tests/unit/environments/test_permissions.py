"""What a role allows is asked of the very object: a developer here is a viewer there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guesthouse.db import Database
from guesthouse.environments.model import LockForeign
from guesthouse.errors import Denied, NotFound
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import Action, ActorKind, Role, Scope, auditor_scope, member_scope
from guesthouse.people.model import Account
from guesthouse.people.scope import Narrowing, account_scope, narrowed
from tests.fakes.clock import START, FakeClock
from tests.fakes.services import LOCK, OPERATOR, FakeServices, fake_services

Call = Callable[[FakeServices, Scope, str], Any]
VIEWER, DEVELOPER, MANAGER = (member_scope(role.value, frozenset({"acme"}), role) for role in Role)
AUDITOR = auditor_scope("auditor")
OUTSIDER = member_scope("outsider", frozenset({"other"}))
READER = narrowed(OPERATOR, Narrowing("tok_1", scopes=frozenset({Action.ENVIRONMENT_READ})))
TWO_PARTNERS = Account(
    id="acc_1",
    login="member",
    title="Member",
    kind=ActorKind.MEMBER,
    has_password=True,
    has_totp=True,
    is_declared=False,
    created_at=START,
    roles={"acme": Role.MANAGER, "other": Role.VIEWER},
)
ALL = "viewer developer manager auditor"
# Call: who may, besides operators.
CALLS: dict[str, tuple[Call, str]] = {
    "get": (
        lambda s, who, name: s.environments.get(who, name),
        ALL,
    ),
    "lock": (lambda s, who, name: s.environments.lock(who, name), "developer manager auditor"),
    "secrets": (lambda s, who, name: s.secrets.list(who, name), "developer manager auditor"),
    "deploy": (lambda s, who, name: s.environments.deploy(who, name), "developer manager"),
    "set-secret": (
        lambda s, who, name: s.secrets.put(who, name, "LICENCE", Sensitive("x")),
        "manager",
    ),
    "destroy": (lambda s, who, name: s.environments.destroy(who, name), "manager"),
    "run": (
        lambda s, who, name: s.runs.get(who, _run(s, name)),
        ALL,
    ),
    "log": (
        lambda s, who, name: s.runs.log(who, _run(s, name)),
        ALL,
    ),
    "open-log": (
        lambda s, who, name: s.runs.open_log(who, _run(s, name), after=0),
        ALL,
    ),
    "cancel": (lambda s, who, name: s.runs.cancel(who, _run(s, name)), "developer manager"),
}


def _run(services: FakeServices, environment: str) -> str:
    found = services.runs.list(OPERATOR, environment=environment).items
    return (found[0] if found else services.environments.deploy(OPERATOR, environment)).id


@pytest.fixture
def services(database: Database, clock: FakeClock, tmp_path: Path) -> FakeServices:
    return fake_services(database, clock, tmp_path)


@pytest.mark.parametrize("who", [VIEWER, DEVELOPER, MANAGER, AUDITOR], ids=lambda who: who.actor)
@pytest.mark.parametrize("name", CALLS)
def test_each_role_does_what_it_may_and_no_more(
    services: FakeServices, name: str, who: Scope
) -> None:
    call, allowed = CALLS[name]
    if who.actor in allowed.split():
        call(services, who, "acme")
        return
    with pytest.raises(Denied):
        call(services, who, "acme")


@pytest.mark.parametrize("name", CALLS)
def test_a_role_with_one_partner_is_none_with_another(services: FakeServices, name: str) -> None:
    call, allowed = CALLS[name]
    both = account_scope(TWO_PARTNERS)
    if "viewer" in allowed.split():
        call(services, both, "other")
        return
    with pytest.raises(Denied):
        call(services, both, "other")
    call(services, both, "acme")


@pytest.mark.parametrize("name", CALLS)
def test_to_outsiders_it_does_not_exist(services: FakeServices, name: str) -> None:
    with pytest.raises(NotFound):
        CALLS[name][0](services, OUTSIDER, "acme")


@pytest.mark.parametrize("name", [name for name in CALLS if name != "get"])
def test_a_token_narrows_even_an_operator(services: FakeServices, name: str) -> None:
    with pytest.raises((Denied, NotFound)):
        CALLS[name][0](services, READER, "acme")


def test_only_who_declares_may_bring_a_lock_from_elsewhere(services: FakeServices) -> None:
    foreign = {**LOCK, "source": {**LOCK["source"], "commit": "e" * 40}}
    deploys = narrowed(OPERATOR, Narrowing("t", scopes=frozenset({Action.ENVIRONMENT_DEPLOY})))
    for who in (MANAGER, deploys):
        with pytest.raises(LockForeign):
            services.environments.deploy(who, "acme", locked=foreign)
    services.environments.deploy(OPERATOR, "acme", locked=foreign)


def test_whoever_may_look_at_machines_changes_none(services: FakeServices) -> None:
    services.instances.get(AUDITOR, "spare")
    for call in (services.instances.provision, services.instances.destroy):
        with pytest.raises(Denied):
            call(AUDITOR, "spare")
