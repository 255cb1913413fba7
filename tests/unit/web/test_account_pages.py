"""One's own account, tokens and sessions: shown to their owner, ended by their owner."""

import datetime as dt
import html
import re

import httpx
import pytest

from guesthouse.people import Role
from guesthouse.people.permissions import GIVABLE
from guesthouse.web.pages.account import browser as browser_name
from guesthouse.web.scopes import WORDS
from tests.fakes.asgi import client_of
from tests.fakes.people import PASSWORD
from tests.unit.web.browsing import TYPED, Street, error_at

NEW = "forty green bottles"
MAKE = {"name": "ci", "days": "30", "reach": "ticked", "scope": ["env:read"]}


def _token(answer: httpx.Response) -> str:
    found = re.search(r"ghs_[0-9A-Za-z]{36}", answer.text)
    return found[0] if found else ""


def _made(browser: httpx.Client, **changes: object) -> httpx.Response:
    answer = browser.post("/account/tokens", data={**MAKE, **changes})
    assert answer.status_code == 303, error_at(answer, "scope")
    return browser.get(answer.headers["location"])


def _ids(answer: httpx.Response, kind: str) -> list[str]:
    return re.findall(rf'action="/account/{kind}s/([a-z0-9_]+)/', answer.text)


def test_a_password_is_changed_and_every_other_browser_signed_out(street: Street) -> None:
    browser = street.member("dana")
    other = street.sign_in("dana")
    data = {"old": TYPED, "new": NEW, "repeated": NEW}
    assert browser.post("/account", data=data).headers["location"] == "/account?changed=1"
    assert "Password changed" in browser.get("/account?changed=1").text
    assert other.get("/account").status_code == 303
    street.sign_in("dana", NEW)


@pytest.mark.parametrize(
    ("data", "field", "status"),
    [
        pytest.param({"old": "no", "new": NEW, "repeated": NEW}, "old", 403, id="old"),
        pytest.param({"old": TYPED, "new": "short", "repeated": "short"}, "new", 422, id="weak"),
        pytest.param({"old": TYPED, "new": NEW, "repeated": "x"}, "repeated", 422, id="differ"),
    ],
)
def test_what_is_wrong_with_a_password_is_said_at_its_field(
    street: Street, data: dict[str, str], field: str, status: int
) -> None:
    browser = street.member("dana")
    answer = browser.post("/account", data=data)
    assert answer.status_code == status
    assert error_at(answer, field)
    street.sign_in("dana", PASSWORD.reveal())


def test_a_token_is_shown_once_and_made_once(street: Street) -> None:
    browser = street.member("dana")
    shown = _made(browser)
    token = _token(shown)
    assert client_of(street.app, token).get("/api/v1/environments").status_code == 200
    assert client_of(street.app, token).get("/api/v1/runs").status_code == 403
    again = browser.get("/account/tokens")
    assert _token(again) == ""
    assert len(_ids(again, "token")) == 1


def test_a_token_made_in_one_account_is_not_shown_in_the_next(street: Street) -> None:
    browser = street.member("dana")
    browser.post("/account/tokens", data=MAKE)
    street.member("otto", "other")
    browser.post("/sign-in", data={"login": "otto", "password": TYPED})
    assert _token(browser.get("/account/tokens")) == ""


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"name": " "}, "name", id="no name"),
        pytest.param({"name": "x" * 64}, "name", id="long name"),
        pytest.param({"scope": []}, "scope", id="no scope"),
        pytest.param({"scope": ["audit:read"]}, "scope", id="not the owner's"),
        pytest.param({"scope": ["account:own"]}, "scope", id="never given"),
        pytest.param({"scope": ["nonsense"]}, "scope", id="no such scope"),
        pytest.param({"days": "99999"}, "days", id="too long"),
        pytest.param({"partner": "other"}, "partner", id="foreign partner"),
    ],
)
def test_a_token_that_may_not_be_is_refused_at_its_field(
    street: Street, changes: dict[str, object], field: str
) -> None:
    browser = street.member("dana")
    answer = browser.post("/account/tokens", data={**MAKE, **changes})
    assert answer.status_code == 422
    assert field in answer.text
    if field != "partner":  # with one partner there is nothing to choose
        assert error_at(answer, field)
    assert _ids(browser.get("/account/tokens"), "token") == []


