"""Each thing that goes wrong has its own kind and sentence, and the earlier version is back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guesthouse.kit import process
from tests.integration.stack.box import (
    BASE_IMAGE,
    FOREVER,
    LIMIT,
    Box,
    Json,
    bundle,
    docker,
    healthy_when,
    service,
    shell,
)

pytestmark = pytest.mark.docker

OLD = {"web": service(["sleep", "1111"])}
CRASH = shell("echo the-reason; exit 3")


@pytest.fixture
def served(shared_box: Box) -> Box:
    """An environment with a version that serves."""
    assert shared_box.deploy(OLD)["failure"] is None
    return shared_box


def refused(box: Box, services: Json, **more: Any) -> Json:  # noqa: ANN401
    """Deploy something bad; what served before must be back as it was."""
    versions = set((box.root / "versions").iterdir())
    answer = box.deploy(services, **more)
    assert answer["failure"] is not None
    assert answer["rolled_back"] is True
    assert answer["changed"] is False
    assert "1111" in box.command_of("web")
    assert not (box.root / "pending").exists()
    assert set((box.root / "versions").iterdir()) == versions
    failure: Json = answer["failure"]
    assert failure["sentence"]
    assert failure["next_step"]
    return failure


def test_build_that_fails_touches_nothing_that_runs(served: Box) -> None:
    sources = {"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo the-reason; exit 3\n"}
    web = service(FOREVER, image=f"gh/{served.project}/web:bad", build={"context": "sources"})
    failure = refused(
        served, {"web": web}, bundle=str(bundle(served.directory / "b.tar", sources))
    )
    assert failure["kind"] == "build"
    assert any("the-reason" in line for line in failure["last_lines"])


def test_container_that_never_becomes_healthy_is_named_with_its_last_lines(served: Box) -> None:
    sick = service(shell("echo the-reason; exec sleep 1000"), healthcheck=healthy_when("false"))
    failure = refused(served, {"web": sick})
    assert (failure["kind"], failure["service"]) == ("unhealthy", "web")
    assert failure["last_lines"] == ["the-reason"]


def test_dependency_that_never_becomes_healthy_is_named(served: Box) -> None:
    sick = service(FOREVER, healthcheck=healthy_when("false"))
    web = service(FOREVER, depends_on={"database": {"condition": "service_healthy"}})
    failure = refused(served, {"database": sick, "web": web})
    assert (failure["kind"], failure["service"]) == ("unhealthy", "database")


def test_health_that_stays_undecided_is_given_up_on_at_the_limit(served: Box) -> None:
    slow = {**healthy_when("false"), "start_period": "1h"}
    failure = refused(served, {"web": service(FOREVER, healthcheck=slow)}, wait_seconds=2)
    assert failure["kind"] == "unhealthy"
    assert "after 2 s" in failure["sentence"]


def test_crash_loop_without_health_check_is_no_success(served: Box) -> None:
    failure = refused(served, {"web": service(CRASH)}, settle_seconds=3)
    assert (failure["kind"], failure["service"]) == ("crash_loop", "web")
    assert "exit code 3" in failure["sentence"]
    assert set(failure["last_lines"]) == {"the-reason"}


def test_service_that_needs_two_starts_is_given_them(box: Box) -> None:
    # A named volume outlives the restart, so the second start finds what the first one left.
    script = "test -e /data/seen || { echo > /data/seen; exit 1; }; exec sleep 1000"
    web = service(shell(script), volumes=["data:/data"])
    answer = box.deploy({"web": web}, top={"volumes": {"data": {}}}, settle_seconds=1)
    assert answer["failure"] is None


def test_container_that_ends_and_is_not_restarted_is_a_failure(served: Box) -> None:
    failure = refused(served, {"web": service(["true"], restart="no")})
    assert (failure["kind"], failure["service"]) == ("crash_loop", "web")


def test_migration_that_fails_is_named(served: Box) -> None:
    migration = service(CRASH, restart="no")
    web = service(
        FOREVER, depends_on={"migration": {"condition": "service_completed_successfully"}}
    )
    failure = refused(
        served,
        {"migration": migration, "web": web},
        expected={"migration": {"completes": True}, "web": {}},
    )
    assert (failure["kind"], failure["service"]) == ("crash_loop", "migration")
    assert failure["last_lines"] == ["the-reason"]


def test_program_that_does_not_exist_is_named(served: Box) -> None:
    failure = refused(served, {"web": service(["no-such-program"], init=False)})
    assert failure["kind"] == "crash_loop"
    assert "no-such-program" in failure["sentence"]


def test_taken_address_is_told_as_such(served: Box) -> None:
    net = {"ipam": {"config": [{"subnet": "10.231.77.0/24"}]}}
    same = {"ipv4_address": "10.231.77.9"}
    services = {name: service(FOREVER, networks={"edge": same}) for name in ("web", "other")}
    failure = refused(served, services, top={"networks": {"edge": net}})
    assert failure["kind"] == "port_taken"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        pytest.param({"privileged": True}, "privileged", id="privileged"),
        pytest.param({"volumes": ["/etc:/host"]}, "/host", id="host-directory"),
    ],
)
def test_what_runs_otherwise_than_expected_is_removed(served: Box, more: Json, says: str) -> None:
    expected = {"web": {"cap_add": [], "cap_drop": ["ALL"], "memory_bytes": 0}}
    failure = refused(served, {"web": service(FOREVER, **more)}, expected=expected)
    assert (failure["kind"], failure["service"]) == ("mismatch", "web")
    assert says in failure["sentence"]


def test_volume_that_reaches_the_host_is_a_mismatch(served: Box) -> None:
    options = {"type": "none", "o": "bind", "device": "/etc"}
    failure = refused(
        served,
        {"web": service(FOREVER, volumes=["data:/data"])},
        top={"volumes": {"data": {"driver_opts": options}}},
    )
    assert failure["kind"] == "mismatch"


def test_container_changed_behind_our_back_is_made_anew(box: Box) -> None:
    services = {"web": service(FOREVER, mem_limit="64m")}
    expected = {"web": {"memory_bytes": 64 * 1024 * 1024}}
    first = box.deploy(services, expected=expected)
    assert first["failure"] is None
    docker("update", "--memory", "128m", "--memory-swap", "256m", *first["containers"]["web"])
    second = box.deploy(services, expected=expected)
    assert (second["failure"], second["changed"]) == (None, True)
    assert second["containers"] != first["containers"]


def gateway(site: Path, text: str, *, check: str = "true", reload: str = "true") -> Json:
    return {
        "site": str(site),
        "text": text,
        "check": ["sh", "-c", check],
        "reload": ["sh", "-c", reload],
    }


@pytest.mark.parametrize("step", ["check", "reload"])
def test_gateway_that_refuses_keeps_the_last_good_site(shared_box: Box, step: str) -> None:
    box = shared_box
    site = box.directory / "sites" / "acme.conf"
    assert box.deploy(OLD, gateway=gateway(site, "old"))["failure"] is None
    bad = gateway(site, "new", **{step: f"echo the-reason; ! grep -q new {site}"})
    answer = box.deploy({"web": service(FOREVER)}, gateway=bad)
    assert answer["failure"]["kind"] == "gateway"
    assert answer["failure"]["last_lines"] == ["the-reason"]
    assert site.read_text() == "old"
    assert answer["rolled_back"] is True
    assert "1111" in box.command_of("web")


def test_routes_are_switched_only_once_the_new_version_is_up(shared_box: Box) -> None:
    box = shared_box
    site = box.directory / "sites" / "acme.conf"
    box.deploy(OLD, gateway=gateway(site, "old"))
    crash = service(CRASH, restart="no")
    answer = box.deploy({"web": crash}, gateway=gateway(site, "new", check="false"))
    assert answer["failure"]["kind"] == "crash_loop"
    assert site.read_text() == "old"


def test_failed_first_deployment_leaves_nothing_behind(box: Box) -> None:
    site = box.directory / "sites" / "acme.conf"
    answer = box.deploy(
        {"web": service(CRASH, restart="no", volumes=["data:/data"])},
        top={"volumes": {"data": {}}},
        gateway=gateway(site, "new"),
    )
    assert (answer["failure"]["kind"], answer["rolled_back"]) == ("crash_loop", False)
    assert box.containers() == []
    label = f"label=com.docker.compose.project={box.project}"
    assert docker("volume", "ls", "--quiet", "--filter", label) == ""
    assert docker("network", "ls", "--quiet", "--filter", label) == ""
    assert not site.exists()
    assert not (box.root / "current").exists()


def test_dead_engine_is_told_before_anything_is_touched(served: Box) -> None:
    wish = served.deployment({"web": service(FOREVER)})
    answer = served.call(wish, DOCKER_HOST=f"unix://{served.directory}/dead.sock")
    assert answer["failure"]["kind"] == "engine_down"
    assert "1111" in served.command_of("web")


@pytest.fixture
def small_disk(box: Box) -> Iterator[Path]:
    """The environment's directory on a file system of one megabyte."""
    box.root.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(box.root)]
    assert process.run(mount, limit=LIMIT).ok
    yield box.root
    assert process.run(["umount", str(box.root)], limit=LIMIT).ok


def test_full_disk_is_told_and_the_old_version_serves_on(box: Box, small_disk: Path) -> None:
    assert box.deploy(OLD)["failure"] is None
    before = box.containers()
    big = bundle(box.directory / "b.tar", {"big": "x" * 2_000_000})
    answer = box.deploy({"web": service(FOREVER)}, bundle=str(big))
    assert (answer["failure"]["kind"], answer["rolled_back"]) == ("disk_full", True)
    assert box.containers() == before
    # Room was made again by throwing the half-written version away.
    assert box.deploy({"web": service(["sleep", "2222"])})["failure"] is None
    assert small_disk.is_dir()


def test_disk_too_full_for_the_log_is_told(box: Box, small_disk: Path) -> None:
    assert box.deploy(OLD)["failure"] is None
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(b"x" * 2_000_000)
    answer = box.deploy({"web": service(FOREVER)})
    assert answer["failure"]["kind"] == "disk_full"
    assert "1111" in box.command_of("web")
