import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa

from guesthouse import audit
from guesthouse.db import Database
from guesthouse.db.tables import environments, tokens
from guesthouse.environments.service import DESTROY
from guesthouse.errors import Denied, NotFound
from guesthouse.estate.departure import (
    Holdings,
    PartnerStands,
    SnapshotImpossible,
    StillLeaving,
)
from guesthouse.estate.model import PartnerGone
from guesthouse.gateway.model import Decision, Presented
from guesthouse.people import ActorKind, Role, Scope
from guesthouse.people.errors import PartnerOffboarded
from guesthouse.people.model import Account, InvitationRequest
from guesthouse.people.tokens import TokenGrant
from guesthouse.runs import RunState
from tests.fakes.clock import START, FakeClock
from tests.fakes.people import HERE, come_in, signed_in
from tests.fakes.running import HandWorker
from tests.fakes.services import ESTATE, MEMBER, OPERATOR, OUTSIDER, FakeServices, fake_services

ADDRESS = "https://app--acme.apps.localhost:8443/"
OTHERS_ESTATE = {
    name: text for name, text in ESTATE.items() if name.startswith(("estate", "instances"))
}


@pytest.fixture
def services(database: Database, clock: FakeClock, tmp_path: Path) -> FakeServices:
    return fake_services(database, clock, tmp_path)


def _token(services: FakeServices, scope: Scope, *partners: str) -> str:
    grant = TokenGrant("laptop", scope.actor, partners=frozenset(partners) or None)
    with services.database.transaction() as transaction:
        return services.tokens.create(transaction, scope, grant).reveal()


async def _session(services: FakeServices, account: Account) -> str:
    return services.signin.after_invitation(account, HERE).secret.reveal()


def _sentences(services: FakeServices, partner: str = "acme") -> list[str]:
    done = services.offboarding.offboard(OPERATOR, partner)
    return [each.sentence for each in done.evidence]


async def test_a_plan_shows_all_that_ends_and_changes_nothing(services: FakeServices) -> None:
    ann = await come_in(services.people, "ann", "acme", Role.MANAGER)
    scope = signed_in(services.people, ann)
    _token(services, scope)
    services.accounts.invite(
        scope, InvitationRequest("ben", "Ben", ActorKind.MEMBER, "acme", Role.VIEWER)
    )
    run = services.environments.deploy(OPERATOR, "acme")
    plan = services.offboarding.plan(OPERATOR, "acme")
    found = plan.holdings
    assert [(each.login, each.role, each.keeps_account) for each in found.members] == [
        ("ann", Role.MANAGER, False)
    ]
    assert (found.sessions, found.tokens, found.invitations) == (1, 1, 1)
    assert [(each.name, len(each.routes)) for each in found.environments] == [("acme", 1)]
    assert [each.id for each in found.runs] == [run.id]
    assert plan.offboarded_at is None
    assert services.offboarding.plan(OPERATOR, "acme") == plan


async def test_evidence_counts_what_has_ended(services: FakeServices) -> None:
    ann = await come_in(services.people, "ann", "acme", Role.MANAGER)
    scope = signed_in(services.people, ann)
    _token(services, scope)
    services.accounts.invite(
        scope, InvitationRequest("ben", "Ben", ActorKind.MEMBER, "acme", Role.VIEWER)
    )
    run = services.environments.deploy(OPERATOR, "acme")
    done = services.offboarding.offboard(OPERATOR, "acme")
    assert [each.sentence for each in done.evidence] == [
        "1 member was seen out: ann",
        "1 account was disabled: ann",
        "1 session was ended",
        "1 token was revoked",
        "1 invitation was revoked",
        "0 sign-ins of programs were ended",
        "0 browsers were signed out of routes",
        f"1 run was cancelled: {run.id}",
        "1 environment was ended: acme",
        f"1 route was closed to everybody within 5 seconds: {ADDRESS}",
        f"1 run was queued to destroy what is on instances: {done.runs[0].id}",
    ]
    assert {each.at for each in done.evidence} == {START}
    assert done.left == Holdings()
    assert services.runs.get(OPERATOR, run.id).state is RunState.CANCELLED
    assert done.runs[0].kind == DESTROY


async def test_nobody_of_an_offboarded_partner_is_let_in(services: FakeServices) -> None:
    ann = await come_in(services.people, "ann", "acme", Role.MANAGER)
    session = await _session(services, ann)
    token = _token(services, signed_in(services.people, ann))
    presented = Presented(f"Bearer {token}", "")
    ask = services.authorisation.authorise
    assert ask(presented, environment="acme", route="app").decision is Decision.ALLOWED
    services.offboarding.offboard(OPERATOR, "acme")
    assert services.sessions.authenticate(session) is None
    assert services.tokens.authenticate(token) is None
    assert ask(presented, environment="acme", route="app").decision is Decision.UNAUTHENTICATED
    operators = Presented(f"Bearer {services.token(OPERATOR)}", "")
    assert ask(operators, environment="acme", route="app").decision is Decision.DENIED


