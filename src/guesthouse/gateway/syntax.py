"""Words of nginx's configuration that every part of a site uses. Pure."""

import json
from collections.abc import Iterable, Iterator

HSTS = 'Strict-Transport-Security "max-age=31536000" always'


def block(head: str, *lines: str) -> list[str]:
    """Return a block with its lines indented."""
    return [f"{head} {{", *indented(lines), "}"]


def indented(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines one step further in; empty ones stay empty."""
    return (f"    {line}" if line else "" for line in lines)


def header(name: str, value: str) -> str:
    """Return what sets a header of the request that is passed on; empty sends none."""
    return f"proxy_set_header {name} {value};"


def problem(
    status: int, detail: str, next_step: str, *headers: str, before: Iterable[str] = ()
) -> list[str]:
    """Return a named location that answers for the gateway itself.

    Args:
        status: The HTTP status.
        detail: What is the matter, one sentence.
        next_step: What to do about it.
        headers: More headers, as ``add_header`` takes them.
        before: What may answer instead.
    """
    document = {"type": "about:blank", "status": status, "detail": detail, "next_step": next_step}
    return block(
        f"location @guesthouse_{status}",
        *before,
        f"add_header {HSTS};",
        "add_header Cache-Control no-store always;",
        *(f"add_header {text} always;" for text in headers),
        "default_type application/problem+json;",
        f"return {status} '{json.dumps(document)}';",
    )
