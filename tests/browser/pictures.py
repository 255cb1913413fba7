"""Pictures of every page for the documentation: ``python -m tests.browser.pictures [DIRECTORY]``.

Few colours make a page, so that each picture holds a palette of at most 64 and is small.
"""

import base64
import struct
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Page, sync_playwright

from tests import chromium
from tests.browser.conftest import Stage, staged
from tests.browser.tour import TOUR, Stop

DIRECTORY: Final = Path(__file__).parents[2] / "docs" / "images"
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
WIDTHS: Final = (360, 1440)
LIVE: Final = ":is([sse-connect], [data-log]) [data-live-text]"
TALLEST: Final = 1400
"""What is below that shows nothing new."""
QUANTISE: Final = Path(__file__).with_name("quantise.js")


def main() -> None:
    """Take every picture anew."""
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else DIRECTORY
    directory.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as place,
        staged(Path(place)) as stage,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium.PROGRAM, args=[*chromium.QUIET]
        )
        studio = browser.new_page()
        # Who comes by an invitation comes last, so that lists do not fill with them.
        for stop in sorted(TOUR, key=lambda stop: not stop.login):
            for width in WIDTHS:
                for theme in THEMES:
                    file = directory / f"{stop.name}-{width}-{theme}.png"
                    file.write_bytes(_small(studio, _taken(stage, browser, stop, width, theme)))
                    print(file.name, file.stat().st_size)  # noqa: T201 - a command's output
        browser.close()


def _taken(
    stage: Stage, browser: Browser, stop: Stop, width: int, theme: Literal["light", "dark"]
) -> bytes:
    context = browser.new_context(
        ignore_https_errors=True,
        viewport={"width": width, "height": 800},
        color_scheme=theme,
        reduced_motion="reduce",
    )
    if stop.login:
        stage.admit(context, stop.login)
    page = context.new_page()
    page.clock.install(time=stage.services.clock.now())
    page.goto(stage.url + stop.path(stage))
    stop.act(page, stage)
    page.locator("h1").wait_for()
    for state in page.locator(LIVE).all():
        state.filter(has_not_text="paused").wait_for()
    height = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST)
    taken = page.screenshot(
        full_page=True, clip={"x": 0, "y": 0, "width": width, "height": max(height, 500)}
    )
    context.close()
    return taken


def _small(studio: Page, picture: bytes) -> bytes:
    """Return a PNG with a palette."""
    width, height, palette, indexes = studio.evaluate(
        QUANTISE.read_text(), base64.b64encode(picture).decode()
    )
    pixels = base64.b64decode(indexes)
    rows = b"".join(b"\0" + pixels[row * width : (row + 1) * width] for row in range(height))
    colours = b"".join(struct.pack(">I", colour)[1:] for colour in palette)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            (b"PLTE", colours),
            (b"IDAT", zlib.compress(rows, 9)),
            (b"IEND", b""),
        )
    )


if __name__ == "__main__":
    main()
