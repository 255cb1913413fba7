"""P9: what lists take with 1,000 environments, 100,000 runs and 10 million lines of logs."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench.console import API_PORT, fresh_state, serving
from bench.crowd import fill
from bench.measure import Row, percentile

SAMPLES, WARM_UP = 300, 20
MOST_SECONDS, MOST_BYTES = 0.05, 250 * 1024 * 1024
LISTS = {
    "environments": "environments?limit=50",
    "runs": "runs?limit=50",
    "runs of one environment": "runs?limit=50&environment=e0007",
    "partners": "partners?limit=50",
    "audit": "audit?limit=50",
    "audit of one partner": "audit?limit=50&partner=p007",
    "activity": "environments/e0007/activity?limit=50",
}
OPERATORS = {"audit", "audit of one partner"}


def rows() -> Iterator[Row]:
    """Fill a database, serve it, and ask for each list; then look at the server's memory."""
    with fresh_state() as state:
        tokens = fill(state)
        with serving(state) as server:
            for who, token in tokens.items():
                yield from _lists(who, token)
            yield _memory(server)


def _lists(who: str, token: str) -> Iterator[Row]:
    headers = {"Authorization": f"Bearer {token}"}
    base = f"http://127.0.0.1:{API_PORT}/api/v1/"
    with httpx.Client(base_url=base, headers=headers, trust_env=False) as client:
        for name, address in LISTS.items():
            if who == "operator" or name not in OPERATORS:
                yield _row(f"{name}, {who}", [_ask(client, address) for _ in range(SAMPLES)])


def _row(what: str, seconds: list[float]) -> Row:
    kept = sorted(seconds[WARM_UP:])
    p99 = percentile(kept, 99)
    return Row(
        id="P9",
        what=f"{what} (p99 {p99 * 1000:.1f} ms)",
        n=len(kept),
        median=round(percentile(kept, 50), 4),
        p95=round(percentile(kept, 95), 4),
        target=f"p99 < {MOST_SECONDS * 1000:g} ms",
        met=p99 < MOST_SECONDS,
    )


def _ask(client: httpx.Client, address: str) -> float:
    began = time.perf_counter()
    client.get(address).raise_for_status()
    return time.perf_counter() - began


def _memory(server: "subprocess.Popen[bytes]") -> Row:
    status = Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return Row(
        id="P9-memory",
        what=f"the server's memory at its peak ({peak / 1024:.0f} MiB)",
        n=1,
        median=0,
        p95=0,
        target=f"< {MOST_BYTES // 1024**2} MiB",
        met=peak * 1024 < MOST_BYTES,
    )
