"""What the packet filter lets through: from outside to the machine, and from containers to it."""

import asyncio
import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.integration.ansible.machines import Machine, answers, docker, image_from_machine

pytestmark = pytest.mark.docker

SERVICE_PORT, PUBLISHED_PORT, INNER_PORT = 9010, 9011, 9012
PROBE = "probe:local"
SCAN_BATCH, SCAN_SECONDS = 400, 3
CONNECT = """
import socket, sys
for target in sys.argv[1:]:
    address, _, port = target.rpartition(":")
    client = socket.socket()
    client.settimeout(1.5)
    print(target, "reached" if client.connect_ex((address, int(port))) == 0 else "blocked")
"""
LISTEN = """
import socket, sys
servers = [socket.create_server(("0.0.0.0", int(port))) for port in sys.argv[1:]]
print("listening", flush=True)
while True:
    servers[0].accept()[0].close()
"""


@dataclass(frozen=True)
class Yard:
    """Two container networks of a machine, a service of the machine, a published port."""

    machine: Machine
    gateways: tuple[str, str]
    """Addresses of the machine on network a and on network b."""
    neighbour: str
    """Address of a container on network a."""
    stranger: str
    """Address of a container on network b, port published."""
    outside: str
    """A service beyond the machine, on a private address it reaches itself."""

    def reached(self, *targets: str) -> list[str]:
        """Return which of the targets a container on network a reaches."""
        said = self.machine.said(
            *("docker", "run", "--rm", "--network", "a", PROBE),
            *("python3", "-c", CONNECT, *targets),
        )
        rows = [line.split() for line in said.splitlines()]
        assert [row[0] for row in rows] == list(targets)
        return [row[0] for row in rows if row[1] == "reached"]


@pytest.fixture(scope="module")
def yard(machine: Machine) -> Iterator[Yard]:
    image_from_machine(machine, PROBE)
    for network in ("a", "b"):
        machine.said("docker", "network", "create", network)
    listen = ("python3", "-c", LISTEN)
    run = ("docker", "run", "--detach", "--init")
    machine.said(*run, "--name", "near", "--network", "a", PROBE, *listen, str(INNER_PORT))
    machine.said(
        *(*run, "--name", "far", "--network", "b"),
        *("--publish", f"{PUBLISHED_PORT}:{INNER_PORT}", PROBE, *listen, str(INNER_PORT)),
    )
    docker("exec", "--detach", machine.container, *listen, str(SERVICE_PORT))
    gateway = "{{(index .IPAM.Config 0).Gateway}}"
    inspect = ("docker", "network", "inspect", "--format", gateway)
    with _listener(_bridge(machine)) as outside:
        yield Yard(
            machine,
            (machine.said(*inspect, "a"), machine.said(*inspect, "b")),
            _address(machine, "near"),
            _address(machine, "far"),
            outside,
        )
    machine.run("docker", "rm", "--force", "near", "far")
    machine.run("docker", "network", "rm", "a", "b")
    machine.run("pkill", "-f", str(SERVICE_PORT))


def test_nothing_answers_from_outside_but_gateway_and_ssh(yard: Yard) -> None:
    machine = yard.machine
    listening = machine.said("ss", "-Hltn")
    ports = {int(found) for found in re.findall(r":(\d+)\s", listening)}
    # The scan means something only while other things do listen.
    assert {SERVICE_PORT, PUBLISHED_PORT} <= ports
    # Whatever could answer listens, published ports by their proxy; the low ones besides.
    found = asyncio.run(_scan(machine.address, ports | set(range(1, 1025))))
    assert found == {22, machine.gateway_port}


def test_containers_are_not_routed_to_from_outside(yard: Yard) -> None:
    route = f"{yard.stranger} via {yard.machine.address}"
    # The machine forwards for whoever asks it; only the filter is in the way.
    probe = docker(
        *("run", "--rm", "--privileged", "--network", f"{yard.machine.prefix}-machines"),
        *("--entrypoint", "sh", _image_of(yard.machine), "-c"),
        f"ip route add {route} && python3 -c '{CONNECT}' {yard.stranger}:{INNER_PORT}",
    )
    assert probe.output.split() == [f"{yard.stranger}:{INNER_PORT}", "blocked"]


