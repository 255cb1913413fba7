"""What belongs to the control plane itself: its CA, its health, its description."""

import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from guesthouse.api.guard import GuardedRoute
from guesthouse.api.views import HealthView
from guesthouse.edge.access import Access, Provided, admits

router = APIRouter(tags=["platform"], route_class=GuardedRoute)


@router.get("/ca", response_class=PlainTextResponse)
# A person needs it before they can trust the address that a token is sent to; it is no secret.
@admits(Access.ANYONE)
def ca(services: Provided) -> PlainTextResponse:
    """Return the certificate of our CA, PEM."""
    return PlainTextResponse(services.ca, media_type="application/x-pem-file")


@router.get("/health")
@admits(Access.ANYONE)
def health(services: Provided) -> HealthView:
    """Say whether the process lives and its database answers; 503 where it does not."""
    with services.database.reading() as transaction:
        transaction.scalar(sa.select(1))
    return HealthView(status="ok", database="ok")
