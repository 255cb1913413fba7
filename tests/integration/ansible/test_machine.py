"""A machine provisioned over SSH: what it has, what a second run does, who gets in."""

import dataclasses
import ipaddress
import shutil
import ssl
from pathlib import Path

import httpx
import pytest

from guesthouse.instances import Connection
from tests.integration.ansible.conftest import Provisioned
from tests.integration.ansible.machines import (
    ROOT,
    Machine,
    Played,
    answers,
    docker,
    names,
)

pytestmark = pytest.mark.docker

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"


def test_launch_tells_how_the_machine_is_reached(provisioned: Provisioned) -> None:
    machine, answer = provisioned.machine, provisioned.launched.answer
    key = machine.said("cut", "-d", " ", "-f", "1,2", "/etc/ssh/ssh_host_ed25519_key.pub")
    assert answer == {
        "address": machine.address,
        "port": 22,
        "user": "root",
        "host_key": key,
        "gateway_address": "127.0.0.1",
        "gateway_port": machine.gateway_port,
    }
    assert (machine.work / "known_hosts").read_text() == f"{machine.address} {key}\n"
    assert (machine.work / "id_ed25519").stat().st_mode & 0o777 == 0o600


def test_a_machine_that_is_there_is_not_launched_again(machine: Machine) -> None:
    again = machine.launch()
    assert again.code == 0, again.output
    assert again.changed == []


def test_a_machine_meets_this_one_where_its_own_engine_has_no_network(machine: Machine) -> None:
    here = ipaddress.ip_address(machine.said("getent", "hosts", "console.localhost").split()[0])
    assert here not in ipaddress.ip_network("10.201.0.0/16")
    assert str(here) == machine.said("ip", "-4", "route", "show", "default").split()[2]
    inside = machine.said("ip", "-4", "-brief", "address")
    assert f" {here}/" not in inside


def test_provisioning_tells_what_the_machine_has(provisioned: Provisioned) -> None:
    answer = provisioned.played.answer
    assert {name: bool(answer[name]) for name in ("engine", "compose", "buildx", "nginx")} == {
        "engine": True,
        "compose": True,
        "buildx": True,
        "nginx": True,
    }
    assert answer["current"] is True
    assert answer["os"]["id"] == "debian"
    major, minor = (int(part) for part in answer["compose"].split(".")[:2])
    assert (major, minor) >= (2, 24)


def test_the_engine_is_set_up_as_ours(machine: Machine) -> None:
    template = "{{.Driver}} {{.LoggingDriver}} {{.LiveRestoreEnabled}}"
    assert machine.said("docker", "info", "--format", template) == "overlay2 local true"
    subnet = "{{(index .IPAM.Config 0).Subnet}}"
    machine.said("docker", "network", "create", "pooled")
    assert machine.said("docker", "network", "inspect", "--format", subnet, "pooled").startswith(
        "10.201."
    )
    machine.said("docker", "network", "rm", "pooled")


def test_services_of_packages_stay_asleep(machine: Machine) -> None:
    started = machine.said("sh", "-c", "cd /etc/rc2.d && echo S*").split()
    assert [name for name in started if name.endswith(("nginx", "docker"))] == [
        name for name in started if name.endswith("guesthouse-docker")
    ]
    masters = machine.said("pgrep", "-f", "nginx: master").split()
    assert len(masters) == 1


def test_current_machine_is_left_after_one_look(provisioned: Provisioned) -> None:
    again = provisioned.machine.provision(provisioned.fingerprint)
    assert again.code == 0, again.output
    assert again.tasks == ["Look at the machine"]
    assert again.changed == []
    assert again.answer == provisioned.played.answer


def test_provisioning_anew_changes_the_fingerprint_alone(machine: Machine) -> None:
    again = machine.provision("another")
    assert again.code == 0, again.output
    assert again.changed == ["Forget the fingerprint", "Remember what the machine has"]
    assert machine.said("head", "-n", "1", f"{ROOT}/fingerprints/box") == "another"


def test_sudo_user_provisions_as_root_does(machine: Machine) -> None:
    script = (
        "useradd --create-home deploy; install -d -o deploy /home/deploy/.ssh; "
        "install -o deploy /root/.ssh/authorized_keys /home/deploy/.ssh/; "
        "echo 'deploy ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/deploy"
    )
    machine.said("sh", "-c", script)
    connection = dataclasses.replace(machine.connection, user="deploy")
    played = machine.play("playbooks/provision.yml", connection, guesthouse_fingerprint="deploy")
    assert played.code == 0, played.output
    assert played.changed == ["Forget the fingerprint", "Remember what the machine has"]


def test_current_needs_a_gateway_that_answers(machine: Machine) -> None:
    machine.provision("gateway away")
    machine.said(f"/etc/init.d/{machine.prefix}-gateway", "stop")
    mended = machine.provision("gateway away")
    assert mended.code == 0, mended.output
    assert "guesthouse.platform.gateway : Run the gateway" in mended.changed
    assert answers("127.0.0.1", machine.gateway_port)