def test_what_was_filled_in_stays_after_a_mistake(street: Street) -> None:
    answer = street.member("dana").post(
        "/account/tokens", data={**MAKE, "name": "", "scope": ["log:read"], "days": "7"}
    )
    assert 'value="log:read" checked' in answer.text
    assert 'value="env:read" checked' not in answer.text
    assert '<option value="7" selected>' in answer.text


def test_everything_means_what_its_owner_may_do(street: Street) -> None:
    browser = street.member("dana", role=Role.VIEWER)
    token = _token(_made(browser, reach="everything", scope=[]))
    api = client_of(street.app, token)
    assert api.get("/api/v1/runs").status_code == 200
    assert api.post("/api/v1/environments/acme/deploy").status_code == 403


def test_a_revoked_token_opens_nothing(street: Street) -> None:
    browser = street.member("dana")
    token = _token(_made(browser))
    (identity,) = _ids(browser.get("/account/tokens"), "token")
    for _ in range(2):
        assert browser.post(f"/account/tokens/{identity}/revoke").status_code == 303
    assert client_of(street.app, token).get("/api/v1/environments").status_code == 401


def test_nobody_ends_anothers_token_or_session_here(street: Street) -> None:
    dana, olga = street.member("dana"), street.operator("olga")
    token = _token(_made(dana))
    (identity,) = _ids(dana.get("/account/tokens"), "token")
    olga.post(f"/account/tokens/{identity}/revoke")
    assert client_of(street.app, token).get("/api/v1/environments").status_code == 200
    street.sign_in("dana")
    session = _ids(dana.get("/account/sessions"), "session")[0]
    olga.post(f"/account/sessions/{session}/end")
    assert session in dana.get("/account/sessions").text


def test_a_token_opens_no_page_of_the_account(street: Street) -> None:
    token = _token(_made(street.member("dana"), reach="everything"))
    for path in ("/account", "/account/tokens", "/account/sessions", "/device"):
        assert client_of(street.app, token).get(path).status_code == 403


def test_sessions_are_ended_one_by_one_or_all_others_at_once(street: Street) -> None:
    browser = street.member("dana")
    others = []
    for _ in range(3):
        street.clock.advance(dt.timedelta(seconds=1))
        others.append(street.sign_in("dana"))
    first, second, third = others
    page = browser.get("/account/sessions")
    assert "End 3 other sessions" in page.text
    newest = _ids(page, "session")[0]
    browser.post(f"/account/sessions/{newest}/end")
    assert [each.get("/").status_code for each in (first, second, third)] == [200, 200, 303]
    browser.post("/account/sessions/others/end")
    assert [each.get("/").status_code for each in (first, second, browser)] == [303, 303, 200]


def test_every_scope_a_token_can_have_has_its_word() -> None:
    assert set(WORDS) == GIVABLE


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Firefox on Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit Chrome/126 Safari/537 Edg/126",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Safari/604.1",
            "Safari on iPhone",
        ),
        ("<script>alert(1)</script>", "<script>alert"),
        ("", "Unknown browser"),
    ],
)
def test_a_browser_is_called_what_people_call_it(agent: str, name: str) -> None:
    assert browser_name(agent) == name


def test_a_browser_that_calls_itself_markup_stays_text(street: Street) -> None:
    street.member("dana")
    odd = street.browser()
    odd.headers["User-Agent"] = "<img src=x onerror=alert(1)>"
    odd.post("/sign-in", data={"login": "dana", "password": TYPED})
    text = odd.get("/account/sessions").text
    assert "<img src=x" not in text
    assert html.escape("<img src=x onerror=alert(1)>") in text