async def test_a_member_of_two_partners_keeps_the_other(services: FakeServices) -> None:
    ann = await come_in(services.people, "ann", "acme", Role.MANAGER)
    invited = services.accounts.invite(
        OPERATOR, InvitationRequest("ann", "Ann", ActorKind.MEMBER, "other", Role.VIEWER)
    )
    services.accounts.join(signed_in(services.people, ann), invited.code.reveal())
    session = await _session(services, ann)
    scope = services.sessions.authenticate(session)
    assert scope is not None
    both, only = _token(services, scope, "acme", "other"), _token(services, scope, "acme")
    done = services.offboarding.offboard(OPERATOR, "acme")
    assert [each.sentence for each in done.evidence][:4] == [
        "1 member was seen out: ann",
        "0 accounts were disabled",
        "0 sessions were ended",
        "1 token was revoked",
    ]
    left = services.sessions.authenticate(session)
    narrowed = services.tokens.authenticate(both)
    assert left is not None
    assert narrowed is not None
    assert dict(left.roles) == {"other": Role.VIEWER}
    assert narrowed.partners == frozenset({"other"})
    assert services.tokens.authenticate(only) is None


async def test_another_partner_is_left_alone(services: FakeServices) -> None:
    eve = await come_in(services.people, "eve", "other", Role.MANAGER)
    session = await _session(services, eve)
    run = services.environments.deploy(OPERATOR, "other")
    before = services.offboarding.plan(OPERATOR, "other")
    services.offboarding.offboard(OPERATOR, "acme")
    assert services.offboarding.plan(OPERATOR, "other") == before
    assert services.sessions.authenticate(session) is not None
    assert services.runs.get(OPERATOR, run.id).state is RunState.QUEUED


async def test_offboarding_again_ends_nothing_and_says_so(services: FakeServices) -> None:
    await come_in(services.people, "ann", "acme", Role.MANAGER)
    first = services.offboarding.offboard(OPERATOR, "acme")
    rows = len(_rows(services))
    again = services.offboarding.offboard(OPERATOR, "acme")
    assert {each.count for each in again.evidence} == {0}
    assert again.offboarded_at == first.offboarded_at
    assert not again.runs
    assert len(_rows(services)) == rows


def test_offboarding_again_destroys_what_could_not_be_destroyed(
    services: FakeServices, database: Database
) -> None:
    first = services.offboarding.offboard(OPERATOR, "acme")
    worker = HandWorker(database)
    worker.fail(first.runs[0], "the machine does not answer", next_step="", detail="")
    with database.transaction() as transaction:
        failed = sa.update(environments).where(environments.c.name == "acme")
        transaction.change(failed.values(state="failed"))
    again = services.offboarding.offboard(OPERATOR, "acme")
    assert [run.environment for run in again.runs] == ["acme"]
    assert again.evidence[8].sentence == "1 environment was ended: acme"


def test_a_running_run_is_asked_to_end(services: FakeServices, database: Database) -> None:
    run = services.environments.deploy(OPERATOR, "acme")
    HandWorker(database).start(run)
    done = services.offboarding.offboard(OPERATOR, "acme")
    assert done.evidence[7].sentence == f"1 run was cancelled: {run.id}"
    assert services.runs.get(OPERATOR, run.id).cancel_requested


def test_a_snapshot_is_refused_and_nothing_ends(services: FakeServices) -> None:
    before = services.offboarding.plan(OPERATOR, "acme")
    with pytest.raises(SnapshotImpossible, match="this version makes none"):
        services.offboarding.offboard(OPERATOR, "acme", keep_snapshot=True)
    assert services.offboarding.plan(OPERATOR, "acme") == before


@pytest.mark.parametrize(
    ("scope", "error"),
    [pytest.param(MEMBER, Denied, id="manager"), pytest.param(OUTSIDER, NotFound, id="outsider")],
)
def test_only_operators_offboard(
    services: FakeServices, scope: Scope, error: type[Exception]
) -> None:
    for call in (services.offboarding.plan, services.offboarding.offboard):
        with pytest.raises(error):
            call(scope, "acme")
    with pytest.raises(error):
        services.offboarding.readmit(scope, "acme")


