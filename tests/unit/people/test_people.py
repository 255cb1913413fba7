import datetime as dt
import stat
from pathlib import Path

import pytest
import sqlalchemy as sa

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
    return TokenStore(database, clock)


def _create(database: Database, store: TokenStore, grant: TokenGrant) -> str:
    with database.transaction() as transaction:
        return store.create(transaction, system_scope(), grant).reveal()


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
    grant = TokenGrant("tests", "tests of acme", ActorKind.TESTS, frozenset({"acme"}))
    scope = store.authenticate(_create(database, store, grant))
    assert scope == routes_scope("tests of acme", frozenset({"acme"}))
    assert scope is not None
    assert (scope.kind, scope.is_for_routes_only) == (ActorKind.MEMBER, True)


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


def test_a_member_makes_no_tokens(database: Database, store: TokenStore) -> None:
    with pytest.raises(PermissionError), database.transaction() as transaction:
        store.create(transaction, member_scope("ben", frozenset()), TokenGrant("mine", "anna"))


def test_first_run_writes_one_private_operator_token(
    database: Database, store: TokenStore, tmp_path: Path
) -> None:
    file = tmp_path / "state" / "operator.token"
    assert ensure_operator_token(store, database, system_scope(), file)
    assert not ensure_operator_token(store, database, system_scope(), file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert store.authenticate(file.read_text().strip()) == operator_scope("operator")
