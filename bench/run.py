"""Measures rows, prints the table, writes `bench/results.json`."""

import argparse
import dataclasses
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench import (
    p1_environment,
    p3_provision,
    p4_no_change,
    p5_gateway,
    p9_lists,
    p11_pages,
    sign_in,
    user_timing,
)
from bench.measure import Row
from bench.programs import ProgramFailed, run

RESULTS = Path(__file__).with_name("results.json")
ROWS: Mapping[str, Callable[[], Iterator[Row]]] = {
    "P1": p1_environment.rows,
    "P3": p3_provision.rows,
    "P4": p4_no_change.rows,
    "P9": p9_lists.rows,
    "P5": p5_gateway.rows,
    "P11": p11_pages.rows,
    "SIGN-IN": sign_in.rows,
    "USER-TIMING": user_timing.rows,
}
HEADINGS = ("row", "what", "n", "median", "p95", "by hand", "ratio", "target", "")


def main(arguments: list[str]) -> int:
    """Measure; the exit code tells whether every target was met."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all unless named"
    )
    names = parser.parse_args(arguments).rows or list(ROWS)
    if unknown := [name for name in names if name not in ROWS]:
        parser.error(f"there is no row {unknown[0]}; there are {', '.join(ROWS)}")
    found = [row for name in names for row in _measured(name)]
    print(table(found))
    RESULTS.write_text(json.dumps(results(found), indent=2) + "\n", encoding="utf-8")
    return 0 if all(row.met for row in found) else 1


def _measured(name: str) -> Iterator[Row]:
    print(f"{name}: measuring", file=sys.stderr, flush=True)
    for row in ROWS[name]():
        print(f"{row.id}: {_cells(row)}", file=sys.stderr, flush=True)
        yield row


def results(rows: list[Row]) -> dict[str, Any]:
    """Return the document that is kept."""
    return {
        "machine": machine(),
        "versions": versions(),
        "rows": [dataclasses.asdict(row) for row in rows],
    }


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "memory_bytes": memory,
        # Above the number of processors, others were at work: only the ratios mean something.
        "load": os.getloadavg()[0],
    }


def versions() -> dict[str, str]:
    """Return the versions of what was measured; empty where a program is missing."""
    asked = {
        "guesthouse": ["git", "rev-parse", "--short", "HEAD"],
        "engine": ["docker", "version", "--format", "{{.Server.Version}}"],
        "compose": ["docker", "compose", "version", "--short"],
    }
    found = {name: _said(argv) for name, argv in asked.items()}
    return {**found, "python": platform.python_version()}


def _said(argv: list[str]) -> str:
    try:
        return run(*argv).strip()
    except (ProgramFailed, OSError):
        return ""


def table(rows: list[Row]) -> str:
    """Return the rows as text, each column as wide as its widest cell."""
    lines = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.id,
        row.what,
        str(row.n),
        f"{row.median:.3g} s",
        f"{row.p95:.3g} s",
        "" if row.against is None else f"{row.against:.3g} s",
        "" if row.ratio is None else f"{row.ratio:.2f} x",
        row.target,
        "met" if row.met else "missed",
    )
