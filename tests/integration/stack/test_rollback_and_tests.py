"""Functional tests beside the running version, and taking a version back when they are red."""

import datetime as dt

import pytest

from tests.integration.stack.box import BASE_IMAGE, FOREVER, Box, Json, docker, service, shell

pytestmark = pytest.mark.docker

PROFILE = ["guesthouse-test"]
TOKEN = "a$token$$with-dollars"  # noqa: S105 - of nobody


def with_tests(script: str, *, seconds: int = 1111) -> Json:
    return {
        "web": service(["sleep", str(seconds)]),
        "checks": service(
            shell(script),
            profiles=PROFILE,
            restart="no",
            depends_on=["web"],
            networks={"default": {}},
        ),
    }


def wish(box: Box, **more: object) -> Json:
    test = {
        "service": "checks",
        "environment": {"GUESTHOUSE_TOKEN": TOKEN},
        "hosts": {"app--acme.apps.localhost": "10.9.8.7"},
        "junit": "/results/junit.xml",
        "ca": "the-ca",
        "timeout_seconds": 30,
        **more,
    }
    return box.action("test", test=test)


def test_green_tests_give_their_report_and_leave_no_container(box: Box) -> None:
    script = (
        "echo live-line; cat /guesthouse/ca.pem /etc/hosts; "
        "echo \"<testsuite token='$GUESTHOUSE_TOKEN'/>\" > /results/junit.xml"
    )
    deployed = box.deploy(with_tests(script))
    assert set(deployed["containers"]) == {"web"}
    asked = wish(box)
    answer = box.call(asked)
    assert (answer["failure"], answer["exit_code"], answer["changed"]) == (None, 0, False)
    assert answer["junit"] == f"<testsuite token='{TOKEN}'/>\n"
    log = (box.directory / "test.log").read_text()
    assert "live-line" in log
    assert "the-ca" in log
    assert "10.9.8.7" in log
    assert box.containers() == deployed["containers"]["web"]
    assert not (box.root / "test").exists()


def test_red_tests_are_told_with_report_and_last_lines(box: Box) -> None:
    box.deploy(with_tests("echo the-reason; echo '<red/>' > /results/junit.xml; exit 2"))
    answer = box.call(wish(box))
    assert (answer["failure"]["kind"], answer["exit_code"]) == ("test", 2)
    assert answer["junit"] == "<red/>\n"
    assert answer["failure"]["last_lines"] == ["the-reason"]
    assert "1111" in box.command_of("web")


def test_tests_that_hang_are_ended(box: Box) -> None:
    box.deploy(with_tests("echo the-reason; sleep 1000"))
    answer = box.call(wish(box, timeout_seconds=1))
    assert answer["failure"]["kind"] == "test"
    assert "within 1 s" in answer["failure"]["sentence"]
    assert len(box.containers()) == 1


def test_a_service_that_ends_while_tests_pass_is_no_success(box: Box) -> None:
    services = with_tests("sleep 9")
    services["web"] = service(shell("sleep 6; echo the-reason; exit 3"))
    answer = box.deploy(services, settle_seconds=7, is_tested=True, wait_seconds=5)
    assert answer["failure"] is None
    answer = box.call(wish(box))
    failure = answer["failure"]
    assert (failure["kind"], failure["service"], answer["exit_code"]) == ("crash_loop", "web", 0)
    assert set(failure["last_lines"]) == {"the-reason"}


def test_a_service_that_ends_again_and_again_while_tests_pass_is_no_success(box: Box) -> None:
    # It would stand for as long as it must once the tests are over.
    services = with_tests("sleep 15")
    script = (
        "mkdir /data/first && { sleep 6; exit 3; }; "
        "for each in 1 2 3 4 5; do mkdir /data/$each && exit 3; done; exec sleep 1000"
    )
    services["web"] = service(shell(script), volumes=["data:/data"])
    top: Json = {"volumes": {"data": {}}}
    answer = box.deploy(services, top=top, settle_seconds=1, is_tested=True)
    assert answer["failure"] is None
    failure = box.call(wish(box))["failure"]
    assert (failure["kind"], failure["service"]) == ("crash_loop", "web")
    assert "times" in failure["sentence"]


def test_a_task_that_ends_well_while_tests_pass_is_a_success(box: Box) -> None:
    services = with_tests("sleep 4")
    services["seed"] = service(shell("sleep 3"), restart="on-failure")
    answer = box.deploy(services, settle_seconds=2, is_tested=True)
    assert answer["failure"] is None
    assert box.call(wish(box))["failure"] is None


