"""Who calls, and what they come in by: their tokens and sessions."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Response, status
from pydantic import BaseModel, ConfigDict, Field

from guesthouse.api.guard import GuardedRoute
from guesthouse.api.idempotency import shown_once
from guesthouse.api.paging import Cursor, Limit, page_from
from guesthouse.api.people_views import (
    SessionView,
    TokenMadeView,
    TokenView,
    WhoamiView,
    session_view,
    token_view,
    whoami_view,
)
from guesthouse.api.views import PageView, page_of
from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.errors import NotFound
from guesthouse.people import Action
from guesthouse.people.tokens import TokenGrant

router = APIRouter(tags=["account"], route_class=GuardedRoute)
USUAL_DAYS = 90
MOST_DAYS = 730
Name = Annotated[str, Field(min_length=1, max_length=63)]


class TokenUnknown(NotFound):
    """There is no such token, or not for this caller."""

    def __init__(self, token: str) -> None:
        super().__init__(f"there is no token {token[:80]}", next_step="guesthouse token list")


class TokenRequest(BaseModel):
    """What a token shall be for."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(description="What it is for; shown in lists.")
    scopes: frozenset[Action] | None = Field(
        default=None, description="What it may do; null is all its owner may."
    )
    partners: frozenset[Name] | None = Field(
        default=None, description="Whose things it reaches; null is all its owner's."
    )
    days: int | None = Field(
        default=USUAL_DAYS, ge=1, le=MOST_DAYS, description="How long it lives; null is for ever."
    )


@router.get("/whoami")
@admits(Access.SIGNED_IN)
def whoami(services: Provided, caller: Caller) -> WhoamiView:
    """Say who calls, what they may do, and by what they came in."""
    account = None if caller.account is None else services.accounts.account(caller)
    return whoami_view(caller, account)


@router.get("/tokens")
@admits(Access.SIGNED_IN)
def tokens(
    services: Provided, caller: Caller, cursor: Cursor = None, limit: Limit = None
) -> PageView[TokenView]:
    """List the caller's own tokens, newest first."""
    found = services.tokens.list(caller)
    page = page_from(found, lambda token: token.id, cursor=cursor, limit=limit, newest_first=True)
    return page_of(page, token_view)


@router.post("/tokens", status_code=status.HTTP_201_CREATED)
@admits(Access.SIGNED_IN)
@shown_once
def make_token(services: Provided, caller: Caller, request: TokenRequest) -> TokenMadeView:
    """Make a token; it is shown this once. A person signed in may, and the machine's operator."""
    lifetime = None if request.days is None else dt.timedelta(days=request.days)
    grant = TokenGrant(
        name=request.name,
        actor=caller.actor,
        kind=caller.kind,
        partners=request.partners,
        lifetime=lifetime,
        scopes=request.scopes,
    )
    made = services.tokens.issue(caller, grant)
    return TokenMadeView(
        id=made.id,
        name=request.name,
        token=made.secret.reveal(),
        scopes=_sorted(request.scopes),
        partners=None if request.partners is None else sorted(request.partners),
        expires_at=None if lifetime is None else services.clock.now() + lifetime,
    )


@router.delete("/tokens/{token}", status_code=status.HTTP_204_NO_CONTENT, response_class=Response)
@admits(Access.SIGNED_IN)
def end_token(services: Provided, caller: Caller, token: str) -> None:
    """End a token of the caller's, as operator any; a narrowed one ends itself alone."""
    if not services.tokens.end(caller, token):
        raise TokenUnknown(token)


@router.get("/sessions")
@admits(Access.SIGNED_IN)
def sessions(
    services: Provided, caller: Caller, cursor: Cursor = None, limit: Limit = None
) -> PageView[SessionView]:
    """List the browsers the caller is signed in with, newest first."""
    found = services.sessions.list(caller)
    page = page_from(
        found, lambda session: session.id, cursor=cursor, limit=limit, newest_first=True
    )
    return page_of(page, session_view)


@router.delete(
    "/sessions/{session}", status_code=status.HTTP_204_NO_CONTENT, response_class=Response
)
@admits(Access.SIGNED_IN)
def end_session(services: Provided, caller: Caller, session: str) -> None:
    """End a session of the caller's, in whatever browser it is."""
    services.sessions.revoke(caller, session)


def _sorted(scopes: frozenset[Action] | None) -> list[str] | None:
    return None if scopes is None else sorted(action.value for action in scopes)
