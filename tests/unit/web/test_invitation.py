"""An invitation: good once, not to be seen in an address, and no way around a second factor."""

import pytest

from guesthouse.people import ActorKind
from guesthouse.web import cookies
from tests.unit.web.browsing import TYPED, Street, error_at, hidden, recovery_codes

TAKEN = {"password": TYPED, "repeated": TYPED}


def test_the_code_leaves_the_address_at_once(street: Street) -> None:
    code = street.invite("dana")
    browser = street.browser()
    answer = browser.get(f"/invitation/{code}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/invitation")
    page = browser.get("/invitation")
    assert "You are invited to acme" in page.text
    assert code not in page.text


def test_looking_at_it_does_not_spend_it(street: Street) -> None:
    code = street.invite("dana")
    for _ in range(2):
        browser = street.browser()
        browser.get(f"/invitation/{code}")
        assert browser.get("/invitation").status_code == 200


def test_it_leads_to_a_password_then_to_a_second_factor_and_is_spent(street: Street) -> None:
    code = street.invite("dana")
    browser, late = street.browser(), street.browser()
    browser.get(f"/invitation/{code}")
    late.get(f"/invitation/{code}")
    answer = browser.post("/invitation", data=TAKEN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/invitation/totp")
    assert cookies.INVITATION not in browser.cookies
    assert "Not now" in browser.get("/invitation/totp").text
    assert browser.get("/").status_code == 200
    assert late.post("/invitation", data=TAKEN).status_code == 404


@pytest.mark.parametrize(
    ("password", "repeated", "field", "said"),
    [
        pytest.param("short", "short", "password", "The password is too short.", id="short"),
        pytest.param(
            "danadana-with-dana",
            "danadana-with-dana",
            "password",
            "The password holds",
            id="login",
        ),
        pytest.param(TYPED, TYPED + "x", "repeated", "The two passwords differ.", id="differ"),
    ],
)
def test_a_password_that_may_not_be_taken_is_said_at_its_field(
    street: Street, password: str, repeated: str, field: str, said: str
) -> None:
    browser = street.browser()
    browser.get(f"/invitation/{street.invite('dana')}")
    answer = browser.post("/invitation", data={"password": password, "repeated": repeated})
    assert answer.status_code == 422
    assert error_at(answer, field).startswith(said)
    assert f'value="{password}"' not in answer.text
    assert browser.post("/invitation", data=TAKEN).status_code == 303


@pytest.mark.parametrize("code", ["x" * 43, "short", "%2e%2e%2fetc", "totp%00"])
def test_what_is_no_invitation_is_answered_as_a_spent_one(street: Street, code: str) -> None:
    browser = street.browser()
    browser.get(f"/invitation/{code}")
    answer = browser.get("/invitation")
    assert answer.status_code == 404
    assert "is not, or no longer, valid" in answer.text


@pytest.mark.parametrize("kind", [ActorKind.OPERATOR, ActorKind.AUDITOR])
def test_operators_and_auditors_do_nothing_before_they_have_a_second_factor(
    street: Street, kind: ActorKind
) -> None:
    browser = street.browser()
    browser.get(f"/invitation/{street.invite('olga', None, None, kind)}")
    browser.post("/invitation", data=TAKEN)
    assert "Not now" not in browser.get("/invitation/totp").text
    for path in ("/", "/partners", "/audit", "/device"):
        answer = browser.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/account/totp")
    made = browser.post("/account/tokens", data={"name": "x", "reach": "everything"})
    assert made.headers["location"].startswith("/account/totp")
    assert len(street.enrol(browser, "olga")) == 10
    assert browser.get("/audit").status_code == 200


def test_who_has_an_account_signs_in_and_joins(street: Street) -> None:
    street.member("dana")
    browser = street.browser()
    browser.get(f"/invitation/{street.invite('dana', 'other')}")
    asked = browser.get("/invitation")
    assert "Sign in as you always do" in asked.text
    assert "password" not in asked.text.lower().replace("a password", "")
    assert browser.post("/invitation", data=TAKEN).headers["location"] == "/invitation"
    browser.post("/sign-in", data={"login": "dana", "password": TYPED, "next": "/invitation"})
    assert "Join other" in browser.get("/invitation").text
    assert browser.post("/invitation/join").headers["location"] == "/"
    assert browser.get("/partners/other").status_code == 200


def test_nobody_joins_with_anothers_invitation(street: Street) -> None:
    street.member("dana")
    browser = street.member("otto", "other")
    browser.get(f"/invitation/{street.invite('dana', 'other')}")
    assert "Sign out and go on as dana" in browser.get("/invitation").text
    assert browser.post("/invitation/join").status_code == 403


def test_signing_out_to_join_comes_back_to_the_invitation(street: Street) -> None:
    street.member("dana")
    browser = street.member("otto", "other")
    browser.get(f"/invitation/{street.invite('dana', 'other')}")
    answer = browser.post("/sign-out", data={"next": "/invitation"})
    assert answer.headers["location"] == "/sign-in?next=%2Finvitation"
    assert "Sign in as you always do" in browser.get("/invitation").text


def test_a_wrong_code_makes_no_new_secret(street: Street) -> None:
    browser = street.member("dana")
    page = browser.post("/account/totp")
    uri = hidden(page, "uri")
    assert 'src="data:image/svg+xml' in page.text
    wrong = browser.post("/account/totp", data={"uri": uri, "code": "000000"})
    assert wrong.status_code == 422
    assert error_at(wrong, "code").startswith("The code is wrong or too old.")
    assert hidden(wrong, "uri") == uri


def test_recovery_codes_are_shown_once(street: Street) -> None:
    browser = street.member("dana")
    assert len(set(street.enrol(browser, "dana"))) == 10
    again = browser.get("/account/totp/codes")
    assert recovery_codes(again) == []
    assert "10 codes are still good" in again.text


def test_an_authenticator_is_replaced_by_who_has_it_alone(street: Street) -> None:
    browser = street.member("dana")
    street.enrol(browser, "dana")
    assert "Replace your authenticator" in browser.get("/account/totp").text
    for code in ("", "000000"):
        answer = browser.post("/account/totp", data={"code": code})
        assert answer.status_code == 422
        assert "otpauth:" not in answer.text
    # Who has a secret of their own making gets nowhere with it, either.
    forged = "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP"
    assert browser.post("/account/totp", data={"uri": forged, "code": "1"}).status_code == 422


@pytest.mark.parametrize("uri", ["https://evil.test/", "javascript:alert(1)", "otpauth://hotp/x"])
def test_only_an_authenticators_address_is_drawn(street: Street, uri: str) -> None:
    answer = street.member("dana").post("/account/totp", data={"uri": uri, "code": "1"})
    assert uri not in answer.text
