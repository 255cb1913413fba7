from pathlib import Path

import pytest

from guesthouse import config
from guesthouse.bootstrap.demo import SERVE, Demo
from guesthouse.instances import Provider
from guesthouse.kit import process
from tests.fakes.clock import FakeClock

PID = 4_000_000
"""More than Linux gives to any process here."""


class Processes:
    """One process, which ends when it is asked to."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self.command, self.ended = command, list[int]()

    def command_line(self, pid: int) -> tuple[str, ...]:
        return self.command if pid == PID and pid not in self.ended else ()

    def end(self, pid: int) -> None:
        self.ended.append(pid)


@pytest.fixture
def show(tmp_path: Path, clock: FakeClock) -> Demo:
    settings = config.load({"GUESTHOUSE_STATE": str(tmp_path)})
    return Demo(settings, Provider.LOCAL, clock)


@pytest.mark.parametrize(
    ("text", "command", "is_ours"),
    [
        pytest.param(f"{PID}\n", ("/usr/bin/python3", *SERVE), True, id="ours"),
        pytest.param(f"{PID}\n", ("/usr/bin/http-server", "serve"), False, id="serves-otherwise"),
        pytest.param(f"{PID}\n", (*SERVE, "--other"), False, id="other-words"),
        pytest.param(f"{PID}\n", (), False, id="gone"),
        pytest.param("no number", SERVE, False, id="damaged"),
        pytest.param("-1", SERVE, False, id="everybody"),
        pytest.param("", SERVE, False, id="empty"),
    ],
)
async def test_only_our_own_server_is_ended(
    show: Demo,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    command: tuple[str, ...],
    *,
    is_ours: bool,
) -> None:
    running = Processes(command)
    monkeypatch.setattr(process, "command_line", running.command_line)
    monkeypatch.setattr(process, "end", running.end)
    show.pid_file.write_text(text)
    assert await show.stop() is is_ours
    assert running.ended == ([PID] if is_ours else [])
