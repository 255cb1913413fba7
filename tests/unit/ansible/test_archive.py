import pytest

from tests.unit.ansible.parts import part

archive = part("archive")
MIRROR, SECURITY = "http://mirror.test/debian", "http://mirror.test/debian-security"
HOST = f"""\
{MIRROR}/ bookworm main
{MIRROR}/ bookworm main
{MIRROR}/ bookworm-updates main
{SECURITY}/ bookworm-security main
https://elsewhere.test/apt stable extra
broken line
"""


def test_another_suite_stands_at_the_addresses_of_the_hosts_own() -> None:
    found = archive.beside(archive.targets(HOST), codename="bookworm", suite="trixie")
    assert found == [
        (MIRROR, "trixie"),
        (MIRROR, "trixie-updates"),
        (SECURITY, "trixie-security"),
    ]


@pytest.mark.parametrize(
    "text",
    [f"{HOST}{MIRROR}/ trixie main\n", "", f"{MIRROR}/ bullseye main\n"],
    ids=["there already", "nothing configured", "another host"],
)
def test_nothing_is_added_where_nothing_can_be_derived(text: str) -> None:
    found = archive.beside(archive.targets(text), codename="bookworm", suite="trixie")
    assert found == []


def test_sources_name_what_signs_them() -> None:
    text = archive.sources([(MIRROR, "trixie")], keyring="/usr/share/keyrings/a.gpg")
    assert text == (
        f"Types: deb\nURIs: {MIRROR}\nSuites: trixie\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/a.gpg\n"
    )


def test_only_the_packages_named_are_preferred() -> None:
    everything, chosen = archive.preferences("trixie", ["docker.io", "containerd"]).split("\n\n")
    assert everything.splitlines()[0] == "Package: *"
    assert everything.splitlines()[-1] == "Pin-Priority: 100"
    assert chosen.splitlines()[0] == "Package: docker.io containerd"
    assert chosen.splitlines()[-1] == "Pin-Priority: 990"
