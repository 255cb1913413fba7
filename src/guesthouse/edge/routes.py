"""The route class both doors build on, and what it knows of every route of an application."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.responses import Response
from typing_extensions import override

from guesthouse.edge.access import Admission, admission_of, admit, services_of

Handler = Callable[[Request], Awaitable[Response]]


class AdmittingRoute(APIRoute):
    """A route whose body is read only once its caller is admitted."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        admission = admission_of(self.endpoint)
        inner = super().get_route_handler()

        async def admitted(request: Request) -> Response:
            request.state.scope = await admit(request, services_of(request), admission)
            return await self.carry_out(request, inner)

        return admitted

    async def carry_out(self, request: Request, handler: Handler) -> Response:
        """Answer a request whose caller, if it asks for one, is `request.state.scope`."""
        return await handler(request)


def admissions(app: FastAPI) -> dict[tuple[str, str], Admission]:
    """Return for each path and method what its endpoint declares.

    Raises:
        AccessUndeclared: An endpoint declares nothing.
    """
    return {
        (context.path or "", method): admission_of(context.endpoint)
        for context in iter_route_contexts(app.routes)
        if context.endpoint is not None
        for method in context.methods or ()
    }
