"""P11: what Chromium loads of a page it has never seen, and when the page does as it is told."""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from tests import chromium
from tests.browser.conftest import Stage, staged
from tests.browser.tour import DEVELOPER, OPERATOR, TOUR, Stop

from bench.measure import Row, percentile

TIMES = 10
MOST_SECONDS, MOST_BYTES = 0.3, 100 * 1024
PAGES = {"home", "environment", "runs", "run-succeeded", "audit", "partners"}
# Deferred scripts have run when the event ends; whatever held the thread for long after it counts.
INTERACTIVE = """() => new Promise((tell) => {
    const [loading] = performance.getEntriesByType("navigation");
    const looking = new PerformanceObserver(() => {});
    looking.observe({type: "longtask", buffered: true});
    setTimeout(() => {
        const ends = looking.takeRecords().map((task) => task.startTime + task.duration);
        tell(Math.max(loading.domContentLoadedEventEnd, loading.loadEventEnd, ...ends));
    }, 200);
})"""


def rows() -> Iterator[Row]:
    """Open each page in a browser of its own kind ten times: nothing is kept from the last one."""
    with (
        tempfile.TemporaryDirectory() as place,
        staged(Path(place)) as stage,
        sync_playwright() as playwright,
        closing(
            playwright.chromium.launch(executable_path=chromium.PROGRAM, args=[*chromium.QUIET])
        ) as browser,
    ):
        for stop in TOUR:
            if stop.name in PAGES:
                yield _row(stop, [_open(stage, browser, stop) for _ in range(TIMES)])


def _row(stop: Stop, samples: list[tuple[float, int]]) -> Row:
    seconds = sorted(each for each, _ in samples)
    most = max(size for _, size in samples)
    median = percentile(seconds, 50)
    return Row(
        id="P11",
        what=f"{stop.name}: first load, interactive ({most / 1024:.1f} KiB)",
        n=len(samples),
        median=round(median, 4),
        p95=round(percentile(seconds, 95), 4),
        target=f"≤ {MOST_SECONDS * 1000:g} ms, {MOST_BYTES // 1024} KiB",
        met=median <= MOST_SECONDS and most <= MOST_BYTES,
    )


def _open(stage: Stage, browser: Browser, stop: Stop) -> tuple[float, int]:
    """Return seconds until a page is interactive, and the bytes it took on the wire."""
    context = browser.new_context(ignore_https_errors=True)
    try:
        if stop.login in {OPERATOR, DEVELOPER}:
            stage.admit(context, stop.login)
        page = context.new_page()
        before = stage.console.relay.bytes_to_browser
        page.goto(stage.url + stop.path(stage), wait_until="load")
        transferred = stage.console.relay.bytes_to_browser - before
        return float(page.evaluate(INTERACTIVE)) / 1000, transferred
    finally:
        context.close()
