import subprocess  # noqa: TID251 - asks the shell whether it can read a script
from typing import Any

import pytest

from tests.golden.compare import assert_golden
from tests.unit.ansible.parts import part

units = part("units")


def service(**changes: Any) -> Any:  # noqa: ANN401 - the collection is no package of ours here
    values = {
        "name": "guesthouse-gateway",
        "description": "Guesthouse gateway",
        "argv": ("/usr/sbin/nginx", "-c", "/srv/a b/nginx.conf", "-g", "daemon off;"),
        "environment": {"NAME": "it's 100 % $HOME"},
        "user": "www-data",
        "log": "/srv/a b/start.log",
    }
    return units.Service(**{**values, **changes})


ONESHOT = service(
    name="guesthouse-firewall",
    argv=("/usr/sbin/nft", "--file", "/srv/rules.nft"),
    stop=("/usr/sbin/nft", "delete", "table", "inet", "guesthouse"),
    oneshot=True,
    user="root",
    environment={},
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("daemon.service", units.systemd_unit(service())),
        ("daemon.init", units.init_script(service())),
        ("oneshot.service", units.systemd_unit(ONESHOT)),
        ("oneshot.init", units.init_script(ONESHOT)),
    ],
    ids=["systemd", "init script", "systemd once", "init script once"],
)
def test_service_is_rendered_as_agreed(name: str, text: str) -> None:
    assert_golden(f"ansible/{name}", text)


@pytest.mark.parametrize("made", [service(), ONESHOT], ids=["daemon", "oneshot"])
def test_shell_reads_the_init_script(made: Any) -> None:  # noqa: ANN401 - as above
    script = units.init_script(made)
    done = subprocess.run(
        ["/bin/sh", "-n"], input=script.encode(), capture_output=True, check=False
    )
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"argv": ("/bin/true", "a\nExecStartPre=/bin/evil")}, "control character"),
        ({"description": "a\nb"}, "control character"),
        ({"environment": {"A": "b\nc"}}, "control character"),
        ({"name": "../evil"}, "not a service name"),
        ({"argv": ()}, "argv is empty"),
    ],
    ids=["argument", "description", "environment", "name", "nothing to run"],
)
def test_what_could_write_lines_of_its_own_is_refused(changes: dict[str, Any], found: str) -> None:
    assert any(found in problem for problem in units.problems(service(**changes)))


def test_ordinary_service_is_taken() -> None:
    assert units.problems(service()) == []
    assert units.problems(ONESHOT) == []
