"""The console's cookies: what each is called, and the one way to set them."""

import base64
import binascii
import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response

from guesthouse.edge.access import SESSION_COOKIE
from guesthouse.edge.cookies import own_cookie
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import Scope
from guesthouse.people.model import Opened

HALF: Final = "__Host-guesthouse-half"
"""Between password and code."""
OIDC: Final = "__Host-guesthouse-oidc"
"""Binds an attempt at the provider to the browser that began it."""
INVITATION: Final = "__Host-guesthouse-invitation"
"""The code of an invitation, so that the address no longer shows it."""
ONCE: Final = "__Host-guesthouse-once"
"""A secret on its way from the form that made it to the page that shows it once."""
ONCE_LIFETIME: Final = dt.timedelta(minutes=1)


def put(response: Response, name: str, value: Sensitive[str], lifetime: dt.timedelta) -> None:
    """Set a cookie that scripts cannot read and other sites' forms do not send."""
    response.set_cookie(
        name,
        value.reveal(),
        max_age=round(lifetime.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        # Not "strict": whoever follows a link from a mail, or comes back from the provider, is
        # still signed in.
        samesite="lax",
    )


def drop(response: Response, *names: str) -> None:
    """Take cookies away."""
    for name in names:
        response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")


def sign_in(response: Response, opened: Opened) -> None:
    """Give a browser its session, and take away what led to it."""
    put(
        response, SESSION_COOKIE, opened.secret, opened.session.expires_at - opened.session.seen_at
    )
    drop(response, HALF)


def keep_once(response: Response, scope: Scope, kind: str, **values: str | list[str]) -> None:
    """Hand a secret to the page that follows, which shows it to the same person, once.

    The form that made it redirects, so that loading the page again makes no second one.
    """
    text = json.dumps({"kind": kind, "account": scope.account, **values})
    value = base64.urlsafe_b64encode(text.encode()).decode()
    put(response, ONCE, Sensitive(value), ONCE_LIFETIME)


def kept_once(request: Request, scope: Scope, kind: str) -> Mapping[str, Any] | None:
    """Return what the form before handed on; the page then drops `ONCE`."""
    value = own_cookie(request, ONCE)
    try:
        kept = json.loads(base64.urlsafe_b64decode(value))
    except (binascii.Error, ValueError):
        return None
    if not isinstance(kept, dict) or kept.get("kind") != kind:
        return None
    return kept if scope.account is not None and kept.get("account") == scope.account else None
