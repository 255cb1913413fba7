"""Fakes of what instances need of the outside world."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from guesthouse.instances import Connection, HostAutomation, Instance, OnLine, Play
from guesthouse.instances.ports import Certificates, MetricsAccounts, Reachability, TlsFiles

Answer = Mapping[str, Any] | BaseException | Callable[[Play], Mapping[str, Any]]


@dataclass
class FakeAutomation(HostAutomation):
    """Answers each playbook as it was told to, and remembers what was played."""

    answers: dict[str, Answer] = field(default_factory=dict)
    """By playbook, or ``<playbook>#<action>`` for the module stack."""
    played: list[Play] = field(default_factory=list)
    collection: str = "collection"
    hold: asyncio.Event | None = None
    """Set to keep every play waiting until it is set."""

    @override
    async def play(self, play: Play, *, on_line: OnLine) -> Mapping[str, Any]:
        self.played.append(play)
        on_line(f"playing {self.name(play)}")
        if self.hold is not None:
            await self.hold.wait()
        answer = self.answers.get(self.name(play), {})
        if isinstance(answer, BaseException):
            raise answer
        return answer(play) if callable(answer) else answer

    @override
    def digest(self) -> str:
        return self.collection

    @property
    def names(self) -> list[str]:
        """What was played, in order."""
        return [self.name(play) for play in self.played]

    @staticmethod
    def name(play: Play) -> str:
        action = play.variables.get("deployment", {}).get("action")
        return f"{play.playbook}#{action}" if action else play.playbook


@dataclass
class FakeReachability(Reachability):
    reachable: bool = True

    @override
    async def is_reachable(self, connection: Connection) -> bool:
        return self.reachable


@dataclass
class FakeCertificates(Certificates):
    files: TlsFiles = field(default_factory=lambda: TlsFiles("certificate", "key", "ca"))

    @override
    def gateway_files(self, instance: str) -> TlsFiles:
        return self.files


@dataclass
class FakeMetrics(MetricsAccounts):
    dropped: list[str] = field(default_factory=list)

    @override
    async def ensure(self, instance: Instance) -> Mapping[str, Any]:
        return {"database": f"gh_{instance.name}"}

    @override
    async def drop(self, instance: str) -> None:
        self.dropped.append(instance)
