from typing import Any

import pytest

from tests.unit.ansible.parts import part

deployment = part("stack_deployment")


def raw(**more: object) -> dict[str, object]:
    return {
        "action": "deploy",
        "root": "/var/lib/guesthouse/environments/acme",
        "project": "gh-acme",
        "environment": "acme",
        "run": "run_1",
        "log": "/var/log/x",
        "compose": "services: {}",
        **more,
    }


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"acton": "deploy"}, id="unknown-key"),
        pytest.param({"action": "format"}, id="unknown-action"),
        pytest.param({"project": "gh acme"}, id="project-with-space"),
        pytest.param({"project": "-p"}, id="project-like-an-option"),
        pytest.param({"run": "../x"}, id="run-with-path"),
        pytest.param({"root": "/"}, id="root-of-all"),
        pytest.param({"root": "/etc/.."}, id="root-with-parent"),
        pytest.param({"root": "relative/path"}, id="root-relative"),
        pytest.param({"log": "log"}, id="log-relative"),
        pytest.param({"files": {"current/compose.yaml": ""}}, id="file-elsewhere"),
        pytest.param({"files": {"files/../../x": ""}}, id="file-with-parent"),
        pytest.param({"files": {"/files/a/b": ""}}, id="file-absolute"),
        pytest.param({"files": {"files/a": ""}}, id="file-without-tag"),
        pytest.param({"mounts": {"files/a/b": "x"}}, id="mount-elsewhere"),
        pytest.param({"mounts": {"mounts/a/b": "../x"}}, id="mount-from-parent"),
        pytest.param({"mounts": {"mounts/a/b": "/etc"}}, id="mount-from-root"),
        pytest.param({"env_file": "/etc/passwd"}, id="env-file-elsewhere"),
        pytest.param({"compose": None}, id="deploy-without-compose"),
        pytest.param({"action": "test"}, id="test-without-test"),
        pytest.param({"gateway": {"site": "/x"}}, id="gateway-incomplete"),
    ],
)
def test_deployment_that_makes_no_sense_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(deployment.BadDeployment):
        deployment.read(raw(**more))


def test_refusal_of_a_key_never_repeats_a_value() -> None:
    with pytest.raises(deployment.BadDeployment) as caught:
        deployment.read(raw(passwd="a-secret"))  # noqa: S106 - of nobody
    assert "a-secret" not in str(caught.value)


def version(**more: object) -> str:
    read: Any = deployment.read(raw(**more))
    return str(read.version_id("bundle"))


def test_version_does_not_depend_on_the_run() -> None:
    assert version(run="run_1") == version(run="run_2")


@pytest.mark.parametrize(
    "more",
    [
        {"compose": "services: {a: {}}"},
        {"files": {"files/a/b": "x"}},
        {"mounts": {"mounts/a/b": "x"}},
        {"expected": {"web": {}}},
        {"gateway": {"site": "/s", "text": "t", "check": [], "reload": []}},
    ],
    ids=["compose", "files", "mounts", "expected", "routes"],
)
def test_version_depends_on_everything_that_runs(more: dict[str, object]) -> None:
    assert version(**more) != version()
