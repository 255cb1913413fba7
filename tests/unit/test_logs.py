import io
import json
import logging
from collections.abc import Iterator

import pytest

from guesthouse import logs


@pytest.fixture(autouse=True)
def _root_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level


def _write(form: logs.Format, level: int = logging.INFO) -> io.StringIO:
    stream = io.StringIO()
    logs.set_up(form, stream=stream, level=level)
    return stream


def test_a_text_line_has_time_level_event_and_fields() -> None:
    stream = _write(logs.Format.TEXT)
    logging.getLogger("x").warning("run.claimed", extra={"run": "run_1", "why": "it was free"})
    at, rest = stream.getvalue().split(" ", 1)
    assert at.endswith("Z")
    assert rest == 'warning run.claimed run=run_1 why="it was free"\n'


def test_a_json_line_is_one_object() -> None:
    stream = _write(logs.Format.JSON)
    logging.getLogger("x").info("run.claimed", extra={"run": "run_1"})
    document = json.loads(stream.getvalue())
    assert (document["event"], document["run"], document["level"]) == (
        "run.claimed",
        "run_1",
        "info",
    )


@pytest.mark.parametrize("form", list(logs.Format))
def test_a_value_writes_no_line_of_its_own(form: logs.Format) -> None:
    stream = _write(form)
    logging.getLogger("x").info("event", extra={"path": "/a\n2026 forged line\x1b[2J"})
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("form", list(logs.Format))
def test_an_exception_is_kept(form: logs.Format) -> None:
    stream = _write(form)
    try:
        int("it broke")
    except ValueError:
        logging.getLogger("x").exception("request.failed")
    assert "ValueError: invalid literal" in stream.getvalue()


def test_libraries_are_quiet_and_what_is_less_severe_is_dropped() -> None:
    stream = _write(logs.Format.TEXT)
    logging.getLogger("httpx").info("HTTP request")
    logging.getLogger("x").debug("detail")
    assert stream.getvalue() == ""
