import datetime as dt

import pytest
import sqlalchemy as sa

from guesthouse.db import Database
from guesthouse.db.tables import environments, partners, products, tokens
from guesthouse.environments.model import EnvironmentState
from guesthouse.gateway.model import Decision
from guesthouse.gateway.service import DESTROYING, AuthorisationService
from guesthouse.people import ActorKind, member_scope, operator_scope, system_scope
from guesthouse.people.tokens import TokenGrant, TokenStore, new_token
from tests.fakes.clock import START, FakeClock

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
    return TokenStore(database, clock)


@pytest.fixture
def service(database: Database, store: TokenStore) -> AuthorisationService:
    return AuthorisationService(database, store)


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
    assert service.authorise(authorization, environment=environment, route="app") is decision


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
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
    service: AuthorisationService, authorization: str | None, environment: str
) -> None:
    decision = service.authorise(authorization, environment=environment, route="app")
    assert decision is Decision.UNAUTHENTICATED


def test_the_schemes_case_does_not_matter(
    database: Database, store: TokenStore, service: AuthorisationService
) -> None:
    authorization = header(database, store, MEMBER).replace("Bearer", "bEARER")
    assert service.authorise(authorization, environment="acme", route="app") is Decision.ALLOWED


def test_an_expired_token_passes_no_more(
    database: Database, store: TokenStore, service: AuthorisationService, clock: FakeClock
) -> None:
    authorization = header(database, store, MEMBER)
    clock.advance(HOUR)
    decision = service.authorise(authorization, environment="acme", route="app")
    assert decision is Decision.UNAUTHENTICATED


def test_a_revoked_token_passes_no_more(
    database: Database, store: TokenStore, service: AuthorisationService
) -> None:
    authorization = header(database, store, MEMBER)
    with database.transaction() as transaction:
        store.revoke(transaction, system_scope(), transaction.scalar(sa.select(tokens.c.id)))
    decision = service.authorise(authorization, environment="acme", route="app")
    assert decision is Decision.UNAUTHENTICATED


def test_a_known_scope_needs_no_token(service: AuthorisationService, store: TokenStore) -> None:
    del store  # made the environments
    member = member_scope("member", frozenset({"acme"}))
    outsider = member_scope("outsider", frozenset({"other"}))
    assert service.authorise(member, environment="acme", route="app") is Decision.ALLOWED
    assert service.authorise(outsider, environment="acme", route="app") is Decision.NOT_FOUND
    owner = operator_scope("owner")
    assert service.authorise(owner, environment="acme", route="app") is Decision.ALLOWED


def test_the_gateway_and_environments_mean_the_same_state() -> None:
    # The gateway may not import environments, so it writes the word itself.
    assert EnvironmentState.ENDING.value == DESTROYING
