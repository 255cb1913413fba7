"""The route class of the API: admits the caller first, then carries out at most once."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from typing_extensions import override

from guesthouse.api.idempotency import Idempotency
from guesthouse.edge.access import access_of, admit, services_of


class GuardedRoute(APIRoute):
    """A route whose body is read only once its caller is admitted."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        access = access_of(self.endpoint)
        inner = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            services = services_of(request)
            scope = await admit(request, services.tokens, access)
            request.state.scope = scope
            keys = Idempotency(services.database, services.clock)
            return await keys.carry_out(request, scope, inner)

        return guarded
