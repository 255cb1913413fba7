"""The use cases of instances: look, make ready, destroy."""

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guesthouse import audit
from guesthouse.db import Database, Transaction
from guesthouse.instances.model import (
    Connection,
    Instance,
    InstanceInUse,
    InstanceNotFound,
)
from guesthouse.instances.plan import (
    ControlPlane,
    certificate_name,
    connection_of,
    fingerprint,
    launch_variables,
    provision_variables,
)
from guesthouse.instances.ports import (
    Certificates,
    HostAutomation,
    MetricsAccounts,
    OnLine,
    Play,
    Reachability,
)
from guesthouse.instances.store import InstanceStore
from guesthouse.kit.clock import Clock
from guesthouse.kit.pagination import Page, bounded_limit
from guesthouse.people import Action, Scope, require
from guesthouse.runs import Run, RunService

DESTROY = "instance.destroy"
PROVISION = "instance.provision"
LAUNCH_LIMIT = dt.timedelta(minutes=10)
PROVISION_LIMIT = dt.timedelta(minutes=30)


@dataclass(frozen=True)
class InstancePorts:
    """The outside world of instances."""

    automation: HostAutomation
    reachability: Reachability
    certificates: Certificates
    metrics: MetricsAccounts


class InstanceService:
    """What anyone may do with instances, within their scope."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        runs: RunService,
        ports: InstancePorts,
        control: ControlPlane,
    ) -> None:
        self._database = database
        self._clock = clock
        self._runs = runs
        self._ports = ports
        self._store = InstanceStore()
        # Two environments that need the same machine take turns at making it ready.
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.control = control

    def get(self, scope: Scope, name: str) -> Instance:
        """Return an instance.

        Raises:
            InstanceNotFound: There is none, or not for this caller.
        """
        require(scope, Action.INSTANCE_READ, None, missing=InstanceNotFound(name))
        with self._database.reading() as transaction:
            found = self._store.get(scope, transaction, name)
        if found is None:
            raise InstanceNotFound(name)
        return found

    def list(
        self, scope: Scope, *, cursor: str | None = None, limit: int | None = None
    ) -> Page[Instance]:
        """Return instances by name.

        Raises:
            NotPermitted: The caller may not look at machines.
        """
        require(scope, Action.INSTANCE_READ, None)
        with self._database.reading() as transaction:
            return self._store.page(scope, transaction, cursor=cursor, limit=bounded_limit(limit))

    def connection(self, scope: Scope, name: str) -> Connection:
        """Return how an instance is reached.

        Raises:
            InstanceNotFound: There is none, or not for this caller.
        """
        return connection_of(self.get(scope, name), self.control)

    def provision(self, scope: Scope, name: str) -> Run:
        """Enqueue a run that makes an instance ready.

        Raises:
            InstanceNotFound: There is none, or not for this caller.
            NotPermitted: The caller may look at instances, and no more.
        """
        with self._database.transaction() as transaction:
            self._manage(transaction, scope, name)
            return self._enqueue(transaction, scope, name, PROVISION)

    def destroy(self, scope: Scope, name: str) -> Run:
        """Enqueue a run that destroys an instance no environment lives on.

        Raises:
            InstanceNotFound: There is none, or not for this caller.
            InstanceInUse: Environments live on it.
            NotPermitted: The caller may look at instances, and no more.
        """
        with self._database.transaction() as transaction:
            self._manage(transaction, scope, name)
            return self.destroy_in(transaction, scope, name)

    def destroy_in(self, transaction: Transaction, scope: Scope, name: str) -> Run:
        """Enqueue the same run in the caller's transaction.

        Raises:
            InstanceNotFound: There is none, or not for this caller.
            InstanceInUse: Environments live on it.
        """
        living = self._store.environments_on(scope, transaction, name)
        if living:
            raise InstanceInUse(name, living)
        return self._enqueue(transaction, scope, name, DESTROY)

    async def launch(self, scope: Scope, name: str, *, on_line: OnLine) -> bool:
        """Make sure the machine is there; return whether it had to be launched.

        Raises:
            InstanceUnreachable: It is there but does not let us in.
            PlaybookFailed: It could not be launched.
        """
        async with self._turns[name]:
            instance = self.get(scope, name)
            if instance.facts and await self._ports.reachability.is_reachable(
                connection_of(instance, self.control)
            ):
                return False
            facts = await self._ports.automation.play(
                self._play("launch", instance, launch_variables(instance, self.control)),
                on_line=on_line,
            )
            with self._database.transaction() as transaction:
                self._store.launched(scope, transaction, name, facts=facts, at=self._clock.now())
                self._record(transaction, scope, "instance.launch", name)
            return True

    async def make_ready(self, scope: Scope, name: str, *, on_line: OnLine) -> bool:
        """Provision the machine unless it is current; return whether it had to be provisioned.

        Raises:
            InstanceUnreachable: It does not answer, or shows another host key.
            PlaybookFailed: A role failed.
        """
        async with self._turns[name]:
            instance = self.get(scope, name)
            variables = await self._provision_variables(instance)
            wanted = fingerprint(self._ports.automation.digest(), variables)
            if instance.fingerprint == wanted:
                return False
            play = Play(
                playbook="playbooks/provision.yml",
                instance=name,
                connection=connection_of(instance, self.control),
                variables={**variables, "guesthouse_fingerprint": wanted},
                limit=PROVISION_LIMIT,
            )
            answer = await self._ports.automation.play(play, on_line=on_line)
            with self._database.transaction() as transaction:
                self._store.provisioned(
                    scope,
                    transaction,
                    name,
                    fingerprint=wanted,
                    facts={**instance.facts, **answer},
                    at=self._clock.now(),
                )
                self._record(transaction, scope, "instance.provision", name)
            return True

    async def remove(self, scope: Scope, name: str, *, on_line: OnLine) -> Mapping[str, Any]:
        """Destroy the machine, or on an existing one what we put there.

        Raises:
            InstanceInUse: An environment came to live on it since that was asked for.
            PlaybookFailed: Something could not be removed.
        """
        async with self._turns[name]:
            instance = self.get(scope, name)
            with self._database.reading() as transaction:
                living = self._store.environments_on(scope, transaction, name)
            if living:
                raise InstanceInUse(name, living)
            play = self._play("destroy", instance, launch_variables(instance, self.control))
            answer = await self._ports.automation.play(play, on_line=on_line)
            await self._ports.metrics.drop(name)
            with self._database.transaction() as transaction:
                self._store.destroyed(scope, transaction, name, at=self._clock.now())
                self._record(transaction, scope, "instance.destroy", name)
            return answer

    def _play(self, verb: str, instance: Instance, variables: Mapping[str, Any]) -> Play:
        # Providers act from the control plane; only `ssh` destroys on the machine itself.
        return Play(
            playbook=f"providers/{instance.provider.value}/{verb}.yml",
            instance=instance.name,
            connection=Connection(""),
            variables=variables,
            limit=LAUNCH_LIMIT,
        )

    async def _provision_variables(self, instance: Instance) -> dict[str, Any]:
        return provision_variables(
            instance,
            self.control,
            tls=self._ports.certificates.gateway_files(certificate_name(instance)),
            metrics=await self._ports.metrics.ensure(instance),
        )

    def _manage(self, transaction: Transaction, scope: Scope, name: str) -> None:
        """Let through who may do something with an instance they see."""
        if self._store.get(scope, transaction, name) is None:
            raise InstanceNotFound(name)
        require(scope, Action.INSTANCE_MANAGE, None)

    def _enqueue(self, transaction: Transaction, scope: Scope, name: str, kind: str) -> Run:
        if self._store.get(scope, transaction, name) is None:
            raise InstanceNotFound(name)
        self._record(transaction, scope, kind, name)
        return self._runs.enqueue(
            transaction, scope, kind=kind, environment=None, payload={"instance": name}
        )

    def _record(self, transaction: Transaction, scope: Scope, action: str, name: str) -> None:
        audit.record(transaction, scope, action, f"instance/{name}", {}, self._clock)
