"""The use cases of environments: put, look, lock, deploy, destroy."""

from collections.abc import Sequence

from guesthouse import audit
from guesthouse.config import DEFAULT_NETWORK_POOL
from guesthouse.db import Database, Transaction
from guesthouse.environments.lock import VERSION
from guesthouse.environments.model import (
    Environment,
    EnvironmentEnding,
    EnvironmentNotFound,
    EnvironmentState,
    Json,
    LockForeign,
    LockMissing,
    Standing,
)
from guesthouse.environments.plan import edge_subnet, free_index
from guesthouse.environments.store import ArtifactStore, EnvironmentStore
from guesthouse.errors import Invalid, NotFound
from guesthouse.kit.clock import Clock
from guesthouse.kit.pagination import Page, bounded_limit
from guesthouse.people import Action, Scope, decide, require
from guesthouse.people.permissions import Verdict
from guesthouse.people.store import AccountStore
from guesthouse.runs import Run, RunService

DEPLOY = "environment.deploy"
DESTROY = "environment.destroy"
JUNIT = "junit.xml"


class EnvironmentService:
    """What anyone may do with environments, within their scope."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        runs: RunService,
        *,
        network_pool: str = DEFAULT_NETWORK_POOL,
    ) -> None:
        self._database = database
        self._network_pool = network_pool
        self._clock = clock
        self._runs = runs
        self._store = EnvironmentStore()
        self._artifacts = ArtifactStore()
        self._accounts = AccountStore()

    def get(self, scope: Scope, name: str) -> Environment:
        """Return an environment.

        Raises:
            EnvironmentNotFound: There is none, or not for this caller.
        """
        with self._database.reading() as transaction:
            return self._found(scope, transaction, name, Action.ENVIRONMENT_READ)

    def list(
        self,
        scope: Scope,
        *,
        partner: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page[Environment]:
        """Return environments by name, of one partner or of all the caller sees."""
        size = bounded_limit(limit)
        with self._database.reading() as transaction:
            return self._store.page(scope, transaction, partner=partner, cursor=cursor, limit=size)

    def standings(self, scope: Scope) -> Sequence[Standing]:
        """Return how every environment stands that the caller sees, by name."""
        with self._database.reading() as transaction:
            return self._store.standings(scope, transaction)

    def lock(self, scope: Scope, name: str) -> Json:
        """Return what runs, exactly, its variables among it; the read is recorded.

        Raises:
            EnvironmentNotFound: There is none, or not for this caller.
            LockMissing: Nothing was ever up.
        """
        with self._database.transaction() as transaction:
            lock = self._found(scope, transaction, name, Action.VARIABLES_READ).lock
            if lock is None:
                raise LockMissing(name)
            about = f"environment/{name}"
            audit.record(transaction, scope, "environment.read_lock", about, {}, self._clock)
        return lock

    def junit(self, scope: Scope, run: str) -> bytes:
        """Return the JUnit file of a run; the read is recorded.

        Raises:
            NotFound: The run left none, or is not for this caller.
            NotPermitted: The caller may read no logs.
        """
        require(scope, Action.LOG_READ, self._runs.get(scope, run).partner)
        with self._database.transaction() as transaction:
            data = self._artifacts.get(scope, transaction, run, JUNIT)
            if data is None:
                sentence = f"run {run} left no JUnit file"
                raise NotFound(sentence, next_step=f"guesthouse run show {run}")
            audit.record(transaction, scope, "run.read_junit", f"run/{run}", {}, self._clock)
        return data

    def put(
        self,
        transaction: Transaction,
        scope: Scope,
        desired: Json,
        *,
        locked: Json | None = None,
    ) -> Run:
        """Write what is asked of an environment and queue the run that makes it so.

        Args:
            transaction: Carries everything.
            scope: Who asks.
            desired: What was declared, with the commit.
            locked: A lock to reproduce; None deploys what is asked.

        Raises:
            EnvironmentEnding: It is being destroyed.
            PartnerOffboarded: Nothing is made for its partner any more.
            NoSubnetLeft: Every network is taken.
        """
        name, now = str(desired["name"]), self._clock.now()
        self._accounts.require_standing(transaction, str(desired["partner"]))
        existing = self._store.get(scope, transaction, name)
        if existing is None:
            taken = self._store.indexes(scope, transaction, str(desired["instance"]))
            index = free_index(taken)
            edge_subnet(self._network_pool, index)
            self._store.insert(scope, transaction, desired, subnet_index=index, at=now)
        elif existing.state is EnvironmentState.ENDING:
            raise EnvironmentEnding(name)
        else:
            self._store.update(scope, transaction, desired, at=now)
        action = "environment.change" if existing else "environment.create"
        detail = {"commit": desired["commit"], "locked": locked is not None}
        audit.record(transaction, scope, action, f"environment/{name}", detail, self._clock)
        return self._enqueue(transaction, scope, DEPLOY, desired, locked=locked)

    def deploy(self, scope: Scope, name: str, *, locked: Json | None = None) -> Run:
        """Queue a deployment of what is asked already, or of a lock.

        Raises:
            EnvironmentNotFound: There is none, or not for this caller.
            EnvironmentEnding: It is being destroyed.
            LockForeign: A member gives another lock than the environment's own.
            Invalid: The lock is another environment's product, or of another format.
        """
        with self._database.transaction() as transaction:
            found = self._found(scope, transaction, name, Action.ENVIRONMENT_DEPLOY)
            desired = _document(found)
            if locked is not None:
                # A lock names a commit, and a host gives any commit of any fork by its number: who
                # declares nothing may ask for what was declared and the platform wrote down.
                if not _may_declare(scope) and dict(locked) != found.lock:
                    raise LockForeign(name)
                desired = _as_locked(desired, locked)
            return self.put(transaction, scope, desired, locked=locked)

    def destroy(self, scope: Scope, name: str) -> Run:
        """Queue the end of an environment.

        Raises:
            EnvironmentNotFound: There is none, or not for this caller.
            EnvironmentEnding: It is being destroyed already.
        """
        with self._database.transaction() as transaction:
            self._found(scope, transaction, name, Action.ENVIRONMENT_MANAGE)
            return self.destroy_in(transaction, scope, name)

    def destroy_in(self, transaction: Transaction, scope: Scope, name: str) -> Run:
        """Queue the end of an environment in the caller's transaction.

        Raises:
            EnvironmentNotFound: There is none, or not for this caller.
            EnvironmentEnding: It is being destroyed already.
        """
        found = self._found(scope, transaction, name)
        if found.state is EnvironmentState.ENDING:
            raise EnvironmentEnding(name)
        ending = EnvironmentState.ENDING
        self._store.set_state(scope, transaction, name, state=ending, at=self._clock.now())
        audit.record(
            transaction, scope, "environment.destroy", f"environment/{name}", {}, self._clock
        )
        return self._enqueue(transaction, scope, DESTROY, _document(found), locked=None)

    def _found(
        self,
        scope: Scope,
        transaction: Transaction,
        name: str,
        action: Action | None = None,
    ) -> Environment:
        """Return an environment; with an action, to who may do that with it."""
        found = self._store.get(scope, transaction, name)
        if found is None:
            raise EnvironmentNotFound(name)
        if action is not None:
            require(scope, action, found.partner, missing=EnvironmentNotFound(name))
        return found

    def _enqueue(
        self,
        transaction: Transaction,
        scope: Scope,
        kind: str,
        desired: Json,
        *,
        locked: Json | None,
    ) -> Run:
        payload = {"desired": dict(desired), "locked": None if locked is None else dict(locked)}
        return self._runs.enqueue(
            transaction,
            scope,
            kind=kind,
            environment=str(desired["name"]),
            payload=payload,
        )


def _may_declare(scope: Scope) -> bool:
    return decide(scope, Action.ESTATE_APPLY, None) is Verdict.ALLOWED


def _document(environment: Environment) -> dict[str, object]:
    desired = environment.desired
    source = desired.source
    return {
        "name": desired.name,
        "partner": desired.partner,
        "product": desired.product,
        "instance": desired.instance,
        "phase": desired.phase,
        "source": {"git": source.git, "ref": source.ref, "path": source.path},
        "variables": dict(desired.variables),
        "commit": desired.commit,
    }


def _as_locked(desired: dict[str, object], locked: Json) -> dict[str, object]:
    """Return what a lock asks for: its commit and its variables."""
    if locked.get("lock") != VERSION or not isinstance(locked.get("source"), dict):
        sentence = "this is no lock this version of Guesthouse can read"
        raise Invalid(sentence, next_step="guesthouse env lock prints one")
    if locked.get("product") != desired["product"]:
        sentence = f"the lock is of {locked.get('product')}, not of {desired['product']}"
        raise Invalid(sentence, next_step="take the lock of an environment of this product")
    commit, variables = locked["source"].get("commit"), locked.get("variables", {})
    if not isinstance(commit, str) or not isinstance(variables, dict):
        sentence = "this lock names no commit, or its variables are no mapping"
        raise Invalid(sentence, next_step="guesthouse env lock prints a whole one")
    return {**desired, "commit": commit, "variables": dict(variables)}