def test_what_the_tests_alone_depend_on_goes_with_them(box: Box) -> None:
    services = with_tests("true")
    services["browser"] = service(["sleep", "1000"], profiles=PROFILE)
    services["checks"]["depends_on"] = ["web", "browser"]
    deployed = box.deploy(services, is_tested=True)
    assert box.call(wish(box))["failure"] is None
    assert box.containers() == deployed["containers"]["web"]


def test_what_is_left_of_settling_is_waited_for_after_the_tests(box: Box) -> None:
    box.deploy(with_tests("true"), settle_seconds=8, is_tested=True)
    answer = box.call(wish(box))
    assert answer["failure"] is None
    assert answer["timings"]["settle"] > 0.5
    (name,) = box.containers()
    started = docker("inspect", "--format", "{{.State.StartedAt}}", name)
    stood = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(started)
    assert stood >= dt.timedelta(seconds=8)


def test_a_version_taken_back_takes_the_volumes_along_that_it_brought(box: Box) -> None:
    data: Json = {"volumes": {"data": {}}}
    assert box.deploy({"web": service(FOREVER)})["failure"] is None
    changed = {"web": service(FOREVER, volumes=["data:/data"])}
    assert box.deploy(changed, top=data, is_tested=True)["failure"] is None
    assert box.volumes() == [f"{box.project}_data"]
    assert box.call(box.action("rollback"))["failure"] is None
    assert box.volumes() == []


def test_tests_that_could_do_harm_are_not_started(box: Box) -> None:
    services = with_tests("echo started")
    services["checks"]["privileged"] = True
    box.deploy(services)
    answer = box.call(wish(box))
    assert answer["failure"]["kind"] == "mismatch"
    assert "started" not in (box.directory / "test.log").read_text().split()


def test_report_that_is_no_file_is_no_report(box: Box) -> None:
    box.deploy(with_tests("mkdir /results/junit.xml"))
    answer = box.call(wish(box))
    assert (answer["failure"], answer["junit"]) == (None, None)


def test_rollback_brings_back_what_this_run_replaced_and_may_be_repeated(box: Box) -> None:
    first = box.deploy(with_tests("true", seconds=1111))
    box.deploy(with_tests("true", seconds=2222))
    answer = box.call(box.action("rollback"))
    assert (answer["failure"], answer["rolled_back"], answer["changed"]) == (None, True, True)
    assert "1111" in box.command_of("web")
    assert answer["digests"] == first["digests"]
    again = box.call(box.action("rollback"))
    assert (again["failure"], again["changed"]) == (None, False)
    assert "1111" in box.command_of("web")


def test_rollback_brings_back_the_very_image_under_the_same_name(box: Box) -> None:
    image = f"gh/{box.project}/web:same"
    for text in ("old", "new"):
        docker_build(box, image, text)
        answer = box.deploy({"web": service(FOREVER, image=image, labels={"text": text})})
        assert answer["failure"] is None
    assert box.call(box.action("rollback"))["failure"] is None
    (name,) = box.containers()
    assert "TEXT=old" in docker("inspect", "--format", "{{.Config.Env}}", name)


def test_rollback_of_a_run_that_changed_nothing_changes_nothing(box: Box) -> None:
    box.deploy(with_tests("true", seconds=1111))
    box.deploy(with_tests("true", seconds=2222))
    box.deploy(with_tests("true", seconds=2222))
    answer = box.call(box.action("rollback"))
    assert (answer["failure"], answer["changed"]) == (None, False)
    assert "2222" in box.command_of("web")


def test_rollback_of_the_first_version_takes_it_down(box: Box) -> None:
    box.deploy(with_tests("true"))
    answer = box.call(box.action("rollback"))
    assert (answer["failure"], answer["rolled_back"], answer["changed"]) == (None, False, True)
    assert box.containers() == []
    assert not (box.root / "current").exists()


def test_tests_without_a_version_are_told_so(box: Box) -> None:
    answer = box.call(wish(box))
    assert answer["failure"]["kind"] == "test"


def docker_build(box: Box, image: str, text: str) -> None:
    directory = box.directory / f"build-{text}"
    directory.mkdir()
    label = f'LABEL com.docker.compose.project="{box.project}"'
    (directory / "Dockerfile").write_text(f"FROM {BASE_IMAGE}\n{label}\nENV TEXT={text}\n")
    docker("build", "--quiet", "--tag", image, str(directory))
