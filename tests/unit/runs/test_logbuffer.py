import threading

import pytest

from guesthouse.kit.sensitive import MASK, Sensitive
from guesthouse.runs import Stream, logbuffer
from guesthouse.runs.logbuffer import FULL, LogBuffer
from guesthouse.runs.masking import Masker
from tests.fakes.clock import FakeClock


def _texts(buffer: LogBuffer) -> list[str]:
    return [line.text for line in buffer.take()]


def test_lines_are_masked_before_they_are_split() -> None:
    masker = Masker([Sensitive("first\nsecond")])
    buffer = LogBuffer(FakeClock(), masker)
    buffer.write("step", "a first\nsecond b", Stream.OUTPUT)
    assert _texts(buffer) == [f"a {MASK} b"]


def test_lines_put_back_come_first() -> None:
    buffer = LogBuffer(FakeClock(), Masker())
    buffer.write("step", "one", Stream.OUTPUT)
    taken = buffer.take()
    buffer.write("step", "two", Stream.OUTPUT)
    buffer.put_back(taken)
    assert _texts(buffer) == ["one", "two"]


def test_a_flood_ends_with_a_visible_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logbuffer, "LIMIT_CHARACTERS", 10)
    buffer = LogBuffer(FakeClock(), Masker())
    for _ in range(5):
        buffer.write("step", "12345678", Stream.OUTPUT)
    assert _texts(buffer) == ["12345678", "12345678", FULL]


def test_threads_lose_no_line() -> None:
    buffer = LogBuffer(FakeClock(), Masker())

    def write() -> None:
        for _ in range(500):
            buffer.write("step", "x", Stream.OUTPUT)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    taken = 0
    while any(thread.is_alive() for thread in threads):
        taken += len(buffer.take())
    for thread in threads:
        thread.join()
    assert taken + len(buffer.take()) == 2000
