"""Signing in and out: nobody learns who is here, and nobody is sent elsewhere."""

import dataclasses

import httpx
import pytest

from guesthouse import web
from guesthouse.api import create_app
from guesthouse.edge.access import SESSION_COOKIE
from guesthouse.people.groups import mapping_of
from guesthouse.people.model import ExternalIdentity
from guesthouse.people.oidc import ExternalSignIn
from guesthouse.people.signin import SignIn
from guesthouse.web import cookies
from tests.fakes.openid import ISSUER, FakeOpenIdProvider
from tests.unit.web.browsing import CODE_REFUSED, TYPED, Street, error_at

FOREIGN = [
    "//evil.test",
    "///evil.test",
    "https://evil.test/",
    "/\\evil.test",
    "\\\\evil.test",
    "/\tevil.test",
    "javascript:alert(1)",
    "evil.test",
    "",
]


def _try(browser: httpx.Client, login: str, password: str = TYPED, **more: str) -> httpx.Response:
    return browser.post("/sign-in", data={"login": login, "password": password, **more})


def _set_cookie(answer: httpx.Response, name: str) -> str:
    found = [each for each in answer.headers.get_list("set-cookie") if each.startswith(name + "=")]
    assert len(found) == 1, answer.headers
    return found[0]


def test_a_member_goes_on_to_where_they_wanted(street: Street) -> None:
    street.member("dana")
    browser = street.browser()
    asked = browser.get("/environments/acme/runs?state=failed")
    assert (
        asked.headers["location"] == "/sign-in?next=%2Fenvironments%2Facme%2Fruns%3Fstate%3Dfailed"
    )
    form = browser.get(asked.headers["location"])
    assert 'value="/environments/acme/runs?state=failed"' in form.text
    answer = _try(browser, "dana", next="/environments/acme/runs?state=failed")
    assert answer.status_code == 303
    assert browser.get(answer.headers["location"]).status_code == 200


@pytest.mark.parametrize("following", FOREIGN)
def test_nobody_is_sent_to_another_site(street: Street, following: str) -> None:
    street.member("dana")
    browser = street.browser()
    form = browser.get("/sign-in", params={"next": following})
    assert "evil" not in form.text
    assert "javascript:" not in form.text
    assert _try(browser, "dana", next=following).headers["location"] == "/"
    assert browser.get("/sign-in", params={"next": following}).headers["location"] == "/"
    out = browser.post("/sign-out", data={"next": following})
    assert out.headers["location"] == "/sign-in?ended=1"


def test_an_unknown_login_is_answered_as_a_wrong_password(street: Street) -> None:
    street.member("dana")
    wrong = _try(street.browser(), "dana", "not that one")
    unknown = _try(street.browser(), "dina", "not that one")
    assert wrong.status_code == unknown.status_code == 403
    assert wrong.text == unknown.text.replace("dina", "dana")
    assert error_at(wrong, "password").startswith("Login, password or code is wrong.")
    assert wrong.headers.get("set-cookie") is None


def test_a_wrong_password_is_not_given_back(street: Street) -> None:
    assert "not that one" not in _try(street.browser(), "dana", "not that one").text


def test_too_many_tries_say_how_long_to_wait(street: Street) -> None:
    browser = street.browser()
    answers = [_try(browser, "dana", "wrong") for _ in range(11)]
    assert [answer.status_code for answer in answers] == [403] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert error_at(answers[-1], "password").startswith("Too many attempts.")


def test_the_session_is_a_cookie_that_scripts_and_other_sites_do_not_get(street: Street) -> None:
    street.member("dana")
    words = {
        word.strip().lower()
        for word in _set_cookie(_try(street.browser(), "dana"), SESSION_COOKIE).split(";")[1:]
    }
    assert words == {"httponly", "secure", "path=/", "samesite=lax", "max-age=604800"}


def test_a_session_planted_before_signing_in_opens_nothing(street: Street) -> None:
    street.member("dana")
    browser = street.browser()
    browser.cookies.set(SESSION_COOKIE, "planted", domain="console.test")
    _try(browser, "dana")
    assert browser.get("/").status_code == 200
    thief = street.browser()
    thief.cookies.set(SESSION_COOKIE, "planted", domain="console.test")
    assert thief.get("/").status_code == 303


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/code", "/sign-out", "/invitation"])
def test_no_other_site_posts_here(street: Street, site: str, path: str) -> None:
    street.member("dana")
    answer = street.browser(site).post(path, data={"login": "dana", "password": TYPED})
    assert answer.status_code == 403
    assert answer.headers.get("set-cookie") is None


def test_who_is_signed_in_goes_on_at_once(street: Street) -> None:
    browser = street.member("dana")
    assert browser.get("/sign-in?next=/runs").headers["location"] == "/runs"


def test_a_code_is_asked_for_after_the_password(street: Street) -> None:
    street.operator("olga")
    browser = street.browser()
    half = _try(browser, "olga", next="/audit")
    assert half.headers["location"] == "/sign-in/code?next=%2Faudit"
    assert SESSION_COOKIE not in browser.cookies
    assert browser.get("/audit").status_code == 303
    asked = browser.get(half.headers["location"])
    assert 'autocomplete="one-time-code"' in asked.text
    code = street.code("olga")
    answer = browser.post("/sign-in/code", data={"code": code, "next": "/audit"})
    assert answer.headers["location"] == "/audit"
    assert cookies.HALF not in browser.cookies
    assert browser.get("/audit").status_code == 200


