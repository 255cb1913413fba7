"""Templates and what they can call. Escaping is on for every one, and a missing name an error."""

import datetime as dt
import functools
from pathlib import Path
from types import SimpleNamespace
from typing import Final
from urllib.parse import urlsplit

import jinja2
from fastapi import Request

from guesthouse.environments.model import Address
from guesthouse.web import filters, words
from guesthouse.web.errors import sentence_of
from guesthouse.web.permits import may

TEMPLATES: Final = Path(__file__).parent / "templates"
COMPONENTS: Final = "components/"


@functools.lru_cache(maxsize=1)
def make_templates(addresses: tuple[tuple[str, str], ...]) -> jinja2.Environment:
    """Return what renders pages; made once, since to compile all of it takes half a second.

    Args:
        addresses: Where pages find style sheets and scripts, by name.
    """
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        # Every value is text until a macro of ours says otherwise: names and logs are foreign.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    templates.globals.update(
        asset=dict(addresses).__getitem__,
        may=may,
        shown=words.shown,
        kind_word=words.kind_word,
        action_word=words.action_word,
        ago=words.ago,
        exact=words.exact,
        between=between,
        here=is_here,
        curl=curl,
        address=filters.address,
        run_states=filters.STATE_OPTIONS,
    )
    templates.filters.update(
        duration=words.duration,
        initials=words.initials,
        sentence=sentence_of,
        iso=iso,
        count=count,
        short=short,
        host=host,
        is_web=is_web,
        moment=moment,
    )
    _add_components(templates)
    return templates


def _add_components(templates: jinja2.Environment) -> None:
    """Give templates every component's macros under one name: ``ui.badge(state)``."""
    components = SimpleNamespace()
    # Components use one another, so the name is there before any of them is read.
    templates.globals["ui"] = components
    for name in templates.list_templates(filter_func=lambda name: name.startswith(COMPONENTS)):
        module = templates.get_template(name).module
        for macro, value in vars(module).items():
            if not macro.startswith("_"):
                setattr(components, macro, value)


def is_here(request: Request, path: str) -> bool:
    """Whether an entry of the navigation leads to the page that is asked for, or above it."""
    current = request.url.path
    if path == "/":
        return current == "/" or current.startswith("/environments")
    return current == path or current.startswith(f"{path}/")


def iso(when: dt.datetime) -> str:
    """Return a time as the attribute ``datetime`` wants it."""
    return when.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def between(start: dt.datetime | None, end: dt.datetime | None) -> dt.timedelta | None:
    """Return the time from start to end; None where one of them is not there yet."""
    return None if start is None or end is None else end - start


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 run``, ``12,000 runs``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def short(commit: str | None) -> str:
    """Return the part of a commit people know it by."""
    return (commit or "")[:7]


def curl(address: Address) -> str:
    """Return the command that calls a route from a program's side."""
    if address.access != "platform":
        return f"curl {address.url}"
    return f'curl -H "Authorization: Bearer $TOKEN" {address.url}'


def moment(text: str) -> dt.datetime:
    """Return the time that an audit row keeps as text."""
    return dt.datetime.fromisoformat(text)


def host(url: str) -> str:
    """Return the host of an address, with its port."""
    return urlsplit(url).netloc


def is_web(url: str) -> bool:
    """Whether an address is one to open, and no script in the form of one."""
    return urlsplit(url).scheme in {"http", "https"}
