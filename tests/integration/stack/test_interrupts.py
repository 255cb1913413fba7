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


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
async def test_signal_in_the_middle_rolls_back(box: Box, number: signal.Signals) -> None:
    box.deploy(OLD)
    child = await box.start(box.deployment(SLOW))
    await says(box.last_log, STARTED)
    child.send_signal(number)
    output, _ = await child.communicate()
    answer = answer_in(output.decode())
    assert (answer["failure"]["kind"], answer["rolled_back"]) == ("cancelled", True)
    assert number.name in answer["failure"]["sentence"]
    assert "1111" in box.command_of("web")


async def test_control_plane_that_goes_away_is_a_cancel(box: Box) -> None:
    box.deploy(OLD)
    reader, writer = os.pipe()
    child = await start_with_output(box, box.deployment(SLOW), writer)
    await says(box.last_log, STARTED)
    os.close(reader)
    await child.wait()
    assert "the control plane went away" in box.log()
    assert "1111" in box.command_of("web")
    assert not (box.root / "pending").exists()


async def test_cancel_ends_a_build_and_all_it_started(box: Box) -> None:
    box.deploy(OLD)
    sources = {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo began; sleep 600\n"}
    web = service(FOREVER, image=f"gh/{box.project}/web:slow", build={"context": "sources"})
    wish = box.deployment({"web": web}, bundle=str(bundle(box.directory / "b.tar", sources)))
    child = await box.start(wish)
    await says(box.last_log, "began")
    child.send_signal(signal.SIGTERM)
    output, _ = await child.communicate()
    assert answer_in(output.decode())["failure"]["kind"] == "cancelled"
    assert not any(str(box.root) in words for words in command_lines())


@pytest.mark.parametrize("action", ["rollback", "deploy"])
async def test_deployment_that_was_killed_is_put_right_by_what_comes_next(
    box: Box, action: str
) -> None:
    box.deploy(OLD)
    child = await box.start(box.deployment(SLOW))
    await says(box.last_log, STARTED)
    child.kill()
    await child.wait()
    assert (box.root / "pending").exists()
    answer = box.call(box.action("rollback")) if action == "rollback" else box.deploy(OLD)
    assert answer["failure"] is None
    assert "1111" in box.command_of("web")
    assert not (box.root / "pending").exists()


async def test_second_deployment_waits_for_the_first(box: Box) -> None:
    box.deploy(OLD)
    first = await box.start(box.deployment(SLOW, wait_seconds=2))
    await says(box.last_log, STARTED)
    second = box.deploy({"web": service(["sleep", "2222"])})
    assert second["failure"] is None
    assert "Waiting for another deployment: run run-2" in box.log()
    output, _ = await first.communicate()
    assert answer_in(output.decode())["failure"]["kind"] == "unhealthy"
    assert "2222" in box.command_of("web")


async def test_second_deployment_gives_up_in_the_end(box: Box) -> None:
    box.deploy(OLD)
    first = await box.start(box.deployment(SLOW))
    await says(box.last_log, STARTED)
    second = box.deploy(OLD, lock_seconds=0.3)
    assert second["failure"]["kind"] == "busy"
    assert "run run-2" in second["failure"]["sentence"]
    first.send_signal(signal.SIGTERM)
    await first.communicate()


async def test_playbook_that_is_ended_rolls_back(box: Box, tmp_path: Path) -> None:
    box.deploy(OLD)
    argv = playbook(tmp_path, box.deployment(SLOW))
    running = asyncio.create_task(
        process.stream(
            argv,
            on_line=lambda _line: None,
            limit=timedelta(seconds=120),
            env=playbook_environment(tmp_path),
            grace=timedelta(seconds=60),
        )
    )
    await says(box.last_log, STARTED)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await says(box.last_log, "is back")
    assert "1111" in box.command_of("web")


async def start_with_output(box: Box, wish: Json, output: int) -> asyncio.subprocess.Process:
    """Start the module with its standard output in a pipe whose other end is ours to close."""
    child = await box.start(wish, output=output)
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
