import datetime as dt

import pytest
import sqlalchemy as sa

from guesthouse.audit import AuditTrail
from guesthouse.db import Database
from guesthouse.db.tables import environments, partners, products, tokens
from guesthouse.environments.model import EnvironmentState
from guesthouse.gateway.model import Decision, Identity, Presented
from guesthouse.gateway.service import DESTROYING, AuthorisationService
from guesthouse.people import ActorKind, Scope, member_scope, operator_scope, system_scope
from guesthouse.people.model import Role
from guesthouse.people.scope import anonymous_scope, auditor_scope
from guesthouse.people.tokens import TokenGrant, TokenStore, new_token
from tests.fakes.clock import START, FakeClock
from tests.fakes.door import FakeDoor

ACME, OTHER = frozenset({"acme"}), frozenset({"other"})
HOUR = dt.timedelta(hours=1)
MEMBER = TokenGrant("member's", "member", ActorKind.MEMBER, frozenset({"acme"}), HOUR)
OUTSIDER = TokenGrant("outsider's", "outsider", ActorKind.MEMBER, frozenset({"other"}), HOUR)
OWNER = TokenGrant("owner's", "owner")
TESTS = TokenGrant("tests'", "tests of acme", ActorKind.TESTS, frozenset({"acme"}), HOUR, "acme")


@pytest.fixture
def store(database: Database, clock: FakeClock) -> TokenStore:
    with database.transaction() as transaction:
        common = {"created_at": START, "updated_at": START, "desired": {}}
        transaction.insert(partners, name="acme", **common)
        transaction.insert(products, name="beacon", **common)
        for name, state in (("acme", "ready"), ("spare", "ready"), ("old", "destroying")):
            transaction.insert(
                environments,
                name=name,
                partner="acme",
                product="beacon",
                phase="development",
                state=state,
                **common,
            )
    return TokenStore(database, clock, AuditTrail(clock))


@pytest.fixture
def service(database: Database, store: TokenStore) -> AuthorisationService:
    return AuthorisationService(database, store)


def decision_of(service: AuthorisationService, authorization: str, environment: str) -> Decision:
    presented = Presented(authorization)
    return service.authorise(presented, environment=environment, route="app").decision


def header(database: Database, store: TokenStore, grant: TokenGrant) -> str:
    with database.transaction() as transaction:
        return f"Bearer {store.create(transaction, system_scope(), grant).reveal()}"


@pytest.mark.parametrize(
    ("grant", "environment", "decision"),
    [
        pytest.param(OWNER, "acme", Decision.ALLOWED, id="owner"),
        pytest.param(MEMBER, "acme", Decision.ALLOWED, id="member"),
        pytest.param(TESTS, "acme", Decision.ALLOWED, id="tests"),
        pytest.param(MEMBER, "spare", Decision.ALLOWED, id="member-another"),
        pytest.param(TESTS, "spare", Decision.NOT_FOUND, id="tests-another"),
        pytest.param(TESTS, "old", Decision.NOT_FOUND, id="tests-another-being-destroyed"),
        pytest.param(OUTSIDER, "acme", Decision.NOT_FOUND, id="outsider"),
        pytest.param(OUTSIDER, "nowhere", Decision.NOT_FOUND, id="outsider-nowhere"),
        pytest.param(MEMBER, "nowhere", Decision.NOT_FOUND, id="member-nowhere"),
        pytest.param(OWNER, "nowhere", Decision.NOT_FOUND, id="owner-nowhere"),
        pytest.param(MEMBER, "old", Decision.DENIED, id="member-being-destroyed"),
        pytest.param(OUTSIDER, "old", Decision.NOT_FOUND, id="outsider-being-destroyed"),
    ],
)
def test_a_token_passes_where_its_scope_reaches(
    database: Database,
    store: TokenStore,
    service: AuthorisationService,
    grant: TokenGrant,
    environment: str,
    decision: Decision,
) -> None:
    authorization = header(database, store, grant)
    assert decision_of(service, authorization, environment) is decision


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param("", id="none"),
        pytest.param("Bearer", id="no-token"),
        pytest.param("Bearer ", id="blank-token"),
        pytest.param("Basic dXNlcjpwYXNz", id="basic"),
        pytest.param("Bearer not-a-token", id="malformed"),
        pytest.param(f"Bearer {new_token().reveal()}", id="unknown"),
        pytest.param(new_token().reveal(), id="no-scheme"),
    ],
)
@pytest.mark.parametrize("environment", ["acme", "nowhere"])
def test_anonymous_learns_nothing(
    service: AuthorisationService, authorization: str, environment: str
) -> None:
    decision = decision_of(service, authorization, environment)
    assert decision is Decision.UNAUTHENTICATED