def test_it_is_one_row_of_the_audit_log_that_tells_of_it(services: FakeServices) -> None:
    done = services.offboarding.offboard(OPERATOR, "acme")
    row = _rows(services)[0]
    assert (row.action, row.object) == ("partner.offboard", "partner/acme")
    assert done.noted.startswith(f"{row.sequence}:")
    with services.database.reading() as transaction:
        assert audit.verify(transaction, audit.mark_of(done.noted)) is None


def test_nothing_is_made_for_an_offboarded_partner(services: FakeServices) -> None:
    services.offboarding.offboard(OPERATOR, "acme")
    with pytest.raises(PartnerOffboarded, match="acme was offboarded on"):
        services.accounts.invite(
            OPERATOR, InvitationRequest("ann", "Ann", ActorKind.MEMBER, "acme", Role.VIEWER)
        )
    with pytest.raises(PartnerOffboarded):
        services.partners.add(OPERATOR, "acme", "Acme Ltd")
    with pytest.raises(PartnerOffboarded):
        services.environments.deploy(OPERATOR, "acme")


async def test_an_estate_that_still_declares_it_is_refused(services: FakeServices) -> None:
    services.offboarding.offboard(OPERATOR, "acme")
    for use in (services.estate.plan, services.estate.apply):
        with pytest.raises(PartnerGone) as refused:
            await use(OPERATOR, ESTATE)
        assert refused.value.where == "partners/acme.yaml"
        assert "guesthouse partner readmit acme" in refused.value.next_step


async def test_an_estate_without_it_applies_and_it_stays_on_record(
    services: FakeServices, database: Database
) -> None:
    services.offboarding.offboard(OPERATOR, "acme")
    _forget(database)
    applied = await services.estate.apply(OPERATOR, OTHERS_ESTATE)
    assert "acme" in [change.name for change in applied.plan.changes]
    info = services.partners.get(OPERATOR, "acme")
    assert info.offboarded_at == START
    again = await services.estate.plan(OPERATOR, OTHERS_ESTATE)
    assert "acme" not in [change.name for change in again.changes]


async def test_a_readmitted_partner_begins_with_nobody(
    services: FakeServices, database: Database, clock: FakeClock
) -> None:
    await come_in(services.people, "ann", "acme", Role.MANAGER)
    services.offboarding.offboard(OPERATOR, "acme")
    with pytest.raises(StillLeaving, match="acme"):
        services.offboarding.readmit(OPERATOR, "acme")
    _forget(database)
    clock.advance(dt.timedelta(days=1))
    assert services.offboarding.readmit(OPERATOR, "acme") == 1
    assert services.accounts.members(OPERATOR, "acme") == ()
    ann = services.accounts.accounts(OPERATOR)[0]
    assert (ann.login, ann.disabled_at, dict(ann.roles)) == ("ann", None, {})
    with pytest.raises(PartnerStands):
        services.offboarding.readmit(OPERATOR, "acme")
    await services.estate.plan(OPERATOR, ESTATE)


async def test_a_browser_at_a_route_is_signed_out(services: FakeServices) -> None:
    ann = await come_in(services.people, "ann", "acme", Role.VIEWER)
    scope = signed_in(services.people, ann)
    code = services.gateway_door.issue(scope, "acme", "app", "s" * 32, "/")
    cookie, _ = services.gateway_door.exchange(code.reveal(), "acme", "app", "s" * 32)
    assert services.gateway_door.authenticate(cookie.reveal(), "acme", "app") is not None
    assert "1 browser was signed out of routes" in _sentences(services)
    assert services.gateway_door.authenticate(cookie.reveal(), "acme", "app") is None


async def test_routes_that_ask_nobody_are_named(
    services: FakeServices, database: Database
) -> None:
    lock = {"routes": {"app": {"url": "https://app--acme.test/", "access": "public"}}}
    with database.transaction() as transaction:
        change = sa.update(environments).where(environments.c.name == "acme")
        transaction.change(change.values(lock=lock))
    assert _sentences(services)[-1] == (
        "1 route asks nobody and answers until it is destroyed: https://app--acme.test/"
    )


def test_a_token_the_machine_made_for_it_ends(services: FakeServices, database: Database) -> None:
    services.token(MEMBER)
    assert "1 token was revoked" in _sentences(services)
    with database.reading() as transaction:
        rows = transaction.rows(sa.select(tokens).where(tokens.c.revoked_at.is_(None)))
    assert [row["actor"] for row in rows] == []


def _forget(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.change(sa.delete(environments).where(environments.c.name == "acme"))


def _rows(services: FakeServices) -> list[audit.Entry]:
    with services.database.reading() as transaction:
        return list(audit.entries(transaction, OPERATOR, audit.Filters(), limit=500))
