import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from guesthouse import config
from guesthouse.bootstrap.demo import Demo
from guesthouse.instances import Provider
from tests.fakes.clock import FakeClock


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process of somebody else that serves something, too."""
    code = "import sys; print('up', flush=True); sys.stdin.read()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code, "serve"], stdin=pipe, stdout=pipe) as made:
        assert made.stdout is not None
        assert made.stdout.readline() == b"up\n"
        yield made


async def test_a_process_that_took_the_number_over_is_not_ended(
    stranger: subprocess.Popen[bytes], tmp_path: Path, clock: FakeClock
) -> None:
    show = Demo(config.load({"GUESTHOUSE_STATE": str(tmp_path)}), Provider.LOCAL, clock)
    show.pid_file.write_text(f"{stranger.pid}\n")
    assert await show.stop() is False
    assert stranger.poll() is None


@pytest.mark.parametrize("text", ["", "no number", "-1"])
async def test_a_damaged_pid_file_ends_nothing(
    tmp_path: Path, clock: FakeClock, text: str
) -> None:
    show = Demo(config.load({"GUESTHOUSE_STATE": str(tmp_path)}), Provider.LOCAL, clock)
    show.pid_file.write_text(text)
    assert await show.stop() is False
