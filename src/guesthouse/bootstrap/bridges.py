"""Small adapters between features that do not know each other."""

from pathlib import Path

from typing_extensions import override

from guesthouse.adapters.git import EVERYWHERE, GitSource, GitSources
from guesthouse.db import Transaction
from guesthouse.environments.model import Source
from guesthouse.environments.ports import SourceFetcher
from guesthouse.environments.service import EnvironmentService
from guesthouse.estate.model import EnvironmentSpec
from guesthouse.estate.ports import CommitResolver, EnvironmentActions, InstanceActions
from guesthouse.instances import InstanceService, OnLine
from guesthouse.people import Scope
from guesthouse.runs import Run

OPERATOR_PROTOCOLS = frozenset({"https", "ssh", "file"})
"""A product's address is the operator's own word.

A partner's is not: what `GitSource` is by itself suits that one, https in the public Internet."""


class ProductSources(SourceFetcher, CommitResolver):
    """Products' repositories, as the estate names them."""

    def __init__(self, git: GitSources) -> None:
        self._git = git

    @override
    async def resolve(self, url: str, ref: str, /) -> str:
        return await self._git.resolve(_source(url), ref)

    @override
    async def fetch(self, source: Source, commit: str, place: Path, *, on_line: OnLine) -> None:
        await self._git.fetch(_source(source.git), commit, place, on_line=on_line)

    @override
    def bundle(self, place: Path, paths: tuple[str, ...], tar: Path) -> None:
        self._git.bundle(place, tar, paths=None if "" in paths else paths)


class EstateEnvironments(EnvironmentActions):
    """What the estate asks of environments."""

    def __init__(self, service: EnvironmentService) -> None:
        self._service = service

    @override
    def put(
        self, transaction: Transaction, scope: Scope, spec: EnvironmentSpec, commit: str
    ) -> Run:
        desired = {**spec.to_json(), "commit": commit}
        return self._service.put(transaction, scope, desired)

    @override
    def destroy(self, transaction: Transaction, scope: Scope, name: str) -> Run:
        return self._service.destroy_in(transaction, scope, name)


class EstateInstances(InstanceActions):
    """What the estate asks of instances."""

    def __init__(self, service: InstanceService) -> None:
        self._service = service

    @override
    def remove(self, transaction: Transaction, scope: Scope, name: str) -> Run:
        return self._service.destroy_in(transaction, scope, name)


def _source(url: str) -> GitSource:
    return GitSource(url=url, allowed=OPERATOR_PROTOCOLS, reach=EVERYWHERE)
