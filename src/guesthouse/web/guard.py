"""The route class of pages: admits the caller first, and answers errors as pages."""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from typing_extensions import override

from guesthouse.edge.access import Unauthenticated
from guesthouse.edge.middleware import request_id
from guesthouse.edge.routes import AdmittingRoute
from guesthouse.errors import GuesthouseError
from guesthouse.people.permissions import NotEnrolled
from guesthouse.web import errors
from guesthouse.web.page import complete, go, is_partial
from guesthouse.web.paths import enrol_path, sign_in_path

log = logging.getLogger(__name__)


class PageRoute(AdmittingRoute):
    """A page whose form is read only once its caller is admitted."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        admitted = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            return complete(await _answered(request, admitted))

        return guarded


async def _answered(
    request: Request, handler: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Return what a page answers, or the page about the error it raised."""
    try:
        return await handler(request)
    except (Unauthenticated, NotEnrolled) as error:
        path_from = sign_in_path if isinstance(error, Unauthenticated) else enrol_path
        return go(request, path_from(_where_they_are(request)))
    except GuesthouseError as error:
        return errors.response_of(request, error)
    except RequestValidationError:
        return errors.http_response(request, 422, None)
    except HTTPException as error:
        return errors.http_response(request, error.status_code, error.headers)
    except Exception:
        log.exception("page.failed", extra={"path": request.url.path})
        return errors.unexpected(request, request_id.get())


def _where_they_are(request: Request) -> str:
    """Return the page to come back to: the one asked for, or the one that is open."""
    if is_partial(request):
        current = urlsplit(request.headers.get("hx-current-url", ""))
        return f"{current.path}?{current.query}" if current.query else current.path
    if request.method not in {"GET", "HEAD"}:
        return "/"
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
