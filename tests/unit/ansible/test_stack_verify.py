from collections.abc import Sequence
from typing import Any

import pytest

from tests.unit.ansible.parts import part

verify = part("stack_verify")
ROOT = "/var/lib/guesthouse/environments/acme"


def shown(
    *,
    networks: tuple[str, ...] = ("gh-acme_edge",),
    mounts: Sequence[dict[str, Any]] = (),
    **host: Any,  # noqa: ANN401
) -> dict[str, Any]:
    settings = {
        "CapAdd": ["CAP_CHOWN"],
        "CapDrop": ["ALL"],
        "Memory": 512,
        "MemorySwap": 512,
        "PidsLimit": 100,
        "NanoCpus": 10,
        "ReadonlyRootfs": False,
        "Privileged": False,
        "SecurityOpt": ["no-new-privileges:true"],
        "Init": True,
        "LogConfig": {"Type": "local"},
        "PortBindings": {},
        "PublishAllPorts": False,
        "NetworkMode": "gh-acme_edge",
        "PidMode": "",
        "IpcMode": "private",
        "UTSMode": "",
        "UsernsMode": "",
        "CgroupParent": "",
        **host,
    }
    return {
        "HostConfig": settings,
        "Config": {"Labels": {"com.docker.compose.service": "web"}},
        "NetworkSettings": {
            "Networks": {name: {} for name in networks},
            "Ports": {"80/tcp": None},
        },
        "Mounts": list(mounts),
    }


EXPECTED = {
    "cap_add": ["CHOWN"],
    "cap_drop": ["ALL"],
    "memory_bytes": 512,
    "memory_swap_bytes": 512,
    "pids": 100,
    "nano_cpus": 10,
    "read_only": False,
    "networks": ["gh-acme_edge"],
    "mounts": {},
    "replicas": 1,
    "completes": False,
    "has_health_check": False,
}


def differences(container: dict[str, Any], **more: Any) -> list[str]:  # noqa: ANN401
    found: list[str] = verify.container_differences(container, {**EXPECTED, **more}, root=ROOT)
    return found


def test_container_as_asked_for_has_no_differences() -> None:
    assert differences(shown()) == []


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ({"CapAdd": ["CAP_CHOWN", "CAP_SYS_ADMIN"]}, "cap_add"),
        ({"CapDrop": None}, "cap_drop"),
        ({"Memory": 0}, "memory_bytes"),
        ({"MemorySwap": -1}, "memory_swap_bytes"),
        ({"PidsLimit": None}, "pids"),
        ({"NanoCpus": 0}, "nano_cpus"),
        ({"ReadonlyRootfs": True}, "read_only"),
        ({"Privileged": True}, "privileged"),
        ({"SecurityOpt": None}, "no_new_privileges"),
        ({"SecurityOpt": ["no-new-privileges:false"]}, "no_new_privileges"),
        ({"SecurityOpt": ["no-new-privileges", "seccomp=unconfined"]}, "other security options"),
        ({"Init": None}, "init"),
        ({"LogConfig": {"Type": "syslog"}}, "log driver"),
        ({"Devices": [{"PathOnHost": "/dev/sda"}]}, "devices"),
        ({"DeviceRequests": [{"Count": 1}]}, "devices"),
        ({"PortBindings": {"80/tcp": [{"HostPort": "80"}]}}, "published ports"),
        ({"PublishAllPorts": True}, "published ports"),
        ({"NetworkMode": "host"}, "host namespaces"),
        ({"PidMode": "container:abc"}, "host namespaces"),
        ({"IpcMode": "host"}, "host namespaces"),
        ({"UsernsMode": "host"}, "host namespaces"),
        ({"CgroupParent": "/"}, "cgroup parent"),
        ({"VolumesFrom": ["other"]}, "volumes from"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value),
)
def test_every_setting_that_could_hurt_is_compared(host: dict[str, Any], says: str) -> None:
    found = differences(shown(**host))
    assert found
    assert found[0].startswith(says)


def test_container_may_do_without_init_only_where_that_is_said() -> None:
    assert differences(shown(Init=None), init=False) == []
    assert differences(shown(Init=True), init=False) != []


def test_other_network_is_a_difference() -> None:
    (found,) = differences(shown(networks=("gh-acme_edge", "gh-other_edge")))
    assert found.startswith("networks")


def test_wish_that_cannot_be_checked_is_a_difference() -> None:
    (found,) = differences(shown(), seccomp="strict")
    assert "cannot check" in found


def mount(kind: str, source: str, *, writable: bool = False) -> dict[str, Any]:
    name = {"Name": source} if kind == "volume" else {}
    place = {"Source": source, "Destination": "/data"}
    return {"Type": kind, **place, **name, "RW": writable}


@pytest.mark.parametrize(
    ("mounted", "wanted", "says"),
    [
        pytest.param(mount("bind", f"{ROOT}/files/a/b"), None, "is mounted", id="extra"),
        pytest.param(
            mount("bind", f"{ROOT}/files/a/b"),
            {"type": "bind", "source": "files/a/b", "read_only": True},
            "",
            id="as-asked-for",
        ),
        pytest.param(
            mount("bind", f"{ROOT}/files/a/b", writable=True),
            {"type": "bind", "source": "files/a/b", "read_only": True},
            "is mounted as",
            id="writable",
        ),
        pytest.param(
            mount("volume", "gh-other_data"),
            {"type": "volume", "source": "gh-acme_data", "read_only": True},
            "is mounted as",
            id="other-volume",
        ),
        pytest.param(mount("volume", "0" * 64, writable=True), None, "", id="image's-own-volume"),
        pytest.param(
            mount("bind", "/etc"),
            {"type": "bind", "source": "/etc", "read_only": True},
            "outside",
            id="outside-even-if-asked-for",
        ),
        pytest.param(
            mount("bind", f"{ROOT}/../other"),
            {"type": "bind"},
            "outside",
            id="neighbour",
        ),
    ],
)
def test_mounts_are_compared(
    mounted: dict[str, Any], wanted: dict[str, Any] | None, says: str
) -> None:
    found = differences(shown(mounts=[mounted]), mounts={"/data": wanted} if wanted else {})
    assert says in " ".join(found)
    assert bool(found) is bool(says)


def test_mount_that_is_missing_is_a_difference() -> None:
    assert differences(shown(), mounts={"/data": {"type": "volume"}}) == ["/data is not mounted"]


def test_services_are_counted() -> None:
    assert verify.count_differences([shown()], {"web": {"replicas": 1}}) == []
    assert len(verify.count_differences([shown()], {"web": {"replicas": 2}})) == 1
    assert len(verify.count_differences([shown()], {})) == 1
    assert len(verify.count_differences([], {"web": {}})) == 1
