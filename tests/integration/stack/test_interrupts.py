"""Whoever goes away, whatever is cut off: the environment is of one version afterwards."""

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from guesthouse.kit import process
from tests.integration.stack.box import (
    BASE_IMAGE,
    FOREVER,
    Box,
    Json,
    answer_in,
    bundle,
    playbook,
    playbook_environment,
    says,
    service,
)

pytestmark = pytest.mark.docker

OLD = {"web": service(["sleep", "1111"])}
SLOW: Json = {
    "web": service(
        FOREVER,
        healthcheck={"test": ["CMD", "false"], "interval": "1s", "start_period": "1h"},
    )
}
STARTED = "Waiting until every service is up"


@pytest.fixture
def served(shared_box: Box) -> Box:
    """An environment with a version that serves."""
    assert shared_box.deploy(OLD)["failure"] is None
    return shared_box


async def test_signal_in_the_middle_rolls_back(served: Box) -> None:
    child = await served.start(served.deployment(SLOW))
    await says(served.last_log, STARTED)
    child.send_signal(signal.SIGHUP)
    output, _ = await child.communicate()
    answer = answer_in(output.decode())
    assert (answer["failure"]["kind"], answer["rolled_back"]) == ("cancelled", True)
    assert "SIGHUP" in answer["failure"]["sentence"]
    assert "1111" in served.command_of("web")


async def test_control_plane_that_goes_away_is_a_cancel(served: Box) -> None:
    reader, writer = os.pipe()
    child = await start_with_output(served, served.deployment(SLOW), writer)
    await says(served.last_log, STARTED)
    os.close(reader)
    await child.wait()
    assert "the control plane went away" in served.log()
    assert "1111" in served.command_of("web")
    assert not (served.root / "pending").exists()


async def test_cancel_ends_a_build_and_all_it_started(served: Box) -> None:
    sources = {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo began; sleep 600\n"}
    web = service(FOREVER, image=f"gh/{served.project}/web:slow", build={"context": "sources"})
    wish = served.deployment({"web": web}, bundle=str(bundle(served.directory / "b.tar", sources)))
    child = await served.start(wish)
    await says(served.last_log, "began")
    child.send_signal(signal.SIGTERM)
    output, _ = await child.communicate()
    assert answer_in(output.decode())["failure"]["kind"] == "cancelled"
    assert not any(str(served.root) in words for words in command_lines())


@pytest.mark.parametrize("action", ["rollback", "deploy"])
async def test_deployment_that_was_killed_is_put_right_by_what_comes_next(
    served: Box, action: str
) -> None:
    child = await served.start(served.deployment(SLOW))
    await says(served.last_log, STARTED)
    child.kill()
    await child.wait()
    assert (served.root / "pending").exists()
    answer = served.call(served.action("rollback")) if action == "rollback" else served.deploy(OLD)
    assert answer["failure"] is None
    assert "1111" in served.command_of("web")
    assert not (served.root / "pending").exists()


async def test_second_deployment_waits_for_the_first(served: Box) -> None:
    first = await served.start(served.deployment(SLOW, wait_seconds=2))
    await says(served.last_log, STARTED)
    second = served.deploy({"web": service(["sleep", "2222"])})
    assert second["failure"] is None
    assert f"Waiting for another deployment: run run-{served.runs - 1}" in served.log()
    output, _ = await first.communicate()
    assert answer_in(output.decode())["failure"]["kind"] == "unhealthy"
    assert "2222" in served.command_of("web")


async def test_second_deployment_gives_up_in_the_end(served: Box) -> None:
    first = await served.start(served.deployment(SLOW))
    await says(served.last_log, STARTED)
    second = served.deploy(OLD, lock_seconds=0.3)
    assert second["failure"]["kind"] == "busy"
    assert f"run run-{served.runs - 1}" in second["failure"]["sentence"]
    first.send_signal(signal.SIGTERM)
    await first.communicate()


async def test_playbook_that_is_ended_rolls_back(served: Box, tmp_path: Path) -> None:
    argv = playbook(tmp_path, served.deployment(SLOW))
    running = asyncio.create_task(
        process.stream(
            argv,
            on_line=lambda _line: None,
            limit=timedelta(seconds=120),
            env=playbook_environment(tmp_path),
            grace=timedelta(seconds=60),
        )
    )
    await says(served.last_log, STARTED)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await says(served.last_log, "is back")
    assert "1111" in served.command_of("web")


async def start_with_output(served: Box, wish: Json, output: int) -> asyncio.subprocess.Process:
    """Start the module with its standard output in a pipe whose other end is ours to close."""
    child = await served.start(wish, output=output)
    os.close(output)
    return child


def command_lines() -> list[str]:
    """Return the words of every program that runs now."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # It ended while we looked.
    return found