def test_a_code_is_taken_once(street: Street) -> None:
    street.operator("olga")
    first, second = street.browser(), street.browser()
    _try(first, "olga")
    _try(second, "olga")
    code = street.code("olga")
    assert first.post("/sign-in/code", data={"code": code}).status_code == 303
    again = second.post("/sign-in/code", data={"code": code})
    assert again.status_code == 403
    assert error_at(again, "code").startswith(CODE_REFUSED)


def test_a_recovery_code_opens_once(street: Street) -> None:
    street.operator("olga")
    browser = street.sign_in("olga")
    browser.post("/sign-in/code", data={"code": street.code("olga")})
    codes = street.enrol(browser, "olga")
    for expected in (303, 403):
        other = street.sign_in("olga")
        page = other.get("/sign-in/code?recovery=1")
        assert "Recovery code" in page.text
        answer = other.post("/sign-in/code", data={"code": codes[0], "recovery": "1"})
        assert answer.status_code == expected


def test_without_a_password_there_is_no_second_step(street: Street) -> None:
    browser = street.browser()
    assert browser.get("/sign-in/code?next=/runs").headers["location"] == "/sign-in?next=%2Fruns"
    assert browser.post("/sign-in/code", data={"code": "123456"}).status_code == 403


def test_signing_out_ends_the_session_itself(street: Street) -> None:
    browser = street.member("dana")
    secret = browser.cookies[SESSION_COOKIE]
    assert browser.post("/sign-out").headers["location"] == "/sign-in?ended=1"
    assert SESSION_COOKIE not in browser.cookies
    assert "You are signed out" in browser.get("/sign-in?ended=1").text
    kept = street.browser()
    kept.cookies.set(SESSION_COOKIE, secret, domain="console.test")
    assert kept.get("/").status_code == 303


def test_who_is_signed_in_no_more_can_sign_out(street: Street) -> None:
    assert street.browser().post("/sign-out").status_code == 303


def test_the_way_to_a_route_begins_anew_after_a_form(street: Street) -> None:
    street.member("dana")
    state = "0" * 32
    following = f"/enter/acme/app?state={state}&next=/readings?since=1&until=2"
    browser = street.browser()
    answer = _try(browser, "dana", next=following)
    # A redirect would be followed to no other host: our pages forbid forms that.
    assert answer.status_code == 200
    assert f'content="0;url={following.replace("&", "&amp;")}"' in answer.text
    way_in = browser.get(following)
    assert way_in.status_code == 303
    host, _, code = way_in.headers["location"].partition("?code=")
    assert host == "https://app--acme.apps.localhost:8443/.guesthouse/enter"
    entry = street.services.entrance.enter(code=code, environment="acme", route="app", state=state)
    assert entry.path == "/readings?since=1&until=2"


@pytest.mark.parametrize(
    ("login", "partner", "path"),
    [
        ("dana", "acme", f"/enter/acme/gone?state={'0' * 32}&next=/"),
        ("otto", "other", f"/enter/acme/app?state={'0' * 32}&next=/"),
        ("dana", "acme", "/enter/acme/app?state=planted&next=/"),
    ],
)
def test_there_is_no_way_into_what_is_not_ones_own(
    street: Street, login: str, partner: str, path: str
) -> None:
    answer = street.member(login, partner).get(path)
    assert answer.status_code in {404, 422}
    assert "location" not in answer.headers


@pytest.fixture
def company(street: Street) -> tuple[Street, FakeOpenIdProvider]:
    """A console whose company has a provider."""
    person = ExternalIdentity(ISSUER, "subject-1", "paula", "Paula", ("Acme Developers",))
    provider = FakeOpenIdProvider(person)
    parts = dataclasses.replace(
        street.services.people.parts, groups=mapping_of("Acme Developers = acme:developer")
    )
    external = ExternalSignIn(parts, SignIn(parts), provider)
    services = dataclasses.replace(street.services, external=external)
    app = create_app(services)
    web.install(app)
    return Street(app, services, street.clock), provider


def test_the_provider_lets_people_in(company: tuple[Street, FakeOpenIdProvider]) -> None:
    street, _ = company
    browser = street.browser()
    assert 'href="/sign-in/oidc?next=%2Fruns"' in browser.get("/sign-in?next=/runs").text
    away = browser.get("/sign-in/oidc?next=/runs")
    assert away.headers["location"].startswith(f"{ISSUER}/authorize?state=s1")
    back = browser.get("/sign-in/oidc/callback?state=s1&code=n1")
    assert (back.status_code, back.headers["location"]) == (303, "/runs")
    assert "Paula" in browser.get("/account").text


def test_another_browser_cannot_end_what_one_began(
    company: tuple[Street, FakeOpenIdProvider],
) -> None:
    street, _ = company
    street.browser().get("/sign-in/oidc")
    thief = street.browser().get("/sign-in/oidc/callback?state=s1&code=n1")
    assert thief.status_code == 403
    assert SESSION_COOKIE not in thief.headers.get("set-cookie", "")
    assert "This sign-in was begun elsewhere" in thief.text


def test_where_there_is_no_provider_none_is_offered(street: Street) -> None:
    browser = street.browser()
    assert "oidc" not in browser.get("/sign-in").text
    assert browser.get("/sign-in/oidc").status_code == 404
    assert browser.get("/sign-in/oidc/callback?state=s1").status_code == 404
