"""One's own tokens: who may do what as me; end it."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from guesthouse.edge.access import Access, Caller, Provided, admits
from guesthouse.edge.ports import Services
from guesthouse.errors import Invalid
from guesthouse.instances.plan import console_url
from guesthouse.people import Scope
from guesthouse.people.model import Action
from guesthouse.people.tokens import TokenGrant
from guesthouse.web import cookies, scopes
from guesthouse.web.forms import LifetimeInvalid, again, days_of
from guesthouse.web.guard import PageRoute
from guesthouse.web.page import go, page

router = APIRouter(prefix="/account/tokens", route_class=PageRoute, include_in_schema=False)
TEMPLATE: Final = "account/tokens.html"
KIND: Final = "token"
NAME_LENGTH: Final = 63
USUAL_DAYS: Final = "90"
LIFETIMES: Final = (
    ("7", "7 days"),
    ("30", "30 days"),
    (USUAL_DAYS, "90 days"),
    ("365", "1 year"),
    ("", "Never ends"),
)
USUAL: Final = frozenset({Action.ROUTE_USE.value})


class NameMissing(Invalid):
    """Nobody would know what the token was for."""

    def __init__(self) -> None:
        super().__init__(
            "a token needs a name on one line",
            next_step=f"say what it is for, in 1 to {NAME_LENGTH} characters",
        )


class ScopesMissing(Invalid):
    """It would be good for nothing."""

    def __init__(self) -> None:
        super().__init__("this token would be good for nothing", next_step="tick what it may do")


class PartnerInvalid(Invalid):
    """The partner is not one of the caller's."""

    def __init__(self) -> None:
        super().__init__("this partner is not among yours", next_step="choose one of the list")


FIELDS: Final[dict[type[Invalid], str]] = {
    NameMissing: "name",
    ScopesMissing: "scope",
    PartnerInvalid: "partner",
    LifetimeInvalid: "days",
}


@dataclass(frozen=True)
class TokenForm:
    """What was filled in."""

    name: str = ""
    days: str = USUAL_DAYS
    scope: frozenset[str] = USUAL
    everything: bool = False
    partner: str = ""


@router.get("")
@admits(Access.SIGNED_IN, Action.ACCOUNT_OWN)
def tokens(request: Request, services: Provided, caller: Caller) -> Response:
    """Show somebody's tokens, and the one they have just made, once."""
    made = cookies.kept_once(request, caller, KIND)
    response = page(
        request, TEMPLATE, errors={}, made=made, **_values(services, caller, TokenForm())
    )
    cookies.drop(response, cookies.ONCE)
    return response


@router.post("")
@admits(Access.SIGNED_IN, Action.ACCOUNT_OWN)
def make(  # noqa: PLR0913, PLR0917 - each is a field of the form
    request: Request,
    services: Provided,
    caller: Caller,
    name: Annotated[str, Form()] = "",
    days: Annotated[str, Form()] = USUAL_DAYS,
    scope: Annotated[list[str] | None, Form()] = None,
    reach: Annotated[str, Form()] = "",
    partner: Annotated[str, Form()] = "",
) -> Response:
    """Make a token."""
    filled = TokenForm(name, days, frozenset(scope or ()), reach == "everything", partner)
    try:
        grant = _grant(caller, filled)
    except Invalid as error:
        values = _values(services, caller, filled)
        return again(request, TEMPLATE, FIELDS[type(error)], error, made=None, **values)
    made = services.tokens.issue(caller, grant)
    response = go(request, "/account/tokens")
    cookies.keep_once(response, caller, KIND, name=grant.name, token=made.secret.reveal())
    return response


@router.post("/{token}/revoke")
@admits(Access.SIGNED_IN, Action.ACCOUNT_OWN)
def revoke(request: Request, services: Provided, caller: Caller, token: str) -> Response:
    """End a token; whoever presses twice gets the same answer."""
    if any(own.id == token for own in services.tokens.list(caller)):
        services.tokens.end(caller, token)
    return go(request, "/account/tokens")


def _grant(caller: Scope, filled: TokenForm) -> TokenGrant:
    """Return what is asked for.

    Raises:
        Invalid: A field is not filled in as it must be.
    """
    name = " ".join(filled.name.split())
    if not 0 < len(name) <= NAME_LENGTH or not name.isprintable():
        raise NameMissing
    lifetime = days_of(filled.days, LIFETIMES) if filled.days else None
    if filled.partner and not caller.sees(filled.partner):
        raise PartnerInvalid
    return TokenGrant(
        name=name,
        actor=caller.actor,
        kind=caller.kind,
        partners=frozenset({filled.partner}) if filled.partner else None,
        lifetime=lifetime,
        scopes=None if filled.everything else _scopes(caller, filled),
    )


def _scopes(caller: Scope, filled: TokenForm) -> frozenset[Action]:
    known = {choice.value for choice in scopes.offered(caller)}
    chosen = filled.scope & known
    if not chosen:
        raise ScopesMissing
    return frozenset(map(Action, chosen))


def _values(services: Services, caller: Scope, filled: TokenForm) -> dict[str, Any]:
    partners, settings = services.partners.list(caller).items, services.settings
    return {
        "tokens": services.tokens.list(caller),
        "filled": filled,
        "choices": scopes.offered(caller, filled.scope),
        "lifetimes": LIFETIMES,
        "partners": [("", "All of mine" if caller.partners else "All")]
        + [(partner.name, partner.title or partner.name) for partner in partners],
        "words_of": scopes.words_of,
        "console": console_url(settings.domain, settings.gateway_port),
    }
