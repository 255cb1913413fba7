"""One environment from nothing to nothing, as an operator and a partner's program meet it."""

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.plane import GATEWAY_PORT, INFLUX_PORT, Plane, wait_until, write_estate
from tests.acceptance.tiny import COMPOSE, RED_CHECKS, Tiny, estate

pytestmark = pytest.mark.docker
WEB = f"https://web--tiny-acme.apps.localhost:{GATEWAY_PORT}/"
OPEN = f"https://open--tiny-acme.apps.localhost:{GATEWAY_PORT}/"


def docker(*argv: str) -> str:
    done = subprocess.run(["docker", *argv], check=True, capture_output=True, text=True)
    return done.stdout


class Deployed:
    """The tiny product, up, with its repository and its estate."""

    def __init__(self, plane: Plane, tiny: Tiny, place: Path) -> None:
        self.plane, self.tiny, self.place = plane, tiny, place

    def page(self) -> str:
        with self.plane.client(token=self.plane.token) as client:
            return client.get(WEB).text.strip()

    def containers(self) -> list[str]:
        label = "label=com.docker.compose.project=gh-tiny-acme"
        said = docker("ps", "--all", "--quiet", "--no-trunc", "--filter", label)
        return sorted(said.split())

    def step(self, run: str, name: str) -> str:
        """Return how a step of a run stands."""
        steps = self.plane.ok("run", "show", run, "--json").json["steps"]
        return str(next(step["state"] for step in steps if step["name"] == name))

    def fails(self, says: str, *, code: int = 1) -> str:
        """Apply, expect it to fail with these words, and the earlier version to serve."""
        before = self.page()
        said = self.plane.run("apply", self.place, "--yes")
        assert (said.code, says in said.err) == (code, True), said.out + said.err
        assert "next:" in said.err
        assert self.page() == before
        return said.err


