"""A machine made up of answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from guesthouse.cli.machine import Machine

GOOD: Mapping[str, str] = {
    "git --version": "git version 2.39.5",
    "docker version --format {{.Server.Version}}": "26.1.5+dfsg1",
    "docker compose version --short": "v2.26.1-4",
    "docker buildx version": "github.com/docker/buildx 0.13.1+ds1",
    "nginx -v": "nginx version: nginx/1.22.1",
    "timedatectl show --property=NTPSynchronized --value": "yes",
}


@dataclass
class FakeMachine(Machine):
    outputs: dict[str, str] = field(default_factory=lambda: dict(GOOD))
    ansible: str | None = "2.19.0"
    version: tuple[int, ...] = (3, 11, 7)
    free: int = 50 * 2**30
    ports: set[int] = field(default_factory=set)
    files: dict[Path, bytes] = field(default_factory=dict)

    @override
    def output(self, *argv: str) -> str | None:
        return self.outputs.get(" ".join(argv))

    @override
    def has(self, program: str) -> bool:
        return any(command.startswith(f"{program} ") for command in self.outputs)

    @override
    def package(self, name: str) -> str | None:
        return self.ansible if name == "ansible-core" else None

    @override
    def python(self) -> tuple[int, ...]:
        return self.version

    @override
    def free_bytes(self, directory: Path) -> int:
        return self.free

    @override
    def listens(self, port: int) -> bool:
        return port in self.ports

    @override
    def read(self, file: Path) -> bytes | None:
        return self.files.get(file)
