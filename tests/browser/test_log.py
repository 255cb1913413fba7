"""The log of a run: foreign bytes stay text, and no line is lost or doubled."""

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from guesthouse.runs import Run
from guesthouse.runs.attempts import Attempt
from guesthouse.runs.model import Ending, RunState
from tests.browser.conftest import Opening, Stage
from tests.browser.seed import OWNER

HOSTILE = (
    "<img src=x onerror=alert(1)><script>alert(1)</script>",
    "<svg/onload=alert(1)>&lt;b&gt;&#60;i&#62;",
    '"><iframe srcdoc="<script>parent.x=1</script>"></iframe><style>*{display:none}</style>',
    "\x1b[31;1mred\x1b[0m \x1b[38;2;1;2;3;4mmine\x1b[0m \x1b[5mblink\x1b[8mhidden\x1b[0m",
    "\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07 \x1b]0;title\x1b\\",
    "\x1b[2J\x1b[1;1H\x1b[?1049h",
    "over\rwrite\b\b\b null\x00byte \x9b31m csi \x7f",
    "user \u202egnp.exe\u202c \u2066isolate\u2069 zero\u200bwidth \ufeffmark \u061c",
    "line\u2028separator\u2029paragraph",
    "\x1b[31",
    "a" * 16_000,
)
LINES = "[data-log-view] .line"


@pytest.fixture
def begin(stage: Stage) -> Iterator[Callable[[], tuple[Run, Attempt]]]:
    """Start a run of an environment that is otherwise left alone; none outlives its test."""
    begun: list[tuple[Run, Attempt]] = []

    def one() -> tuple[Run, Attempt]:
        run = stage.services.environments.deploy(OWNER, "other")
        stage.story.narrator.at = stage.services.clock.now()
        attempt = stage.story.narrator.start(run)
        begun.append((run, attempt))
        stage.story.narrator.begin(attempt, 0)
        return run, attempt

    yield one
    for run, attempt in begun:
        if not stage.services.runs.get(OWNER, run.id).state.is_terminal:
            _finish(stage, attempt)


def _texts(page: Page) -> list[str]:
    return [text.rstrip("\n") for text in page.locator(".line__text").all_inner_texts()]


def _finish(stage: Stage, attempt: Attempt) -> None:
    stage.story.narrator.end(attempt, Ending(RunState.SUCCEEDED))


def test_no_byte_of_a_log_becomes_an_element(
    stage: Stage, open_page: Opening, begin: Callable[[], tuple[Run, Attempt]]
) -> None:
    run, attempt = begin()
    stage.story.narrator.write(attempt, "fetch", HOSTILE)
    _finish(stage, attempt)
    page = open_page(f"/runs/{run.id}")
    expect(page.locator(LINES)).to_have_count(len(HOSTILE))
    # Everything below a line is ours: its number, its time, its text and pieces of that.
    assert (
        page.evaluate(
            """() => {
            const OURS = ["class", "href", "tabindex", "style"];
            return [...document.querySelectorAll("[data-log-view] *")]
            .filter((each) => !["DIV", "A", "SPAN"].includes(each.tagName)
                || [...each.attributes].some(({ name }) => !OURS.includes(name))
                || [...each.classList].some((name) => !/^(log__|line|sgr-)/.test(name)))
            .map((each) => each.outerHTML);
        }"""
        )
        == []
    )
    hrefs = page.locator("[data-log-view] a").evaluate_all(
        "all => all.map(a => a.getAttribute('href'))"
    )
    assert hrefs == [f"#L{number}" for number in range(1, len(HOSTILE) + 1)]
    assert page.title().startswith("Deploy other")


def test_what_cannot_be_seen_is_shown(
    stage: Stage, open_page: Opening, begin: Callable[[], tuple[Run, Attempt]]
) -> None:
    run, attempt = begin()
    stage.story.narrator.write(attempt, "fetch", HOSTILE)
    _finish(stage, attempt)
    page = open_page(f"/runs/{run.id}")
    expect(page.locator(LINES)).to_have_count(len(HOSTILE))
    text = "\n".join(page.locator(".line__text").all_text_contents())
    assert not set(text) & set("\x00\x08\x1b\x7f\x9b\r\u202e\u202c\u2066\u2069\u200b\ufeff\u2028")
    assert "\u27e8202E\u27e9gnp.exe" in text
    assert "null\u2400byte" in text
    red = page.locator(".sgr-31").first
    expect(red).to_have_text("red")
    expect(red).to_have_class("sgr-31 sgr-bold")