@pytest.fixture(scope="module")
def deployed(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    folder = tmp_path_factory.mktemp("tiny")
    tiny = Tiny(folder / "repository")
    tiny.create()
    tiny.commit(page="one")
    place = write_estate(folder / "estate", estate(tiny.url))
    plane.ok("apply", place, "--yes")
    return Deployed(plane, tiny, place)


def test_a_program_with_a_token_gets_in_and_nobody_else(deployed: Deployed) -> None:
    assert deployed.page() == "one"
    with deployed.plane.client() as client:
        assert client.get(WEB).status_code == 401
        assert client.get(OPEN).text.strip() == "one"
        assert client.get(OPEN).headers["strict-transport-security"].startswith("max-age=")


@pytest.mark.usefixtures("deployed")
def test_plain_http_is_sent_to_https() -> None:
    with socket.create_connection(("127.0.0.1", GATEWAY_PORT), timeout=5) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: open--tiny-acme.apps.localhost\r\n\r\n")
        answer = plain.recv(4096).decode()
    assert " 30" in answer.splitlines()[0]
    assert f"Location: https://open--tiny-acme.apps.localhost:{GATEWAY_PORT}/" in answer


def test_nothing_is_published_on_the_host(deployed: Deployed) -> None:
    bindings = docker(
        "inspect", "--format", "{{json .HostConfig.PortBindings}}", *deployed.containers()
    )
    assert set(bindings.split()) <= {"{}", "null"}


def test_a_second_apply_touches_nothing(deployed: Deployed) -> None:
    before = deployed.containers()
    said = deployed.plane.ok("apply", deployed.place, "--yes", "--json")
    assert said.json["runs"] == []
    assert deployed.containers() == before


def test_the_junit_of_the_run_is_kept(deployed: Deployed) -> None:
    run = deployed.plane.ok("env", "show", "tiny-acme", "--json").json["current_run"]
    assert "<testcase name='serves'/>" in deployed.plane.ok("run", "junit", run).out


def test_the_log_holds_builds_notices_and_tests(deployed: Deployed) -> None:
    run = deployed.plane.ok("env", "show", "tiny-acme", "--json").json["current_run"]
    log = deployed.plane.ok("run", "log", run).out
    assert "apt-get" in log
    steps = deployed.plane.ok("run", "show", run, "--json").json["steps"]
    assert [step["name"] for step in steps] == [
        "launch",
        "provision",
        "fetch",
        "check",
        "deploy",
        "test",
        "ready",
    ]
    assert {step["state"] for step in steps} == {"succeeded"}


def test_no_secret_is_in_log_lock_or_state(deployed: Deployed) -> None:
    secret = docker("exec", deployed.containers()[0], "printenv", "SESSION_KEY").strip()
    assert len(secret) == 32
    run = deployed.plane.ok("env", "show", "tiny-acme", "--json").json["current_run"]
    said = deployed.plane.ok("run", "log", run).out
    said += deployed.plane.ok("env", "lock", "tiny-acme").out
    database = (deployed.plane.state / "guesthouse.sqlite").read_bytes()
    assert secret not in said
    assert secret.encode() not in database


def test_the_instances_metrics_arrive(deployed: Deployed) -> None:
    password = (deployed.plane.state / "host" / "influxdb" / "admin.password").read_text().strip()
    query = {"db": "gh_local", "q": "SELECT count(usage_idle) FROM cpu", "u": "admin"}

    def series() -> list[dict[str, Any]]:
        answer = httpx.get(
            f"http://127.0.0.1:{INFLUX_PORT}/query", params={**query, "p": password}
        ).json()
        return list(answer["results"][0].get("series", ()))

    wait_until(lambda: bool(series()), seconds=40)
    [[_, count]] = series()[0]["values"]
    assert count > 0


def test_a_lock_reproduces_what_ran(deployed: Deployed, tmp_path: Path) -> None:
    lock = deployed.plane.ok("env", "lock", "tiny-acme").out
    (tmp_path / "lock.json").write_text(lock)
    deployed.tiny.commit(page="two")
    deployed.plane.ok("apply", deployed.place, "--yes")
    assert deployed.page() == "two"
    deployed.plane.ok(
        "apply", deployed.place, "--env", "tiny-acme", "--locked", tmp_path / "lock.json", "--yes"
    )
    assert deployed.page() == "one"
    again = json.loads(deployed.plane.ok("env", "lock", "tiny-acme").out)
    assert again["images"] == json.loads(lock)["images"]


def test_a_red_test_leaves_the_earlier_version_serving(deployed: Deployed) -> None:
    deployed.tiny.commit(page="red", checks_sh=RED_CHECKS)
    said = deployed.fails("the earlier version serves")
    assert "the answer is wrong" in said


def test_an_image_that_does_not_build_changes_nothing(deployed: Deployed) -> None:
    deployed.tiny.commit(page="broken", Dockerfile="FROM debian:bookworm-slim\nRUN false\n")
    deployed.fails("build")


def test_a_container_that_is_never_healthy_is_taken_back(deployed: Deployed) -> None:
    sick = COMPOSE.replace("127.0.0.1:8080/", "127.0.0.1:1/")
    deployed.tiny.commit(page="sick", compose_yaml=sick)
    deployed.fails("is starting after")


def test_a_crash_loop_without_health_check_is_not_called_up(deployed: Deployed) -> None:
    lines = [line for line in COMPOSE.splitlines() if "healthcheck" not in line]
    loop = "\n".join(lines).replace('[busybox, httpd, -f, -p, "8080", -h, /www]', '["false"]')
    deployed.tiny.commit(page="loop", compose_yaml=loop + "\n")
    deployed.fails("web")


@pytest.mark.parametrize(
    ("compose", "says"),
    [
        ("services: [", "compose.yaml"),
        ("services:\n  web: {build: ., privileged: true}\n", "privileged"),
        ("services:\n  web: {build: ., colour: red}\n", "colour"),
    ],
    ids=["no YAML", "refused", "unknown key"],
)
def test_a_bad_compose_file_is_refused_with_its_path(
    deployed: Deployed, compose: str, says: str
) -> None:
    deployed.tiny.commit(page="bad", compose_yaml=compose)
    deployed.fails(says, code=2)


def test_what_was_being_tested_at_a_kill_is_taken_back(deployed: Deployed) -> None:
    before = deployed.page()
    deployed.tiny.commit(page="untested", checks_sh="sleep 50\n")
    said = deployed.plane.ok("apply", deployed.place, "--yes", "--detach", "--json")
    run = said.json["runs"][0]["id"]
    wait_until(lambda: deployed.page() == "untested", seconds=120)
    wait_until(lambda: deployed.step(run, "test") == "running", seconds=20)
    deployed.plane.kill()
    deployed.plane.start()
    wait_until(lambda: deployed.step(run, "test") == "failed", seconds=60)
    assert "serves again" in deployed.plane.ok("run", "show", run, "--json").json["sentence"]
    assert deployed.page() == before


def test_a_ref_that_does_not_exist_is_told_before_anything_runs(
    deployed: Deployed, tmp_path: Path
) -> None:
    place = write_estate(tmp_path, estate(deployed.tiny.url, ref="no-such-branch"))
    said = deployed.plane.run("apply", place, "--yes")
    assert said.code == 2
    assert "no-such-branch" in said.err


def test_a_git_host_that_is_away_is_told(deployed: Deployed, tmp_path: Path) -> None:
    place = write_estate(tmp_path, estate("https://127.0.0.1:1/tiny.git"))
    said = deployed.plane.run("apply", place, "--yes")
    assert said.code == 7, said.err


def test_destroying_leaves_nothing_behind(deployed: Deployed) -> None:
    """Runs last in this module: it takes the environment away."""
    deployed.plane.ok("env", "destroy", "tiny-acme", "--yes")
    assert deployed.containers() == []
    for kind in ("network", "volume"):
        assert docker(kind, "ls", "--quiet", "--filter", "name=gh-tiny-acme") == ""
    assert not (deployed.plane.state / "host" / "environments" / "tiny-acme").exists()
    assert deployed.plane.run("env", "show", "tiny-acme").code == 4
