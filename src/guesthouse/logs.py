"""Structured logging for the long-running processes: one event a line on standard error.

An event's name is static (``request.failed``); what varies goes into fields, by ``extra``.
"""

import datetime as dt
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import IO, Any, Final

from typing_extensions import override

STANDARD: Final = frozenset(
    {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "color_message"}
)
QUIET: Final = ("alembic", "dbos", "httpx", "httpcore", "uvicorn.access")
"""Libraries that say at INFO what nobody here asks for."""


class Format(Enum):
    """How a log line looks."""

    TEXT = "text"
    """``2026-01-02T03:04:05.678Z info run.claimed run=run_01 worker=w1``"""
    JSON = "json"


def set_up(
    form: Format, *, stream: IO[str] | None = None, level: int = logging.INFO
) -> logging.Handler:
    """Send every log record of the process to one place, in one form.

    Args:
        form: How lines look.
        stream: Where they go; None is standard error.
        level: The least severe records that are kept.

    Returns:
        The handler, so that a test can take it off again.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if form is Format.JSON else TextFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    return handler


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        document = {
            "at": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **dict(_fields(record)),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """Time, level, event, then ``key=value``; an exception follows on lines of its own."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        head = f"{_time(record)} {record.levelname.lower()} {_one_line(record.getMessage())}"
        fields = [f"{name}={_value(value)}" for name, value in _fields(record)]
        line = " ".join([head, *fields])
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    """Yield what the caller passed as ``extra``."""
    given: Mapping[str, Any] = vars(record)
    return ((name, value) for name, value in given.items() if name not in STANDARD)


def _time(record: logging.LogRecord) -> str:
    at = dt.datetime.fromtimestamp(record.created, dt.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _value(value: object) -> str:
    text = _one_line(str(value))
    return json.dumps(text, ensure_ascii=False) if " " in text or not text else text


def _one_line(text: str) -> str:
    # A value of a request must not be able to write a log line of its own.
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