def test_a_lost_connection_loses_and_doubles_no_line(
    stage: Stage, open_page: Opening, begin: Callable[[], tuple[Run, Attempt]]
) -> None:
    run, attempt = begin()
    narrator = stage.story.narrator
    narrator.write(attempt, "fetch", [f"line {number}" for number in range(1, 41)])
    page = open_page(f"/runs/{run.id}")
    expect(page.locator(LINES)).to_have_count(40)
    for cut in range(3):
        stage.console.cut(refuse=True)
        expect(page.locator("[data-log] [data-live-text]")).to_contain_text("stale since")
        first = 41 + cut * 20
        narrator.write(attempt, "fetch", [f"line {n}" for n in range(first, first + 20)])
        stage.console.cut()
        expect(page.locator(LINES)).to_have_count(first + 19, timeout=15_000)
        expect(page.locator("[data-log] [data-live-text]")).to_have_text("live")
    narrator.write(attempt, "fetch", ["the last line"])
    _finish(stage, attempt)
    expect(page.locator("[data-log] [data-live-text]")).to_have_text("complete")
    expected = [f"line {number}" for number in range(1, 101)] + ["the last line"]
    assert _texts(page) == expected


def test_a_page_stays_true_while_the_run_goes_on(
    stage: Stage, open_page: Opening, begin: Callable[[], tuple[Run, Attempt]]
) -> None:
    run, attempt = begin()
    narrator = stage.story.narrator
    page = open_page(f"/runs/{run.id}")
    expect(page.locator("#run-head .badge")).to_have_text("Running")
    expect(page.locator("[data-step=fetch] .hidden-text")).to_have_text("Running")
    narrator.write(attempt, "fetch", ["one"])
    narrator.end_step(attempt, 0)
    narrator.begin(attempt, 1)
    narrator.write(attempt, "deploy", ["two"])
    expect(page.locator("[data-step=fetch] .hidden-text")).to_have_text("Succeeded")
    expect(page.locator("[data-step=deploy] .hidden-text")).to_have_text("Running")
    narrator.end(
        attempt, Ending(RunState.FAILED, "the tests are red", "guesthouse run junit x", "facts")
    )
    expect(page.locator("#run-head .badge")).to_have_text("Failed")
    expect(page.locator(".notice")).to_contain_text("The tests are red.")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


def test_a_hundred_thousand_lines_stay_usable(
    stage: Stage, open_page: Opening, begin: Callable[[], tuple[Run, Attempt]]
) -> None:
    run, attempt = begin()
    for part in range(100):
        lines = [
            f"{part * 1000 + number}: a line of some length, as programs write"
            for number in range(1000)
        ]
        stage.story.narrator.write(attempt, "fetch", lines)
    _finish(stage, attempt)
    page = open_page(f"/runs/{run.id}")
    expect(page.locator("[data-log-count]")).to_have_text("100,000 lines", timeout=120_000)
    assert page.locator(LINES).count() < 3000
    expect(page.get_by_text("99999: a line")).to_be_in_viewport()
    began = time.monotonic()
    page.get_by_label("Search the log").fill("54321:")
    expect(page.locator(".line--current")).to_be_in_viewport()
    expect(page.locator(".line--current .line__text")).to_contain_text("54321: a line")
    assert time.monotonic() - began < 10
    expect(page.locator("[data-log-found]")).to_have_text("1 of 1")


def test_log_tools_do_what_they_say(stage: Stage, open_page: Opening) -> None:
    page = open_page(f"/runs/{stage.story.failed}")
    expect(page.locator(LINES)).to_have_count(7)
    page.get_by_role("button", name="Times").click()
    expect(page.locator(".line__time").first).to_be_visible()
    page.get_by_role("button", name="Wrap").click()
    expect(page.locator("[data-log]")).to_have_class("log log--times")
    page.keyboard.press("/")
    page.keyboard.type("connection refused")
    expect(page.locator("[data-log-found]")).to_have_text("1 of 1")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download").click()
    text = downloading.value.path().read_text()
    assert len(text.splitlines()) == 7
    page.locator(".line__number").nth(2).click()
    assert page.url.endswith("#L3")
    page.reload()
    expect(page.locator(".line--target .line__number")).to_have_text("3")
