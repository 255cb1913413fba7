"""P3: fresh machine → provisioned, against the shortest script of the same installs and starts."""

from collections.abc import Iterator
from pathlib import Path

from bench.measure import Pair, Row, absolute, timed
from bench.plane import PREFIX, Plane, plane
from bench.programs import play, run

TIMES = 3
CURRENT_TIMES = 5
FIRST_PORT = 9650
# What an administrator would type: Debian 12's Compose is too old, so the engine is Debian 13's.
SCRIPT = r"""
set -eu
export DEBIAN_FRONTEND=noninteractive
if grep -q VERSION_CODENAME=bookworm /etc/os-release; then
    cd /etc/apt
    for file in sources.list sources.list.d/*.sources; do
        [ ! -f "$file" ] || sed 's/bookworm/trixie/g' "$file" > "sources.list.d/t-${file##*/}"
    done
    printf 'Package: *\nPin: release n=trixie*\nPin-Priority: 100\n' > preferences.d/trixie
    newer="-t trixie"
fi
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
apt-get update -qq
apt-get install -y -qq --no-install-recommends git ca-certificates nftables nginx
apt-get install -y -qq --no-install-recommends ${newer:-} \
    docker.io docker-cli docker-compose docker-buildx
nft add table inet byhand
(dockerd > /var/log/dockerd.log 2>&1 &)
nginx
until docker info > /dev/null 2>&1; do sleep 0.2; done
"""


def rows() -> Iterator[Row]:
    """Measure fresh machines in turns, then one that is current already."""
    pair = Pair()
    with plane() as prepared:
        for number in range(TIMES):
            pair.ours.append(_ours(prepared, f"ours-{number}", FIRST_PORT + 2 * number))
            pair.by_hand.append(_by_hand(prepared, f"hand-{number}", FIRST_PORT + 2 * number + 1))
        yield pair.row("P3", "fresh machine, provisioned", at_most=1.2)
        name = f"ours-{TIMES - 1}"
        current = [_provision(prepared, name) for _ in range(CURRENT_TIMES)]
        yield absolute("P3-current", "provisioned again, nothing to do", current, at_most=2.0)
        for number in range(TIMES):
            prepared.run("instance", "destroy", f"ours-{number}", "--yes")


def _ours(prepared: Plane, name: str, port: int) -> float:
    machine = {"name": name, "provider": "container", "gateway_port": port}
    prepared.declare({f"instances/{name}.yaml": machine})
    prepared.run("apply", prepared.estate, "--yes")
    return _provision(prepared, name)


def _provision(prepared: Plane, name: str) -> float:
    """Return what the step took: launching the machine is the provider's, not ours."""
    run_id = prepared.json("instance", "provision", name)["id"]
    steps = prepared.json("run", "show", run_id)["steps"]
    return float(next(step["seconds"] for step in steps if step["name"] == "provision"))


def _by_hand(prepared: Plane, name: str, port: int) -> float:
    """Launch a machine by the provider's own playbook and run the script in it."""
    variables = {
        "guesthouse_instance": name,
        "guesthouse_prefix": PREFIX,
        "guesthouse_work": str(prepared.state / "work" / name),
        "guesthouse_gateway_port": str(port),
    }
    play(prepared.state, Path("providers/container/launch.yml"), variables)
    try:
        return timed(lambda: run("docker", "exec", f"{PREFIX}-{name}", "sh", "-c", SCRIPT))
    finally:
        play(prepared.state, Path("providers/container/destroy.yml"), variables)
