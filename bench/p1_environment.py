"""P1: one more environment on a prepared instance, until its tests may start.

Against bare `docker compose up --detach --wait` of the same file.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.measure import Pair, Row, interleaved, timed
from bench.plane import Plane, plane
from bench.programs import REPOSITORY, run

TIMES = 5
TESTS = "tests"
IMAGE = "debian:bookworm-slim"
# An ordinary check: asked every ten seconds, as most authors leave it.
CHECK = {
    "test": ["CMD", "test", "-e", "/etc/passwd"],
    "interval": "10s",
    "timeout": "5s",
    "retries": 3,
}


def rows() -> Iterator[Row]:
    """Measure with ordinary health checks, and with none."""
    run(REPOSITORY / "tools" / "base-image", IMAGE)
    with plane() as prepared:
        checked = _measure(prepared, "checked", _compose(checked=True))
        yield checked.row("P1", "one more environment, health checks every 10 s", at_most=1.0)
        bare = _measure(prepared, "bare", _compose(checked=False))
        yield bare.row("P1-none", "one more environment, no health checks", at_most=1.3)


def _compose(*, checked: bool) -> dict[str, Any]:
    """Return a chain of three: the shape of a front end, an API and a database."""
    condition = "service_healthy" if checked else "service_started"
    service: dict[str, Any] = {"image": IMAGE, "command": ["sleep", "infinity"], "init": True}
    if checked:
        service["healthcheck"] = CHECK
    return {
        "services": {
            "database": service,
            "api": {**service, "depends_on": {"database": {"condition": condition}}},
            "frontend": {**service, "depends_on": {"api": {"condition": condition}}},
            TESTS: {"image": IMAGE, "command": ["true"], "profiles": ["tests"]},
        }
    }


def _measure(prepared: Plane, product: str, compose: dict[str, Any]) -> Pair:
    place = prepared.declare_product(product, compose, tests=TESTS)
    # The first environment also makes the instance known; that is not what is measured.
    prepared.declare_environment(f"{product}-first", product)
    prepared.run("apply", prepared.estate, "--yes")
    return interleaved(
        TIMES,
        lambda number: _ours(prepared, f"{product}-{number}", product),
        lambda number: _by_hand(place, f"bench-{product}-{number}"),
    )


def _ours(prepared: Plane, name: str, product: str) -> float:
    prepared.declare_environment(name, product)
    seconds = _apply_until_tests(prepared, name)
    (prepared.estate / "environments" / f"{name}.yaml").unlink()
    prepared.run("env", "destroy", name, "--yes")
    return seconds


def _apply_until_tests(prepared: Plane, name: str) -> float:
    """Return the seconds from the command's start to the first moment of the tests' step."""
    began = dt.datetime.now(dt.UTC)
    applied = prepared.json("apply", prepared.estate, "--env", name, "--yes")
    (made,) = applied["runs"]
    steps = {step["name"]: step for step in made["steps"]}
    return (dt.datetime.fromisoformat(steps["test"]["started_at"]) - began).total_seconds()


def _by_hand(place: Path, project: str) -> float:
    compose: list[str | Path] = [
        "docker",
        "compose",
        "--project-name",
        project,
        "--file",
        place / "compose.yaml",
    ]
    try:
        return timed(lambda: run(*compose, "up", "--detach", "--wait"))
    finally:
        run(*compose, "down", "--volumes", "--timeout", "1")
