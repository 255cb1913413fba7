"""Signing in and out: let me in safely."""

import contextlib
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from guesthouse.edge.access import SESSION_COOKIE, Access, Provided, admits, identify, services_of
from guesthouse.edge.cookies import own_cookie
from guesthouse.edge.origin import origin_of
from guesthouse.errors import Denied, GuesthouseError, NotFound, Unavailable
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.attempts import LIFETIME as ATTEMPT
from guesthouse.people.errors import SignInRefused, TooManyAttempts
from guesthouse.people.model import Half, Opened
from guesthouse.people.oidc import ExternalSignIn
from guesthouse.people.sessions import SessionUnknown
from guesthouse.people.signin import HALF
from guesthouse.web import cookies
from guesthouse.web.forms import again, said
from guesthouse.web.guard import PageRoute
from guesthouse.web.page import go, page
from guesthouse.web.paths import HOME, enrol_path, leading_on, own_path

router = APIRouter(route_class=PageRoute, include_in_schema=False)
FORM: Final = "sign-in/sign-in.html"
CODE: Final = "sign-in/code.html"
CODE_REFUSED: Final = (
    "This code is wrong or was used already, or your password was typed more than "
    "five minutes ago."
)
Following = Annotated[str, Query(alias="next")]
FollowingField = Annotated[str, Form(alias="next")]


class ProviderMissing(NotFound):
    """No provider is set up here."""

    def __init__(self) -> None:
        super().__init__("no company sign-in is set up here", next_step="sign in with a password")


class CodeRefused(SignInRefused):
    """As any refused sign-in, but said where a code was typed."""

    def __init__(self) -> None:
        super().__init__()
        self.sentence, self.next_step = CODE_REFUSED, ""


@router.get("/sign-in")
@admits(Access.ANYONE)
async def form(
    request: Request, following: Following = "", ended: Annotated[str, Query()] = ""
) -> Response:
    """Ask who somebody is; who is signed in already goes on."""
    scope = await identify(request, services_of(request))
    if scope is not None and scope.session is not None:
        return onward(request, own_path(following))
    return _form(request, following, has_ended=bool(ended))


@router.post("/sign-in")
@admits(Access.ANYONE)
async def sign_in(
    request: Request,
    login: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    following: FollowingField = "",
) -> Response:
    """Open a session, or ask for the code that is missing."""
    services = services_of(request)
    try:
        found = await services.signin.password(login, Sensitive(password), origin_of(request))
    except (SignInRefused, TooManyAttempts) as error:
        return again(request, FORM, "password", error, **_values(request, following, login=login))
    if isinstance(found, Half):
        response = go(request, leading_on("/sign-in/code", following))
        cookies.put(response, cookies.HALF, found.secret, HALF)
        return response
    return arrive(request, found, following)


@router.get("/sign-in/code")
@admits(Access.ANYONE)
def code_form(
    request: Request, following: Following = "", recovery: Annotated[str, Query()] = ""
) -> Response:
    """Ask for the code of an authenticator, or for a recovery code."""
    if not own_cookie(request, cookies.HALF):
        return go(request, leading_on("/sign-in", following))
    path = own_path(following)
    return page(request, CODE, errors={}, following=path, is_recovery=bool(recovery))


@router.post("/sign-in/code")
@admits(Access.ANYONE)
def second(
    request: Request,
    services: Provided,
    code: Annotated[str, Form()] = "",
    following: FollowingField = "",
    recovery: Annotated[str, Form()] = "",
) -> Response:
    """Open the session that a password opened half of."""
    half = own_cookie(request, cookies.HALF)
    values = {"following": own_path(following), "is_recovery": bool(recovery)}
    try:
        opened = services.signin.second(half, code, origin_of(request))
    except SignInRefused:
        return again(request, CODE, "code", CodeRefused(), **values)
    except TooManyAttempts as error:
        return again(request, CODE, "code", error, **values)
    return arrive(request, opened, following)


@router.post("/sign-out")
# Whoever is signed in no more may press it, too: then only the cookies go.
@admits(Access.ANYONE)
async def sign_out(request: Request, following: FollowingField = "") -> Response:
    """End the session, and with it the cookies of every route."""
    services = services_of(request)
    scope = await identify(request, services)
    if scope is not None and scope.session is not None:
        with contextlib.suppress(SessionUnknown):
            await run_in_threadpool(services.sessions.revoke, scope, scope.session)
    path = own_path(following)
    response = go(request, "/sign-in?ended=1" if path == HOME else leading_on("/sign-in", path))
    cookies.drop(response, SESSION_COOKIE, cookies.HALF, cookies.OIDC, cookies.ONCE)
    return response


@router.get("/sign-in/oidc")
@admits(Access.ANYONE)
async def depart(request: Request, following: Following = "") -> Response:
    """Send somebody to the company's provider."""
    browser = own_cookie(request, cookies.OIDC)
    try:
        provider = _provider(request)
        departing = await provider.begin(own_path(following), browser, origin_of(request))
    except Unavailable as error:
        return _refused(request, error, following)
    response = RedirectResponse(departing.url, 303)
    cookies.put(response, cookies.OIDC, departing.browser, ATTEMPT)
    return response


@router.get("/sign-in/oidc/callback")
@admits(Access.ANYONE)
async def come_back(request: Request) -> Response:
    """Let in who comes back from the provider, if it vouches for them."""
    parameters, browser = dict(request.query_params), own_cookie(request, cookies.OIDC)
    try:
        arrived = await _provider(request).finish(parameters, browser, origin_of(request))
    except (Denied, Unavailable) as error:
        return _refused(request, error, "")
    return arrive(request, arrived.opened, arrived.path)


def arrive(request: Request, opened: Opened, following: str) -> Response:
    """Send somebody on who has just signed in."""
    path = own_path(following)
    response = onward(request, enrol_path(path) if opened.account.must_enrol else path)
    cookies.sign_in(response, opened)
    return response


def onward(request: Request, path: str) -> Response:
    """Go on to an address of ours, which may lead on to another host.

    A browser follows no form to another host, however many redirects are between: our pages tell
    it so. For the way into a route it therefore gets a page that begins anew.
    """
    if path.startswith("/enter/"):
        return page(request, "sign-in/onward.html", path=path)
    return go(request, path)


def _provider(request: Request) -> ExternalSignIn:
    provider = services_of(request).external
    if provider is None:
        raise ProviderMissing
    return provider


def _form(request: Request, following: str, *, has_ended: bool = False) -> Response:
    return page(request, FORM, errors={}, **_values(request, following, has_ended=has_ended))


def _refused(request: Request, error: GuesthouseError, following: str) -> Response:
    """Return the form with what became of the way by the provider."""
    values = _values(request, following, trouble=said(error))
    return again(request, FORM, "provider", error, **values)


def _values(
    request: Request,
    following: str,
    *,
    login: str = "",
    trouble: str = "",
    has_ended: bool = False,
) -> dict[str, Any]:
    return {
        "following": own_path(following),
        "login": login,
        "trouble": trouble,
        "has_ended": has_ended,
        "has_provider": services_of(request).external is not None,
    }
