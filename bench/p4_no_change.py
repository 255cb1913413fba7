"""P4: an apply of 20 environments where nothing changed."""

from collections.abc import Iterator

from bench.measure import Row, absolute, timed
from bench.plane import plane
from bench.programs import REPOSITORY, run

ENVIRONMENTS = 20
TIMES = 7
IMAGE = "debian:bookworm-slim"


class ContainersTouched(Exception):
    """An apply that should have done nothing did something."""

    def __init__(self) -> None:
        super().__init__("containers changed although nothing in the estate did")


def rows() -> Iterator[Row]:
    """Measure, and compare every container before and after."""
    run(REPOSITORY / "tools" / "base-image", IMAGE)
    with plane() as prepared:
        service = {"image": IMAGE, "command": ["sleep", "infinity"], "init": True}
        prepared.declare_product("small", {"services": {"only": service}})
        for number in range(ENVIRONMENTS):
            prepared.declare_environment(f"small-{number}", "small")
        prepared.run("apply", prepared.estate, "--yes")
        before = _containers()
        seconds = [
            timed(lambda: prepared.run("apply", prepared.estate, "--yes")) for _ in range(TIMES)
        ]
        if _containers() != before or not before:
            raise ContainersTouched
        yield absolute(
            "P4", f"apply of {ENVIRONMENTS} environments, no change", seconds, at_most=3.0
        )


def _containers() -> list[str]:
    """Return our containers with the moment each was started."""
    label = "label=app.guesthouse.environment"
    found = run("docker", "ps", "--quiet", "--no-trunc", "--filter", label).split()
    if not found:
        return []
    template = "{{.Id}} {{.State.StartedAt}} {{.RestartCount}}"
    return sorted(run("docker", "inspect", "--format", template, *found).splitlines())
