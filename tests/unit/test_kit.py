import asyncio
import json
import pickle
import sys
from datetime import timedelta

import pytest

from guesthouse.kit import ids, process
from guesthouse.kit.sensitive import MASK, Sensitive
from tests.fakes.clock import FakeClock

LIMIT = timedelta(seconds=20)


def test_sensitive_hides_in_every_text_form() -> None:
    secret = Sensitive("hunter2")
    texts = [str(secret), repr(secret), f"{secret}", f"{secret:>10}", str([secret])]
    assert all("hunter2" not in text and MASK in text for text in texts)


def test_sensitive_refuses_to_be_serialised() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Sensitive("hunter2"))
    with pytest.raises(TypeError):
        json.dumps(Sensitive("hunter2"))


def test_ids_sort_by_age() -> None:
    clock = FakeClock()
    older = ids.new_id("run", clock)
    clock.advance(timedelta(milliseconds=1))
    assert older < ids.new_id("run", clock)


def test_program_sees_only_the_base_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_CANARY", "1")
    done = process.run([sys.executable, "-c", "import os; print(sorted(os.environ))"], limit=LIMIT)
    assert "RUNNER_CANARY" not in done.output


def test_missing_program_is_named() -> None:
    with pytest.raises(process.ProgramMissing, match="no-such-program"):
        process.run(["no-such-program"], limit=LIMIT)


async def test_stream_hands_over_lines_and_code() -> None:
    lines: list[str] = []
    code = await process.stream(
        [sys.executable, "-c", "import sys; print('a'); print('b'); sys.exit(3)"],
        on_line=lines.append,
        limit=LIMIT,
    )
    assert (code, lines) == (3, ["a", "b"])


@pytest.mark.parametrize("stdin", [b"", b"unread"])
async def test_a_program_that_ended_already_is_not_written_to(
    stdin: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(writer: asyncio.StreamWriter, data: bytes) -> None:
        message = f"unable to perform operation on {writer}: {data!r}"
        raise RuntimeError(message)

    # As uvloop's transport is once the program has ended.
    monkeypatch.setattr(asyncio.StreamWriter, "is_closing", lambda _: True)
    monkeypatch.setattr(asyncio.StreamWriter, "write", refuse)
    argv = [sys.executable, "-c", "print('done')"]
    lines: list[str] = []
    assert await process.stream(argv, on_line=lines.append, limit=LIMIT, stdin=stdin) == 0
    assert lines == ["done"]


async def test_stream_survives_a_line_over_the_limit() -> None:
    size = process.LINE_LIMIT_BYTES * 2 + 10
    lines: list[str] = []
    await process.stream(
        [sys.executable, "-c", f"print('x' * {size})"], on_line=lines.append, limit=LIMIT
    )
    assert sum(map(len, lines)) == size


async def test_stream_ends_the_whole_group_at_the_limit() -> None:
    with pytest.raises(process.ProcessTimeout):
        await process.stream(
            [sys.executable, "-c", "import signal; signal.pause()"],
            on_line=lambda _line: None,
            limit=timedelta(milliseconds=200),
        )
