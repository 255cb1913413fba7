"""Checks of what is installed."""

from collections.abc import Iterator

from guesthouse.cli.doctor.findings import Finding, at_least, bad, ok, version_of, warn
from guesthouse.cli.machine import Machine

PYTHON = (3, 11)
ENGINE = (20, 10)
COMPOSE = (2, 24)
BUILDX = (0, 11)
PROVISIONED = "nothing to do: provisioning an instance on this machine installs it"
DOCKER = "install docker.io, docker-compose and docker-buildx, or set GUESTHOUSE_DOCKER_REPOSITORY"


def programs(machine: Machine) -> Iterator[Finding]:
    """Yield what is to be said of each program we need."""
    yield at_least("python", machine.python(), PYTHON, "install Python 3.11 or newer")
    yield _ansible(machine)
    yield _git(machine)
    yield from _docker(machine)
    yield _nginx(machine)


def _ansible(machine: Machine) -> Finding:
    core = machine.package("ansible-core")
    if core is None:
        return bad("ansible", "ansible-core is missing", "make install")
    return ok("ansible", core)


def _git(machine: Machine) -> Finding:
    printed = machine.output("git", "--version")
    if printed is None:
        return bad("git", "missing; products can't be fetched", "apt-get install git")
    return at_least("git", version_of(printed), (2, 30), "upgrade git")


def _docker(machine: Machine) -> Iterator[Finding]:
    if not machine.has("docker"):
        yield warn("docker", "missing", PROVISIONED)
        return
    engine = machine.output("docker", "version", "--format", "{{.Server.Version}}")
    if engine is None:
        yield bad(
            "docker",
            "the engine does not answer",
            "start it (service docker start), or run as root or as a member of group docker",
        )
    else:
        yield at_least("docker", version_of(engine), ENGINE, DOCKER)
    yield _plugin(machine, "compose", COMPOSE, ("docker", "compose", "version", "--short"))
    yield _plugin(machine, "buildx", BUILDX, ("docker", "buildx", "version"))


def _plugin(machine: Machine, name: str, least: tuple[int, ...], argv: tuple[str, ...]) -> Finding:
    printed = machine.output(*argv)
    if printed is None:
        return warn(name, "missing", PROVISIONED)
    return at_least(name, version_of(printed), least, DOCKER)


def _nginx(machine: Machine) -> Finding:
    printed = machine.output("nginx", "-v")
    if printed is None:
        return warn("nginx", "missing", PROVISIONED)
    return at_least("nginx", version_of(printed), (1, 18), "upgrade nginx")
