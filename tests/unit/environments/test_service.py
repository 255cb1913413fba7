from pathlib import Path

import pytest

from guesthouse import audit
from guesthouse.adapters.secrets import FileKeyCipher
from guesthouse.db import Database
from guesthouse.db.tables import instances, partners, products, secrets
from guesthouse.environments.model import (
    EnvironmentEnding,
    EnvironmentNotFound,
    EnvironmentState,
    LockForeign,
    LockMissing,
)
from guesthouse.environments.secrets import (
    EnvironmentSecrets,
    SecretMissing,
    SecretNameInvalid,
    SecretStatus,
)
from guesthouse.environments.service import DEPLOY, DESTROY, EnvironmentService
from guesthouse.environments.store import EnvironmentStore
from guesthouse.errors import Invalid
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import member_scope, operator_scope, system_scope
from guesthouse.runs import Flow, FlowRegistry, Json, Run, RunContext, RunService, StepDefinition
from guesthouse.stacks.model import SecretDeclaration
from tests.fakes.clock import START, FakeClock

OWNER = operator_scope("owner")
MEMBER = member_scope("member", frozenset({"acme"}))
OUTSIDER = member_scope("outsider", frozenset({"other"}))
DESIRED = {
    "name": "acme",
    "partner": "acme",
    "product": "shop",
    "instance": "here",
    "phase": "development",
    "source": {"git": "https://git.example/shop.git", "ref": "main", "path": ""},
    "variables": {},
    "commit": "a" * 40,
}
LOCK = {
    "lock": 1,
    "product": "shop",
    "source": {"commit": "b" * 40},
    "variables": {"TITLE": "then"},
}


async def _nothing(_context: RunContext) -> Json:
    return {}


@pytest.fixture
def service(database: Database, clock: FakeClock) -> EnvironmentService:
    common = {"desired": {}, "created_at": START, "updated_at": START}
    with database.transaction() as transaction:
        transaction.insert(partners, name="acme", **common)
        transaction.insert(products, name="shop", **common)
        transaction.insert(instances, name="here", provider="local", state="declared", **common)
    step = StepDefinition("nothing", _nothing, idempotent=True)
    registry = FlowRegistry([Flow(DEPLOY, [step]), Flow(DESTROY, [step])])
    return EnvironmentService(database, clock, RunService(database, clock, registry))


def _put(database: Database, service: EnvironmentService, **changed: object) -> Run:
    with database.transaction() as transaction:
        return service.put(transaction, OWNER, {**DESIRED, **changed})


def test_putting_writes_the_row_the_run_and_the_audit_together(
    database: Database, service: EnvironmentService
) -> None:
    run = _put(database, service)
    found = service.get(OWNER, "acme")
    assert (found.state, found.subnet_index) == (EnvironmentState.PENDING, 0)
    assert (run.kind, run.environment, run.partner) == (DEPLOY, "acme", "acme")
    with database.reading() as transaction:
        actions = [entry.action for entry in audit.entries(transaction, OWNER)]
    assert actions == ["run.queued", "environment.create"]


def test_the_second_environment_has_another_network(
    database: Database, service: EnvironmentService
) -> None:
    _put(database, service)
    _put(database, service, name="acme-two")
    _put(database, service)
    assert service.get(OWNER, "acme").subnet_index == 0
    assert service.get(OWNER, "acme-two").subnet_index == 1


def test_outsiders_see_no_environment(database: Database, service: EnvironmentService) -> None:
    _put(database, service)
    assert service.get(MEMBER, "acme").name == "acme"
    assert service.list(OUTSIDER).items == ()
    for act in (service.get, service.lock, service.deploy, service.destroy):
        with pytest.raises(EnvironmentNotFound):
            act(OUTSIDER, "acme")


def test_what_never_ran_has_no_lock(database: Database, service: EnvironmentService) -> None:
    _put(database, service)
    with pytest.raises(LockMissing, match="never been up"):
        service.lock(OWNER, "acme")


def test_what_serves_is_shown_with_its_addresses(
    database: Database, service: EnvironmentService
) -> None:
    run = _put(database, service)
    lock = {"routes": {"api": {"url": "https://api--acme.apps.localhost/", "access": "platform"}}}
    with database.transaction() as transaction:
        EnvironmentStore().serve(
            system_scope(), transaction, "acme", run=run.id, lock=lock, commit="a" * 40
        )
    found = service.get(MEMBER, "acme")
    assert [address.url for address in found.addresses] == ["https://api--acme.apps.localhost/"]
    assert (found.commit, found.current_run) == ("a" * 40, run.id)


def test_what_is_being_destroyed_takes_no_more_orders(
    database: Database, service: EnvironmentService
) -> None:
    _put(database, service)
    assert service.destroy(OWNER, "acme").kind == DESTROY
    for act in (service.deploy, service.destroy):
        with pytest.raises(EnvironmentEnding):
            act(OWNER, "acme")


def test_a_lock_is_deployed_at_its_commit_with_its_variables(
    database: Database, service: EnvironmentService
) -> None:
    _put(database, service)
    run = service.deploy(OWNER, "acme", locked=LOCK)
    assert run.payload["desired"]["commit"] == "b" * 40
    assert run.payload["desired"]["variables"] == {"TITLE": "then"}
    assert run.payload["locked"] == LOCK


