import asyncio
import io
from pathlib import Path

import pytest

from guesthouse import config
from guesthouse.bootstrap.demo import SERVE, Demo
from guesthouse.cli.commands.demo import sample_member_link
from guesthouse.cli.options import Session
from guesthouse.cli.terminal import Terminal
from guesthouse.instances import Provider
from guesthouse.kit import process
from guesthouse.people import Role
from tests.fakes.asgi import AsgiBridge
from tests.fakes.clock import FakeClock
from tests.fakes.people import come_in
from tests.fakes.services import OPERATOR, FakeServices
from tests.unit.cli.conftest import Cli

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


def test_the_farewell_has_a_link_for_each_who_may_come_in(show: Demo) -> None:
    show.settings.invitation_file.write_text("https://console.localhost/invitation/first\n")
    text = "\n".join(show.farewell("https://console.localhost/invitation/second"))
    assert "Come in as operator (good once, for 7 days): " in text
    assert "/invitation/first" in text
    assert "Come in as A developer, developer of acme (good once, for 7 days): " in text
    assert "/invitation/second" in text


def test_the_farewell_has_no_link_for_who_is_in(show: Demo) -> None:
    text = "\n".join(show.farewell(None))
    assert "Console, for people with a browser: https://console.localhost\n" in text
    assert "/invitation/" not in text


def test_the_sample_member_is_invited_anew_each_time(cli: Cli, services: FakeServices) -> None:
    first, second = _sample_link(cli, services), _sample_link(cli, services)
    assert first != second
    assert len(services.accounts.invitations(OPERATOR, "acme")) == 1


async def test_a_sample_member_who_is_in_is_not_invited(cli: Cli, services: FakeServices) -> None:
    await come_in(services.people, "dev", "acme", Role.DEVELOPER)
    assert await asyncio.to_thread(_sample_link, cli, services) is None


def test_where_nobody_can_be_invited_the_demonstration_is_up_all_the_same(
    cli: Cli, services: FakeServices
) -> None:
    services.offboarding.offboard(OPERATOR, "acme")
    assert _sample_link(cli, services) is None


def _sample_link(cli: Cli, services: FakeServices) -> str | None:
    terminal = Terminal(
        err=io.StringIO(),
        environment={
            "GUESTHOUSE_STATE": str(services.settings.state),
            "GUESTHOUSE_TOKEN": services.token(OPERATOR),
        },
        transport=AsgiBridge(cli.app),
    )
    session = Session(terminal, as_machine=True)
    try:
        return sample_member_link(session)
    finally:
        session.close()
