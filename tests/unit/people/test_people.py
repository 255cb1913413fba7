import datetime as dt
import stat
from pathlib import Path

import pytest
import sqlalchemy as sa

from guesthouse.audit import AuditTrail
from guesthouse.db import Database
from guesthouse.db.tables import tokens
from guesthouse.people import (
    ActorKind,
    Scope,
    member_scope,
    operator_scope,
    routes_scope,
    system_scope,
)
from guesthouse.people.errors import NotPermitted
from guesthouse.people.tokens import (
    TokenGrant,
    TokenStore,
    ensure_operator_token,
    is_well_formed,
    new_token,
)
from tests.fakes.clock import FakeClock


@pytest.fixture
def store(database: Database, clock: FakeClock) -> TokenStore:
    return TokenStore(database, clock, AuditTrail(clock))


def _create(database: Database, store: TokenStore, grant: TokenGrant) -> str:
    with database.transaction() as transaction:
        return store.create(transaction, system_scope(), grant).reveal()


def _of_tests(environment: str) -> TokenGrant:
    partners = frozenset({"acme"})
    actor = f"tests of {environment}"
    return TokenGrant("tests", actor, ActorKind.TESTS, partners, environment=environment)


def test_a_scope_is_made_only_in_people() -> None:
    with pytest.raises(TypeError):
        Scope("mallory", ActorKind.OPERATOR, None)


@pytest.mark.parametrize(
    ("scope", "partner", "seen"),
    [
        pytest.param(operator_scope("anna"), "acme", True, id="operator-any"),
        pytest.param(operator_scope("anna"), None, True, id="operator-nobodys"),
        pytest.param(member_scope("ben", frozenset({"acme"})), "acme", True, id="member-own"),
        pytest.param(member_scope("ben", frozenset({"acme"})), "other", False, id="member-other"),
        pytest.param(member_scope("ben", frozenset()), None, False, id="member-nobodys"),
    ],
)
def test_scope_sees(scope: Scope, partner: str | None, seen: bool) -> None:  # noqa: FBT001
    assert scope.sees(partner) is seen


def test_tokens_check_themselves() -> None:
    token = new_token().reveal()
    other = "B" if token[10] == "A" else "A"
    assert is_well_formed(token)
    assert not is_well_formed(token[:10] + other + token[11:])
    assert not is_well_formed(token.removeprefix("ghs_"))
    assert not is_well_formed("")


def test_a_token_gives_its_scope(database: Database, store: TokenStore) -> None:
    operator = _create(database, store, TokenGrant("ci", "anna"))
    grant = TokenGrant("ben's", "ben", ActorKind.MEMBER, frozenset({"acme"}))
    assert store.authenticate(operator) == operator_scope("anna")
    assert store.authenticate(_create(database, store, grant)) == member_scope(
        "ben", frozenset({"acme"})
    )
    assert store.authenticate(new_token().reveal()) is None


def test_a_token_of_tests_is_for_routes_only(database: Database, store: TokenStore) -> None:
    grant = _of_tests("acme")
    scope = store.authenticate(_create(database, store, grant))
    assert scope == routes_scope("tests of acme", frozenset({"acme"}), "acme")
    assert scope is not None
    assert (scope.kind, scope.is_for_routes_only) == (ActorKind.MEMBER, True)


@pytest.mark.parametrize(
    ("kind", "environment"), [(ActorKind.TESTS, None), (ActorKind.MEMBER, "acme")]
)
def test_a_token_of_tests_and_no_other_is_bound(kind: ActorKind, environment: str | None) -> None:
    with pytest.raises(ValueError, match="bound to an environment"):
        TokenGrant("any", "any", kind, frozenset({"acme"}), environment=environment)


def test_a_token_of_tests_from_before_they_were_bound_opens_nothing(
    database: Database, store: TokenStore
) -> None:
    token = _create(database, store, _of_tests("acme"))
    with database.transaction() as transaction:
        transaction.change(sa.update(tokens).values(environment=None))
    scope = store.authenticate(token)
    assert scope is not None
    assert scope.is_for_routes_only
    assert not scope.opens_routes_of("acme")


def test_tokens_of_tests_end_with_the_tests_of_their_environment(
    database: Database, store: TokenStore
) -> None:
    ended = _create(database, store, _of_tests("acme"))
    other = _create(database, store, _of_tests("spare"))
    members = _create(database, store, TokenGrant("m", "m", ActorKind.MEMBER, frozenset({"acme"})))
    with database.transaction() as transaction:
        assert store.revoke_of_tests(transaction, system_scope(), "acme") == 1
        assert store.revoke_of_tests(transaction, system_scope(), "acme") == 0
    assert [store.authenticate(token) is None for token in (ended, other, members)] == [
        True,
        False,
        False,
    ]


def test_only_the_system_ends_tokens_of_tests(database: Database, store: TokenStore) -> None:
    with pytest.raises(PermissionError), database.transaction() as transaction:
        store.revoke_of_tests(transaction, operator_scope("owner"), "acme")


def test_a_token_is_kept_only_as_a_digest(database: Database, store: TokenStore) -> None:
    token = _create(database, store, TokenGrant("ci", "anna"))
    with database.reading() as transaction:
        row = transaction.row(sa.select(tokens))
    assert token not in str(row)


def test_an_expired_token_gives_nothing(
    database: Database, store: TokenStore, clock: FakeClock
) -> None:
    token = _create(database, store, TokenGrant("ci", "anna", lifetime=dt.timedelta(hours=1)))
    clock.advance(dt.timedelta(hours=1))
    assert store.authenticate(token) is None


def test_a_revoked_token_gives_nothing(database: Database, store: TokenStore) -> None:
    token = _create(database, store, TokenGrant("ci", "anna"))
    with database.transaction() as transaction:
        token_id = transaction.scalar(sa.select(tokens.c.id))
        assert not store.revoke(transaction, member_scope("ben", frozenset()), token_id)
        assert store.revoke(transaction, operator_scope("anna"), token_id)
        assert not store.revoke(transaction, operator_scope("anna"), token_id)
    assert store.authenticate(token) is None


def test_who_has_no_account_makes_no_tokens(database: Database, store: TokenStore) -> None:
    with pytest.raises(NotPermitted), database.transaction() as transaction:
        store.create(transaction, member_scope("ben", frozenset()), TokenGrant("mine", "anna"))


def test_first_run_writes_one_private_operator_token(
    database: Database, store: TokenStore, tmp_path: Path
) -> None:
    file = tmp_path / "state" / "operator.token"
    assert ensure_operator_token(store, database, system_scope(), file)
    assert not ensure_operator_token(store, database, system_scope(), file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert store.authenticate(file.read_text().strip()) == operator_scope("operator")
