"""What the packet filter's rules say, by who made the instance; the integration tests try them."""

import re
from pathlib import Path

import jinja2
import pytest
import yaml

ROLE = Path(__file__).parents[3] / "ansible" / "roles" / "firewall"
HOST = {"resolvers": ["192.0.2.53"], "ssh_port": 22}


def rules(provider: str) -> dict[str, list[str]]:
    """Return the rules of each chain."""
    constants = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    environment = jinja2.Environment(  # noqa: S701 - no HTML
        trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    # As Ansible has it.
    environment.tests["search"] = lambda text, pattern: re.search(pattern, text) is not None
    text = environment.from_string((ROLE / "templates" / "rules.nft.j2").read_text()).render(
        **{name: value for name, value in constants.items() if "{{" not in str(value)},
        **(defaults | {"guesthouse_provider": provider}),
        firewall_table="guesthouse",
        firewall_host=HOST,
        firewall_control=["192.0.2.7"],
    )
    chains = re.findall(r"chain (\w+) \{\n(.*?)\n    \}", text, re.DOTALL)
    return {name: [line.strip() for line in body.splitlines()] for name, body in chains}


@pytest.mark.parametrize("provider", ["container", "ssh"])
def test_builds_are_filtered_as_containers_are(provider: str) -> None:
    found = rules(provider)
    forward, inward = found["forward"], found["input"]
    assert 'iifname "docker0" jump leaving' in forward
    # Before anything that lets traffic in to the machine.
    assert inward.index('iifname "docker0" jump inward') < inward.index("tcp dport 443 accept")


def test_on_a_persons_machine_the_engines_own_bridge_is_theirs() -> None:
    assert not any("docker0" in line for chain in rules("local").values() for line in chain)


@pytest.mark.parametrize("provider", ["local", "container", "ssh"])
def test_the_mark_is_cleared_before_anybody_sets_it(provider: str) -> None:
    found = rules(provider)
    priorities = {
        name: int(match[1])
        for name, lines in found.items()
        if (match := re.search(r"hook input priority filter - (\d+);", lines[0]))
    }
    assert priorities == {"unmark": 7, "welcome": 6, "input": 5}
    cleared = [line for line in found["unmark"] if line.endswith("meta mark and 0xbfffffff")]
    assert len(cleared) == (2 if provider == "local" else 3)
    # What is filtered by its mark is what was cleared.
    jumps = {line.removesuffix(" jump inward") for line in found["input"] if "inward" in line}
    assert jumps == {line.partition(" meta mark")[0] for line in cleared}


def test_clearing_takes_the_marks_bit_and_no_other() -> None:
    constants = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
    mark, unmark = int(constants["firewall_mark"], 16), int(constants["firewall_unmark"], 16)
    assert (mark & unmark, mark | unmark) == (0, 0xFFFFFFFF)