def test_the_schemes_case_does_not_matter(
    database: Database, store: TokenStore, service: AuthorisationService
) -> None:
    authorization = header(database, store, MEMBER).replace("Bearer", "bEARER")
    assert decision_of(service, authorization, "acme") is Decision.ALLOWED


def test_an_expired_token_passes_no_more(
    database: Database, store: TokenStore, service: AuthorisationService, clock: FakeClock
) -> None:
    authorization = header(database, store, MEMBER)
    clock.advance(HOUR)
    decision = decision_of(service, authorization, "acme")
    assert decision is Decision.UNAUTHENTICATED


def test_a_revoked_token_passes_no_more(
    database: Database, store: TokenStore, service: AuthorisationService
) -> None:
    authorization = header(database, store, MEMBER)
    with database.transaction() as transaction:
        store.revoke(transaction, system_scope(), transaction.scalar(sa.select(tokens.c.id)))
    decision = decision_of(service, authorization, "acme")
    assert decision is Decision.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("grant", "identity"),
    [
        pytest.param(MEMBER, Identity("member", "manager", "acme"), id="member"),
        pytest.param(OWNER, Identity("owner", "operator"), id="owner"),
        pytest.param(TESTS, Identity("tests of acme", "viewer", "acme"), id="tests"),
    ],
)
def test_products_are_told_who_it_is(
    database: Database,
    store: TokenStore,
    service: AuthorisationService,
    grant: TokenGrant,
    identity: Identity,
) -> None:
    presented = Presented(header(database, store, grant))
    answer = service.authorise(presented, environment="acme", route="app")
    assert answer.identity == identity


def test_nobody_refused_is_named(
    database: Database, store: TokenStore, service: AuthorisationService
) -> None:
    presented = Presented(header(database, store, OUTSIDER))
    assert service.authorise(presented, environment="acme", route="app").identity is None


class TestCookies:
    @pytest.fixture
    def door(self, store: TokenStore) -> FakeDoor:
        del store  # made the environments
        return FakeDoor()

    @pytest.fixture
    def knowing(
        self, database: Database, store: TokenStore, door: FakeDoor
    ) -> AuthorisationService:
        return AuthorisationService(database, store, door)

    @pytest.mark.parametrize(
        ("role", "decision"),
        [
            pytest.param(member_scope("m", ACME), Decision.ALLOWED, id="member"),
            pytest.param(member_scope("v", ACME, Role.VIEWER), Decision.ALLOWED, id="viewer"),
            pytest.param(operator_scope("o"), Decision.ALLOWED, id="owner"),
            pytest.param(member_scope("x", OTHER), Decision.NOT_FOUND, id="outsider"),
            pytest.param(auditor_scope("a"), Decision.DENIED, id="auditor"),
            pytest.param(anonymous_scope(), Decision.NOT_FOUND, id="anonymous"),
        ],
    )
    def test_a_cookie_passes_where_its_scope_reaches(
        self, knowing: AuthorisationService, door: FakeDoor, role: Scope, decision: Decision
    ) -> None:
        door.cookies["kept", "acme", "app"] = role
        presented = Presented(cookie="kept")
        answer = knowing.authorise(presented, environment="acme", route="app")
        assert answer.decision is decision

    def test_a_token_counts_before_a_cookie(
        self, knowing: AuthorisationService, door: FakeDoor
    ) -> None:
        door.cookies["kept", "acme", "app"] = operator_scope("owner")
        presented = Presented("Bearer not-a-token", "kept")
        answer = knowing.authorise(presented, environment="acme", route="app")
        assert answer.decision is Decision.UNAUTHENTICATED

    def test_what_is_no_token_leaves_the_cookie_its_word(
        self, knowing: AuthorisationService, door: FakeDoor
    ) -> None:
        door.cookies["kept", "acme", "app"] = operator_scope("owner")
        presented = Presented("Basic dXNlcjpwYXNz", "kept")
        answer = knowing.authorise(presented, environment="acme", route="app")
        assert answer.decision is Decision.ALLOWED


def test_the_gateway_and_environments_mean_the_same_state() -> None:
    # The gateway may not import environments, so it writes the word itself.
    assert EnvironmentState.ENDING.value == DESTROYING