@pytest.mark.parametrize(
    ("locked", "says"),
    [
        ({**LOCK, "product": "till"}, "of till, not of shop"),
        ({**LOCK, "lock": 99}, "no lock this version"),
        ({"lock": 1, "product": "shop", "source": "x"}, "no lock this version"),
        ({**LOCK, "source": {}}, "names no commit"),
        ({**LOCK, "variables": ["x"]}, "are no mapping"),
    ],
    ids=["another product", "another format", "no source", "no commit", "odd variables"],
)
def test_a_lock_that_cannot_be_meant_is_refused(
    database: Database, service: EnvironmentService, locked: Json, says: str
) -> None:
    _put(database, service)
    with pytest.raises(Invalid, match=says):
        service.deploy(OWNER, "acme", locked=locked)


def test_a_member_deploys_no_lock_but_the_environments_own(
    database: Database, service: EnvironmentService
) -> None:
    first = _put(database, service)
    with pytest.raises(LockForeign, match="not the lock of environment acme"):
        service.deploy(MEMBER, "acme", locked=LOCK)
    with database.transaction() as transaction:
        EnvironmentStore().serve(
            system_scope(), transaction, "acme", run=first.id, lock=LOCK, commit="b" * 40
        )
    assert service.deploy(MEMBER, "acme", locked=LOCK).payload["locked"] == LOCK
    with pytest.raises(LockForeign):
        service.deploy(MEMBER, "acme", locked={**LOCK, "source": {"commit": "c" * 40}})


@pytest.fixture
def vault(database: Database, clock: FakeClock, tmp_path: Path) -> EnvironmentSecrets:
    return EnvironmentSecrets(database, clock, FileKeyCipher(tmp_path / "secrets.key"))


def test_a_secret_is_made_once_and_kept_sealed(
    database: Database, service: EnvironmentService, vault: EnvironmentSecrets
) -> None:
    _put(database, service)
    declared = (SecretDeclaration("PASSWORD"),)
    first = vault.values(system_scope(), "acme", declared)["PASSWORD"]
    assert vault.values(system_scope(), "acme", declared)["PASSWORD"] == first
    assert len(first.reveal()) == 32
    with database.reading() as transaction:
        sealed = [bytes(row["sealed"]) for row in transaction.rows(secrets.select())]
    assert all(first.reveal().encode() not in text for text in sealed)


def test_a_secret_that_must_be_given_is_asked_for(
    database: Database, service: EnvironmentService, vault: EnvironmentSecrets
) -> None:
    _put(database, service)
    declared = (SecretDeclaration("LICENCE", generate=False),)
    with pytest.raises(SecretMissing, match="LICENCE") as caught:
        vault.values(system_scope(), "acme", declared)
    assert caught.value.next_step == "guesthouse env secret set acme LICENCE"
    assert vault.list(MEMBER, "acme") == (SecretStatus("LICENCE", is_set=False),)
    vault.put(OWNER, "acme", "LICENCE", Sensitive("given"))
    assert vault.values(system_scope(), "acme", declared)["LICENCE"] == Sensitive("given")
    assert vault.list(MEMBER, "acme") == (SecretStatus("LICENCE", is_set=True),)


def test_all_secrets_that_must_be_given_are_asked_for_at_once(
    database: Database, service: EnvironmentService, vault: EnvironmentSecrets
) -> None:
    _put(database, service)
    names = ("LICENCE", "SMTP")
    declared = tuple(SecretDeclaration(name, generate=False) for name in names)
    for _ in range(2):
        with pytest.raises(SecretMissing, match="LICENCE, SMTP"):
            vault.values(system_scope(), "acme", (*declared, SecretDeclaration("MADE")))
    assert [(found.name, found.is_set) for found in vault.list(OWNER, "acme")] == [
        ("LICENCE", False),
        ("SMTP", False),
    ]


def test_a_secret_is_recorded_without_its_value(
    database: Database, service: EnvironmentService, vault: EnvironmentSecrets
) -> None:
    _put(database, service)
    vault.put(MEMBER, "acme", "LICENCE", Sensitive("given"))
    with database.reading() as transaction:
        entry = audit.entries(transaction, OWNER, limit=1)[0]
    assert (entry.actor, entry.action, entry.object, entry.detail) == (
        MEMBER.actor,
        "secret.set",
        "environment/acme",
        {"secret": "LICENCE"},
    )


def test_outsiders_set_and_see_no_secrets(
    database: Database, service: EnvironmentService, vault: EnvironmentSecrets
) -> None:
    _put(database, service)
    with pytest.raises(EnvironmentNotFound):
        vault.put(OUTSIDER, "acme", "LICENCE", Sensitive("given"))
    with pytest.raises(EnvironmentNotFound):
        vault.list(OUTSIDER, "acme")
    assert vault.list(OWNER, "acme") == ()


@pytest.mark.parametrize("name", ["", "guesthouse-salt", "A B", "1A", "A" * 64, "A\n"])
def test_what_no_product_asks_for_is_no_name_of_a_secret(
    database: Database, service: EnvironmentService, vault: EnvironmentSecrets, name: str
) -> None:
    _put(database, service)
    with pytest.raises(SecretNameInvalid):
        vault.put(OWNER, "acme", name, Sensitive("given"))
