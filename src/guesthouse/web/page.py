"""One way to answer with a page: what every template is given, and the headers of every page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse
from starlette.responses import RedirectResponse, Response

from guesthouse.edge.access import services_of
from guesthouse.people import Scope

THEME_COOKIE: Final = "guesthouse-theme"
THEMES: Final = frozenset({"light", "dark"})
HEADERS: Final[Mapping[str, str]] = {
    # Nothing inline and nothing from elsewhere: a log line or name that got through as markup
    # could neither run, nor load, nor send anything anywhere.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    # A partner's page that opens ours, or is opened by it, gets no handle to the window.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # What a person saw must not come back from a cache after they signed out.
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class NavigationItem:
    """One entry of the bar at the top."""

    path: str
    label: str
    action: str
    """Who may do this somewhere sees it."""


NAVIGATION: Final = (
    NavigationItem("/", "Environments", "env:read"),
    NavigationItem("/runs", "Runs", "run:read"),
    NavigationItem("/partners", "Partners", "member:read"),
    NavigationItem("/instances", "Instances", "instance:read"),
    NavigationItem("/audit", "Audit", "audit:read"),
)


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:  # noqa: ANN401 - whatever the template shows
    """Return a page.

    Args:
        request: What is answered.
        template: Its path below ``templates``.
        status: Of the answer.
        values: What the template names beside what every page has: ``request``, ``caller``
            (None before signing in), ``now``, ``theme``, ``navigation``.
    """
    templates: jinja2.Environment = request.app.state.templates
    html = templates.get_template(template).render(**common(request), **values)
    return HTMLResponse(html, status)


def common(request: Request) -> dict[str, Any]:
    """Return what every template is given."""
    theme = request.cookies.get(THEME_COOKIE, "")
    return {
        "request": request,
        "caller": caller_or_none(request),
        "now": services_of(request).clock.now(),
        "theme": theme if theme in THEMES else "",
        "navigation": NAVIGATION,
    }


def caller_or_none(request: Request) -> Scope | None:
    """Return who asks, None where nobody signed in or the page asks nobody to."""
    scope = getattr(request.state, "scope", None)
    return scope if isinstance(scope, Scope) else None


def go(request: Request, path: str) -> Response:
    """Send the browser to another page of ours, after a form or a request of htmx."""
    if is_partial(request):
        return Response(status_code=204, headers={"HX-Redirect": path})
    return RedirectResponse(path, 303)


def is_partial(request: Request) -> bool:
    """Whether htmx asked, for a part of the page that is open."""
    return request.headers.get("hx-request") == "true"


def complete(response: Response) -> Response:
    """Add the headers that every page has."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
