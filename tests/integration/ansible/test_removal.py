"""Taking everything off a machine again; the last test of the machine, by its file's name."""

import pytest

from tests.integration.ansible.machines import ROOT, Machine

pytestmark = pytest.mark.docker

PLACES = (
    ROOT,
    "/etc/docker/daemon.json",
    "/etc/logrotate.d/*-gateway",
    "/etc/init.d/guesthouse-*",
    "/var/cache/*-gateway",
    "/var/log/guesthouse-*",
)


def test_destroying_takes_all_off_but_the_packages(machine: Machine) -> None:
    assert machine.provision("before the end").code == 0
    project = ("docker", "network", "create", "--label", "com.docker.compose.project=gh-acme")
    machine.said("mkdir", "-p", f"{ROOT}/environments/acme")
    machine.said(*project, "gh-acme_edge")
    machine.said("docker", "network", "create", "somebody-elses")
    destroyed = machine.play("playbooks/destroy.yml", machine.connection)
    assert destroyed.code == 0, destroyed.output
    assert destroyed.answer["removed"][-1] == ROOT
    assert any("of gh-acme" in row for row in destroyed.answer["removed"])
    assert {"docker.io", "nginx"} <= set(destroyed.answer["kept_packages"])
    left = machine.said("sh", "-c", f"ls -d {' '.join(PLACES)} 2>/dev/null || true")
    assert left == ""
    assert machine.said("nft", "list", "tables").count(machine.prefix) == 0
    assert machine.run("pgrep", "-f", "nginx: master|dockerd|guesthouse_relay").output == ""


def test_destroying_twice_changes_nothing(machine: Machine) -> None:
    machine.play("playbooks/destroy.yml", machine.connection)
    again = machine.play("playbooks/destroy.yml", machine.connection)
    assert again.code == 0, again.output
    assert again.changed == []
