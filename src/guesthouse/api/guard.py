"""The route class of the API: admits the caller first, then carries out at most once."""

from fastapi import Request
from starlette.responses import Response
from typing_extensions import override

from guesthouse.api.idempotency import SHOWN_ONCE, Idempotency
from guesthouse.edge.access import services_of
from guesthouse.edge.routes import AdmittingRoute, Handler


class GuardedRoute(AdmittingRoute):
    """A route that takes an Idempotency-Key."""

    @override
    async def carry_out(self, request: Request, handler: Handler) -> Response:
        services = services_of(request)
        is_secret = SHOWN_ONCE in vars(self.endpoint)
        keys = Idempotency(services.database, services.clock, keeps_answers=not is_secret)
        return await keys.carry_out(request, request.state.scope, handler)
