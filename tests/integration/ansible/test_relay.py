"""The relay on a machine: whose it is, and who can speak to it."""

import pytest

from tests.integration.ansible.machines import Machine

pytestmark = pytest.mark.docker

SPEAK = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"


def _socket(machine: Machine) -> str:
    return f"/var/cache/{machine.prefix}-gateway/relay/socket"


def test_the_relay_is_nginxs_user_and_not_root(machine: Machine) -> None:
    process = machine.said("cat", f"/run/{machine.prefix}-relay.pid")
    assert machine.said("ps", "-o", "user=", "-p", process) == "www-data"
    status = machine.said("grep", "^Groups:", f"/proc/{process}/status")
    assert status.split() == ["Groups:"]


def test_its_socket_is_for_nginxs_user_alone(machine: Machine) -> None:
    place = _socket(machine)
    assert machine.said("stat", "-c", "%a %U %F", place) == "600 www-data socket"
    for directory in (place.rpartition("/")[0], place.rsplit("/", 2)[0]):
        assert machine.said("stat", "-c", "%a %U", directory) == "700 www-data"
    words = ("python3", "-c", SPEAK, place)
    assert machine.run("setpriv", "--reuid=www-data", "--clear-groups", *words).ok
    refused = machine.run("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *words)
    assert not refused.ok
    assert "PermissionError" in refused.output + refused.errors


def test_it_outlives_a_reload_of_services(machine: Machine) -> None:
    before = machine.said("cat", f"/run/{machine.prefix}-relay.pid")
    machine.said(f"/etc/init.d/{machine.prefix}-relay", "reload")
    machine.said(f"/etc/init.d/{machine.prefix}-relay", "status")
    assert machine.said("cat", f"/run/{machine.prefix}-relay.pid") == before
