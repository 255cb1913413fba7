"""Gathers what a deployment needs: sources on disk, manifest, secrets, the compiled stack."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from guesthouse.db import Database
from guesthouse.environments.model import Desired, Environment, EnvironmentNotFound
from guesthouse.environments.plan import (
    Place,
    checked_variables,
    edge_subnet,
    routes_of,
    site_of,
)
from guesthouse.environments.ports import SourceFetcher
from guesthouse.environments.secrets import EnvironmentSecrets
from guesthouse.environments.store import EnvironmentStore
from guesthouse.gateway.model import Site
from guesthouse.instances import Instance, InstanceService, OnLine
from guesthouse.instances.plan import root_of
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import system_scope
from guesthouse.stacks.compile import compile_product
from guesthouse.stacks.manifest import load_manifest
from guesthouse.stacks.model import CompileContext, CompiledStack, Manifest
from guesthouse.stacks.sources import FolderTree


@dataclass(frozen=True)
class Prepared:
    """Everything decided about one deployment; nothing of it has happened yet."""

    environment: Environment
    instance: Instance
    manifest: Manifest
    compiled: CompiledStack
    site: Site
    place: Place
    secrets: tuple[Sensitive[str], ...]


class Preparation:
    """Fetches and compiles, again the same each time it is asked."""

    def __init__(
        self,
        *,
        database: Database,
        instances: InstanceService,
        fetcher: SourceFetcher,
        secrets: EnvironmentSecrets,
        work: Path,
    ) -> None:
        self._database = database
        self._instances = instances
        self._fetcher = fetcher
        self._secrets = secrets
        self._work = work
        self._store = EnvironmentStore()

    async def fetch(self, desired: Desired, *, on_line: OnLine) -> None:
        """Put the product's files at the wanted commit on disk, in place of earlier ones."""
        place = self._sources(desired.name)
        await asyncio.to_thread(self.discard, desired.name)
        place.mkdir(parents=True, mode=0o700)
        await self._fetcher.fetch(desired.source, desired.commit, place, on_line=on_line)

    def compile(self, desired: Desired, run: str) -> Prepared:
        """Judge and render what was fetched.

        Raises:
            ManifestInvalid: The manifest breaks its format.
            ComposeInvalid: The Compose files cannot be read.
            ComposeRefused: The policy forbids something.
            VariablesUnknown: The environment sets what the product does not have.
            SecretMissing: A secret must be given by a person, and was not.
        """
        scope, control = system_scope(), self._instances.control
        environment = self._environment(desired.name)
        instance = self._instances.get(scope, desired.instance)
        tree = FolderTree(self._sources(desired.name))
        manifest = load_manifest(tree, folder=desired.source.path)
        secrets = self._secrets.values(scope, desired.name, manifest.secrets)
        context = CompileContext(
            environment=desired.name,
            partner=desired.partner,
            product=desired.product,
            project=environment.project,
            run=run,
            edge_subnet=edge_subnet(control.network_pool, environment.subnet_index),
            variables=checked_variables(desired, manifest),
            secrets=secrets,
            cpu_count=int(instance.facts.get("cpus") or 1),
            salt=self._secrets.salt(scope, desired.name),
        )
        compiled = compile_product(tree, manifest, context)
        routes = routes_of(desired.name, manifest, compiled, control.apps_domain)
        return Prepared(
            environment=environment,
            instance=instance,
            manifest=manifest,
            compiled=compiled,
            site=site_of(desired.name, routes, instance=instance, control=control),
            place=Place(root_of(instance, control), desired.name),
            secrets=tuple(secrets.values()),
        )

    def bundle(self, prepared: Prepared) -> str | None:
        """Pack the sources the instance needs; None where it needs none."""
        if not prepared.compiled.sources:
            return None
        name = prepared.environment.name
        tar = self._folder(name) / "bundle.tar"
        self._fetcher.bundle(self._sources(name), prepared.compiled.sources, tar)
        return str(tar)

    def discard(self, environment: str) -> None:
        """Remove an environment's files from the control plane."""
        folder = self._folder(environment)
        if folder.exists():
            shutil.rmtree(folder)

    def _environment(self, name: str) -> Environment:
        with self._database.reading() as transaction:
            found = self._store.get(system_scope(), transaction, name)
        if found is None:
            raise EnvironmentNotFound(name)
        return found

    def _folder(self, environment: str) -> Path:
        # Runs of one environment never overlap, so its name is enough.
        return self._work / environment

    def _sources(self, environment: str) -> Path:
        return self._folder(environment) / "sources"
