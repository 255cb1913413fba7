from typing import Any

import pytest

from tests.unit.ansible.parts import part

wait = part("stack_wait")
NOW = 1_800_000_000.0
STARTED = "2027-01-15T07:59:58.500000000Z"
"""A second and a half before NOW."""


def container(
    *,
    status: str = "running",
    health: str | None = None,
    **state: Any,  # noqa: ANN401
) -> dict[str, Any]:
    found = {
        "Status": status,
        "Running": status == "running",
        "Restarting": status == "restarting",
        "OOMKilled": False,
        "ExitCode": 0,
        "Error": "",
        "StartedAt": STARTED,
        **state,
    }
    if health is not None:
        found["Health"] = {"Status": health}
    return {"Id": "1", "State": found}


@pytest.mark.parametrize(
    ("shown", "completes", "is_up"),
    [
        pytest.param(container(health="healthy"), False, True, id="healthy"),
        pytest.param(container(health="starting"), False, False, id="starting"),
        pytest.param(container(health="unhealthy"), False, False, id="unhealthy"),
        pytest.param(container(health="none"), False, True, id="check-disabled-and-settled"),
        pytest.param(container(), False, True, id="settled"),
        pytest.param(
            container(StartedAt="2027-01-15T07:59:59.500000000Z"), False, False, id="too-young"
        ),
        pytest.param(container(status="restarting"), False, False, id="restarting"),
        pytest.param(container(status="exited"), False, False, id="ended-well-but-not-meant-to"),
        pytest.param(container(status="exited"), True, True, id="completed"),
        pytest.param(container(), True, False, id="still-completing"),
        pytest.param(container(status="exited", ExitCode=1), True, False, id="completed-badly"),
    ],
)
def test_container_is_up_when_it_does_what_it_is_meant_to(
    shown: dict[str, Any],
    *,
    completes: bool,
    is_up: bool,
) -> None:
    found = wait.is_up(shown, completes=completes, settle_seconds=1, now=NOW)
    assert found is is_up


@pytest.mark.parametrize(
    ("shown", "restarts", "kind"),
    [
        pytest.param(container(), 0, None, id="running"),
        pytest.param(container(status="restarting"), 4, None, id="some-restarts-are-forgiven"),
        pytest.param(container(status="restarting"), 5, "crash_loop", id="too-many-restarts"),
        pytest.param(container(health="unhealthy"), 0, "unhealthy", id="unhealthy"),
        pytest.param(container(status="exited", ExitCode=1), 0, "crash_loop", id="ended"),
        pytest.param(container(status="exited", OOMKilled=True), 0, "crash_loop", id="memory"),
        pytest.param(container(status="created"), 0, None, id="not-started-yet"),
        pytest.param(
            container(status="created", Error="no such file"), 0, "crash_loop", id="not-startable"
        ),
        pytest.param(
            container(status="created", Error="port is already allocated"),
            0,
            "port_taken",
            id="port",
        ),
    ],
)
def test_trouble_is_told_from_patience(
    shown: dict[str, Any],
    restarts: int,
    kind: str | None,
) -> None:
    trouble = wait.trouble_of(shown, completes=False, restarts=restarts)
    assert (trouble.kind if trouble else None) == kind


def test_times_of_the_engine_are_read_to_the_fraction() -> None:
    assert wait.seconds_of(STARTED) == NOW - 1.5
    assert wait.seconds_of("2027-01-15T08:00:00Z") == NOW
