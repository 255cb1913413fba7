"""Fakes of what environments need of the outside world."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typing_extensions import override

from guesthouse.environments.model import Source
from guesthouse.environments.ports import SourceFetcher
from guesthouse.errors import NotFound
from guesthouse.instances import OnLine
from guesthouse.kit.sensitive import Sensitive
from guesthouse.runs import Flow, Json, Run, RunContext, StepDefinition, Stream


@dataclass
class FakeSources(SourceFetcher):
    """Commits held in memory."""

    commits: dict[str, dict[str, str]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    @override
    async def resolve(self, url: str, ref: str, /) -> str:
        if ref not in self.refs:
            sentence = f"{url} has no {ref}"
            raise NotFound(sentence)
        return self.refs[ref]

    @override
    async def fetch(self, source: Source, commit: str, place: Path, *, on_line: OnLine) -> None:
        if commit not in self.commits:
            sentence = f"{source.git} has no commit {commit}"
            raise NotFound(sentence)
        for name, text in self.commits[commit].items():
            file = place / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        on_line(f"fetched {commit[:7]}")

    @override
    def bundle(self, place: Path, paths: tuple[str, ...], tar: Path) -> None:
        tar.write_text("\n".join(paths))


@dataclass
class FakeContext(RunContext):
    """Runs the steps of a flow one after the other, as a worker would."""

    queued: Run
    flow: Flow
    lines: list[str] = field(default_factory=list)
    masked: list[str] = field(default_factory=list)
    kept: dict[str, Json] = field(default_factory=dict)

    @property
    @override
    def run(self) -> Run:
        return self.queued

    @property
    @override
    def payload(self) -> Json:
        return self.queued.payload

    @property
    @override
    def results(self) -> Mapping[str, Json]:
        return self.kept

    @property
    @override
    def cancelled(self) -> bool:
        return False

    @override
    def log(self, line: str, stream: Stream = Stream.OUTPUT) -> None:
        self.lines.append(line)

    @override
    def mask(self, *secrets: Sensitive[str]) -> None:
        self.masked += [secret.reveal() for secret in secrets]

    async def execute(self) -> dict[str, Json]:
        for step in self.flow.steps:
            self.kept[step.name] = await step.function(self)
        return self.kept

    def step(self, name: str) -> StepDefinition:
        """Return a step of the flow."""
        return next(step for step in self.flow.steps if step.name == name)

    def start(self) -> "asyncio.Task[dict[str, Any]]":
        return asyncio.create_task(self.execute())