def test_a_gateways_port_that_another_program_has_is_told(machine: Machine) -> None:
    port = str(machine.gateway_port)
    gateway = f"/etc/init.d/{machine.prefix}-gateway"
    before = machine.said("md5sum", gateway)
    machine.said(gateway, "stop")
    squat = f"python3 -m http.server {port} >/dev/null 2>&1 & echo $!"
    foreign = machine.said("sh", "-c", squat)
    try:
        listening = f"until ss -ltn 'sport = :{port}' | grep -q LISTEN; do :; done"
        machine.said("timeout", "10", "sh", "-c", listening)
        refused = machine.provision("port taken")
        assert refused.code != 0
        assert f"port {port} is taken by another program" in refused.output
        assert not machine.run("pgrep", "-f", "nginx: master").ok
        assert machine.said("cat", f"/proc/{foreign}/comm") == "python3"
        assert machine.said("md5sum", gateway) == before
        assert not machine.run("test", "-e", f"{ROOT}/fingerprints/box").ok
    finally:
        machine.said("kill", foreign)
    mended = machine.provision("port free")
    assert mended.code == 0, mended.output
    assert answers("127.0.0.1", machine.gateway_port)


def test_changed_host_key_is_refused(machine: Machine) -> None:
    known_hosts = machine.work / "known_hosts"
    kept = known_hosts.read_text()
    known_hosts.write_text(f"{machine.address} {OTHER_KEY}\n")
    try:
        refused = machine.play(
            "playbooks/provision.yml",
            machine.connection,
            guesthouse_fingerprint="other key",
            # A connection that is open already would be used without asking again.
            home="elsewhere",
        )
    finally:
        known_hosts.write_text(kept)
    assert refused.code != 0
    assert refused.tasks == []
    assert "Host key verification failed" in refused.output


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        pytest.param(OTHER_KEY, "showed another host key", id="another"),
        pytest.param("", "its host_key is not declared", id="none"),
        pytest.param("ssh-dss AAAA", "is not a public key", id="no key"),
    ],
)
def test_existing_machine_needs_the_host_key_declared(
    machine: Machine, tmp_path: Path, declared: str, sentence: str
) -> None:
    played = _existing(machine, tmp_path, host_key=declared)
    assert played.code != 0
    assert sentence in played.output


def test_existing_machine_is_reached_with_its_own_key(machine: Machine, tmp_path: Path) -> None:
    key = (machine.work / "known_hosts").read_text().partition(" ")[2].strip()
    played = _existing(machine, tmp_path, host_key=f"{key} root@somewhere")
    assert played.code == 0, played.output
    assert played.answer["host_key"] == key
    assert played.answer["gateway_address"] == machine.address


def test_existing_machine_refusing_our_key_is_told_apart(machine: Machine, tmp_path: Path) -> None:
    key = (machine.work / "known_hosts").read_text().partition(" ")[2].strip()
    played = _existing(machine, tmp_path, host_key=key, own_key=True)
    assert played.code != 0
    assert "refused our key" in played.output
    assert "ssh-ed25519 " in played.output


def test_gateway_speaks_https_alone(machine: Machine, tmp_path: Path) -> None:
    port = machine.gateway_port
    trust = tmp_path / "ca.pem"
    trust.write_text(str(machine.extra["guesthouse_ca"]))
    context = ssl.create_default_context(cafile=str(trust))
    context.check_hostname = False
    with httpx.Client(verify=context) as client:
        unknown = client.get(f"https://127.0.0.1:{port}/", headers={"Host": "x.apps.localhost"})
        plain = client.get(f"http://127.0.0.1:{port}/a?b=c", headers={"Host": "x.apps.localhost"})
    assert unknown.status_code == 421
    assert unknown.headers["strict-transport-security"] == "max-age=31536000"
    assert plain.status_code == 308
    assert plain.headers["location"] == f"https://x.apps.localhost:{port}/a?b=c"


def test_machine_comes_back_whole_after_a_restart(machine: Machine) -> None:
    assert machine.provision("before the restart").code == 0
    assert docker("restart", machine.container).ok
    assert machine.launch().code == 0
    wait = f"until echo > /dev/tcp/127.0.0.1/{machine.gateway_port}; do :; done 2>/dev/null"
    machine.said("timeout", "60", "bash", "-c", wait)
    again = machine.provision("before the restart")
    assert again.tasks == ["Look at the machine"]
    assert machine.said("nft", "list", "tables").count(machine.prefix) == 1


def test_destroy_leaves_nothing(provisioned: Provisioned, tmp_path: Path) -> None:
    assert provisioned.launched.code == 0
    directory = tmp_path / "brief"
    directory.mkdir()
    brief = Machine(directory)
    launched = brief.launch()
    assert launched.code == 0, launched.output
    kinds = ("container", "volume", "network")
    assert [len(names(kind, brief.prefix)) for kind in kinds] == [1, 1, 1]
    destroyed = brief.destroy()
    assert destroyed.code == 0, destroyed.output
    assert [names(kind, brief.prefix) for kind in kinds] == [[], [], []]
    assert list(brief.work.iterdir()) == []
    assert len(destroyed.answer["removed"]) == 6
    assert brief.destroy().changed == []


def _existing(
    machine: Machine, directory: Path, *, host_key: str, own_key: bool = False
) -> Played:
    work = directory / "existing"
    work.mkdir()
    if not own_key:
        shutil.copy(machine.work / "id_ed25519", work / "id_ed25519")
        shutil.copy(machine.work / "id_ed25519.pub", work / "id_ed25519.pub")
    return machine.play(
        "providers/ssh/launch.yml",
        Connection(""),
        guesthouse_work=str(work),
        guesthouse_address=machine.address,
        guesthouse_host_key=host_key,
    )