def test_container_reaches_its_network_and_the_gateway_alone(yard: Yard) -> None:
    own, other, port = *yard.gateways, yard.machine.gateway_port
    allowed = [f"{yard.neighbour}:{INNER_PORT}", f"{own}:{port}", f"{yard.machine.address}:{port}"]
    refused = [
        f"{yard.stranger}:{INNER_PORT}",
        f"{own}:{PUBLISHED_PORT}",
        f"{other}:{PUBLISHED_PORT}",
        f"{yard.machine.address}:{PUBLISHED_PORT}",
        f"{own}:{SERVICE_PORT}",
        f"{yard.machine.address}:{SERVICE_PORT}",
        f"{own}:22",
        yard.outside,
    ]
    assert yard.reached(*allowed, *refused) == allowed


def test_without_the_rules_a_container_reaches_the_machine(yard: Yard) -> None:
    machine = yard.machine
    targets = [f"{yard.gateways[0]}:{SERVICE_PORT}", yard.outside]
    script = f"/etc/init.d/{machine.prefix}-firewall"
    machine.said(script, "stop")
    try:
        assert yard.reached(*targets) == targets
        assert answers(machine.address, SERVICE_PORT)
    finally:
        machine.said(script, "start")
    assert yard.reached(*targets) == []
    assert not answers(machine.address, SERVICE_PORT)


def test_a_mark_of_others_opens_nothing(yard: Yard) -> None:
    machine = yard.machine
    target = f"{yard.gateways[0]}:{SERVICE_PORT}"
    chain = "{ type filter hook prerouting priority mangle; }"
    machine.said("nft", f"add table inet other; add chain inet other marking {chain}")
    machine.said("nft", "add rule inet other marking meta mark set 0xffffffff")
    try:
        assert yard.reached(target, f"{yard.gateways[0]}:{machine.gateway_port}") == [
            f"{yard.gateways[0]}:{machine.gateway_port}"
        ]
    finally:
        machine.said("nft", "delete table inet other")


def test_rules_survive_a_restart_of_the_engine(yard: Yard) -> None:
    machine = yard.machine
    before = machine.said("nft", "--json", "list", "table", "inet", machine.prefix)
    machine.said("/etc/init.d/guesthouse-docker", "restart")
    machine.said("timeout", "60", "sh", "-c", "until docker version >/dev/null 2>&1; do :; done")
    # Containers outlive their engine.
    assert machine.said("docker", "ps", "--format", "{{.Names}}").split() == ["far", "near"]
    after = machine.said("nft", "--json", "list", "table", "inet", machine.prefix)
    assert _rules(after) == _rules(before)
    assert yard.reached(f"{yard.gateways[0]}:{SERVICE_PORT}") == []


def _rules(text: str) -> list[object]:
    """Return the rules without their counters."""
    rows = [row["rule"]["expr"] for row in json.loads(text)["nftables"] if "rule" in row]
    return [[part for part in row if "counter" not in part] for row in rows]


async def _scan(address: str, ports: set[int]) -> set[int]:
    """Return the ports that answer; what is dropped takes its time."""
    found: set[int] = set()
    turn = asyncio.Semaphore(SCAN_BATCH)

    async def look(port: int) -> None:
        try:
            async with turn, asyncio.timeout(SCAN_SECONDS):
                _, writer = await asyncio.open_connection(address, port)
        except (OSError, TimeoutError):
            return
        found.add(port)
        writer.close()

    await asyncio.gather(*(look(port) for port in ports))
    return found


class _listener:  # noqa: N801 - reads as a function
    """A service of this very machine, on one address."""

    def __init__(self, address: str) -> None:
        self._server = socket.create_server((address, 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        address, port = self._server.getsockname()
        return f"{address}:{port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                self._server.accept()[0].close()
            except OSError:
                return


def _bridge(machine: Machine) -> str:
    template = "{{(index .IPAM.Config 0).Gateway}}"
    return docker(
        "network", "inspect", "--format", template, f"{machine.prefix}-machines"
    ).output.strip()


def _address(machine: Machine, container: str) -> str:
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return machine.said("docker", "inspect", "--format", template, container)


def _image_of(machine: Machine) -> str:
    return docker("inspect", "--format", "{{.Image}}", machine.container).output.strip()
