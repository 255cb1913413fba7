"""How log lines are laid out in a chunk: JSON lines, compressed once the run has ended."""

import datetime as dt
import json
import zlib
from collections.abc import Sequence

from guesthouse.runs.model import LogLine, Stream

LINE_LIMIT_CHARACTERS = 8192


def pack(lines: Sequence[LogLine], *, compress: bool = False) -> bytes:
    """Return a chunk's bytes."""
    rows = ([line.at.isoformat(), line.stream.value, line.step, line.text] for line in lines)
    data = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode(errors="replace")
    return zlib.compress(data) if compress else data


def unpack(data: bytes, *, first: int, compressed: bool) -> tuple[LogLine, ...]:
    """Return a chunk's lines.

    Args:
        data: What `pack` gave.
        first: Sequence number of the first line.
        compressed: Whether the bytes are compressed.
    """
    text = (zlib.decompress(data) if compressed else data).decode()
    rows = [json.loads(row) for row in text.split("\n")]
    return tuple(
        LogLine(number, dt.datetime.fromisoformat(at), Stream(stream), step, line)
        for number, (at, stream, step, line) in enumerate(rows, start=first)
    )


def split(text: str) -> list[str]:
    """Return the lines a text is shown as: no control characters, none beyond the limit."""
    shown: list[str] = []
    for line in text.splitlines() or [""]:
        clean = "".join(
            character
            if character.isprintable() or character in "\t\x1b"
            else "\N{REPLACEMENT CHARACTER}"
            for character in line
        )
        starts = range(0, max(len(clean), 1), LINE_LIMIT_CHARACTERS)
        shown += [clean[start : start + LINE_LIMIT_CHARACTERS] for start in starts]
    return shown
