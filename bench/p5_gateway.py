"""P5: requests through the gateway of somebody signed in, against TLS proxying without asking."""

import contextlib
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from tests.integration.gateway.conftest import MEMBER, Browser, Gateway, serving
from tests.integration.gateway.serving import free_port

from bench.measure import Row, p95
from bench.programs import run
from guesthouse.gateway.model import ControlPlane, Route, Site
from guesthouse.gateway.render import render_site

ROUNDS = 7
SECONDS = 3
CONNECTIONS = 32
THREADS = 1
RELOAD_SECONDS = 20
ENOUGH_IN_A_ROW = 50
REQUESTS = 10_000
"""A row's seconds are those of this many requests."""
BARE = "bare--acme.apps.localhost"
PRODUCT = """
pid {root}/nginx.pid;
error_log {root}/error.log;
worker_processes auto;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "{body}"; }} }}
}}
"""
BY_HAND = """
upstream bare {{ server 127.0.0.1:{product}; keepalive 32; }}
server {{
    listen {port} ssl;
    server_name {host};
    location / {{
        proxy_pass http://bare;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto https;
    }}
}}
"""
PER_SECOND = re.compile(r"Requests/sec:\s+([0-9.]+)")
P99 = re.compile(r"99%\s+([0-9.]+)(us|ms|s)")
UNIT = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


class LoadFailed(Exception):
    """The figures would be of something else."""

    def __init__(self, said: str) -> None:
        super().__init__(f"wrk measured no good answers:\n{said}")


class ReloadLate(Exception):
    """The gateway did not take the new sites up in time."""

    def __init__(self) -> None:
        super().__init__(f"the new site did not answer within {RELOAD_SECONDS} s")


@dataclass
class Samples:
    """What one way took."""

    requests: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def load(self, port: int, headers: Mapping[str, str]) -> None:
        """Send requests for some seconds, each connection one after the other."""
        argv = [
            "wrk",
            "--latency",
            "-t",
            str(THREADS),
            "-c",
            str(CONNECTIONS),
            "-d",
            f"{SECONDS}s",
        ]
        for name, value in headers.items():
            argv += ["-H", f"{name}: {value}"]
        said = run(*argv, f"https://127.0.0.1:{port}/")
        rate, latency = PER_SECOND.search(said), P99.search(said)
        if rate is None or latency is None or "Non-2xx" in said or "Socket errors" in said:
            raise LoadFailed(said)
        self.requests.append(REQUESTS / float(rate[1]))
        self.p99.append(float(latency[1]) * UNIT[latency[2]])


def rows() -> Iterator[Row]:
    """Measure a token and a cookie, in turns with a site written by hand."""
    with tempfile.TemporaryDirectory(prefix="gh-bench-") as directory:
        root = Path(directory)
        with _product(root / "product") as product, serving(root) as gateway:
            _sites(gateway, root, product)
            ways = _ways(gateway)
            found = {name: Samples() for name in ways}
            for number in range(ROUNDS):
                order = list(ways) if number % 2 == 0 else list(reversed(ways))
                for name in order:
                    found[name].load(gateway.port, ways[name])
    bare = found.pop("bare")
    for name, samples in found.items():
        what = f"{REQUESTS:,} requests through the gateway with a {name}"
        yield _row(f"P5-{name}", what, samples.requests, bare.requests, at_most=1.25)
        yield _row(f"P5-{name}-p99", f"{what}, p99 of one", samples.p99, bare.p99, at_most=2.0)


def _row(name: str, what: str, ours: list[float], by_hand: list[float], *, at_most: float) -> Row:
    ratio = statistics.median(ours) / statistics.median(by_hand)
    return Row(
        id=name,
        what=what,
        n=len(ours),
        median=statistics.median(ours),
        p95=p95(ours),
        target=f"≤ {at_most:g} x",
        met=ratio <= at_most,
        against=statistics.median(by_hand),
        ratio=round(ratio, 3),
    )


def _ways(gateway: Gateway) -> Mapping[str, Mapping[str, str]]:
    """Return the headers of each way."""
    host = gateway.host("app")
    with Browser(gateway) as browser:
        browser.sign_in(MEMBER)
        browser.come_in(gateway.url("app")).raise_for_status()
        cookie = browser.cookie(host)
    return {
        "bare": {"Host": BARE},
        "token": {"Host": host, "Authorization": f"Bearer {gateway.token()}"},
        "cookie": {"Host": host, "Cookie": f"__Host-guesthouse={cookie}"},
    }


def _sites(gateway: Gateway, root: Path, product: int) -> None:
    """Point the route at the fast product, beside a site as one writes it by hand."""
    control = ControlPlane(
        f"http://127.0.0.1:{gateway.control_server.port}",
        f"https://console.localhost:{gateway.port}",
    )
    route = Route("app", gateway.host("app"), "127.0.0.1", product)
    site = Site("acme", (route,), gateway.port, str(root / "gateway"), control)
    sites = root / "gateway" / "sites"
    (sites / "acme.conf").write_text(render_site(site), encoding="utf-8")
    by_hand = BY_HAND.format(product=product, port=gateway.port, host=BARE)
    (sites / "bare.conf").write_text(by_hand, encoding="utf-8")
    run("nginx", "-c", root / "gateway" / "nginx.conf", "-s", "reload")
    _wait_for_reload(gateway.port)


def _wait_for_reload(port: int) -> None:
    """Wait until fresh connections meet the new sites alone; old workers end in their own time."""
    deadline = time.monotonic() + RELOAD_SECONDS
    in_a_row = 0
    while in_a_row < ENOUGH_IN_A_ROW:
        if time.monotonic() > deadline:
            raise ReloadLate
        # A connection of its own each time: one kept open stays with its old worker.
        answer = httpx.get(
            f"https://127.0.0.1:{port}/",
            headers={"Host": BARE},
            verify=False,  # noqa: S501 - loopback, to a server just made
            trust_env=False,
        )
        in_a_row = in_a_row + 1 if answer.is_success else 0


@contextlib.contextmanager
def _product(root: Path) -> Iterator[int]:
    """Run a product that costs next to nothing, so that the gateway is what is measured."""
    root.mkdir()
    root.parent.chmod(0o755)
    port = free_port()
    text = PRODUCT.format(root=root, port=port, body="x" * 1000)
    (root / "nginx.conf").write_text(text, encoding="utf-8")
    argv = [shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(root / "nginx.conf")]
    run(*argv)
    try:
        yield port
    finally:
        run(*argv, "-s", "stop")
