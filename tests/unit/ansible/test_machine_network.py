import ipaddress

import pytest

from tests.unit.ansible.parts import part

machine_network = part("machine_network")
POOL = ipaddress.ip_network("10.201.0.0/16")
HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
# As a little-endian kernel writes them: the default route, 172.16.0.0/23 and 192.0.2.0/24.
ROUTES = (
    f"{HEAD}eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    "tun0\t00000000\t010200C0\t0003\t0\t0\t0\t00000080\t0\t0\t0\n"
    "br-1\t000010AC\t00000000\t0001\t0\t0\t0\t00FEFFFF\t0\t0\t0\n"
    "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
)


def networks(*texts: str) -> list[ipaddress.IPv4Network]:
    return [ipaddress.IPv4Network(text) for text in texts]


def test_the_kernels_routes_are_read_without_the_default_one() -> None:
    assert machine_network.routed(ROUTES) == networks("172.16.0.0/23", "192.0.2.0/24")


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        pytest.param((), "172.16.0.0/24", id="none"),
        pytest.param(("172.16.0.0/23",), "172.16.2.0/24", id="first"),
        pytest.param(("172.16.0.17/32",), "172.16.1.0/24", id="one-address"),
        pytest.param(("172.0.0.0/8", "192.168.0.0/17"), "192.168.128.0/24", id="bases"),
    ],
)
def test_the_first_network_that_nobody_has_is_taken(taken: tuple[str, ...], expected: str) -> None:
    assert str(machine_network.free([POOL, *networks(*taken)])) == expected


def test_no_network_left_is_told() -> None:
    with pytest.raises(machine_network.NoNetworkFree):
        machine_network.free(networks("0.0.0.0/0"))
