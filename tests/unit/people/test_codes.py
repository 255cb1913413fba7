"""Codes of authenticators, tallies of tries, and the rules for logins and passwords."""

import datetime as dt

import pyotp
import pytest

from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.codes import (
    new_recovery_code,
    new_secret,
    new_user_code,
    normal_recovery_code,
    normal_user_code,
)
from guesthouse.people.errors import LoginInvalid, PasswordWeak, TitleInvalid
from guesthouse.people.rules import check_password, normal_login, normal_title
from guesthouse.people.throttle import Limit, Tally, Turn, count
from guesthouse.people.totp import STEP_SECONDS, accepted_step, enrolment
from tests.fakes.clock import START

SECRET = Sensitive(b"12345678901234567890")
MINUTE = dt.timedelta(minutes=1)
LIMIT = Limit("any", 3, MINUTE)


def _code(at: dt.datetime) -> str:
    return pyotp.TOTP(enrolment(SECRET, login="a", issuer="b").secret.reveal()).at(at)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    now = dt.datetime.fromtimestamp(seconds, dt.UTC)
    assert accepted_step(SECRET, code, now=now, spent=None) == seconds // STEP_SECONDS


@pytest.mark.parametrize(
    ("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_clock_may_be_one_step_off(steps: int, taken: bool) -> None:  # noqa: FBT001
    code = _code(START + dt.timedelta(seconds=steps * STEP_SECONDS))
    assert (accepted_step(SECRET, code, now=START, spent=None) is not None) is taken


def test_a_code_is_taken_once_and_none_before_it_after_it() -> None:
    here = accepted_step(SECRET, _code(START), now=START, spent=None)
    assert here is not None
    assert accepted_step(SECRET, _code(START), now=START, spent=here) is None
    earlier = _code(START - dt.timedelta(seconds=STEP_SECONDS))
    assert accepted_step(SECRET, earlier, now=START, spent=here) is None
    later = _code(START + dt.timedelta(seconds=STEP_SECONDS))
    assert accepted_step(SECRET, later, now=START, spent=here) == here + 1


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "-12345"])
def test_what_is_no_code_is_none(code: str) -> None:
    assert accepted_step(SECRET, code, now=START, spent=None) is None


def test_blanks_in_a_code_do_not_matter() -> None:
    code = _code(START)
    assert accepted_step(SECRET, f" {code[:3]} {code[3:]} ", now=START, spent=None) is not None


def test_the_address_for_authenticators_names_login_and_house() -> None:
    uri = enrolment(SECRET, login="anna", issuer="Guesthouse example.com").uri
    assert uri.reveal().startswith("otpauth://totp/Guesthouse%20example.com:anna?secret=GEZDG")
    assert "GEZDG" not in str(uri)


def _tries(*moments: float) -> list[Turn]:
    tally: Tally | None = None
    turns = []
    for moment in moments:
        turn, tally = count(tally, LIMIT, START + dt.timedelta(seconds=moment))
        turns.append(turn)
    return turns


TAKEN, FIRST, REFUSED = Turn.TAKEN, Turn.REFUSED_FIRST, Turn.REFUSED


@pytest.mark.parametrize(
    ("moments", "turns"),
    [
        pytest.param([0, 1, 2, 3, 4], [TAKEN, TAKEN, TAKEN, FIRST, REFUSED], id="quick"),
        pytest.param([0, 59, 118, 119], [TAKEN, TAKEN, TAKEN, FIRST], id="slow-drip"),
        pytest.param([0, 58, 59, 60], [TAKEN, TAKEN, TAKEN, FIRST], id="no-edge-of-a-minute"),
        pytest.param([0, 1, 2, 62], [TAKEN] * 4, id="left-alone"),
        pytest.param([0, 1, 2, 3, 61, 62], [*[TAKEN] * 3, FIRST, REFUSED, TAKEN], id="refusals"),
        pytest.param([0, 1, 2, -3600, -3599], [*[TAKEN] * 3, FIRST, REFUSED], id="set-back"),
        pytest.param([0, 1, 2, -3600, -3540], [*[TAKEN] * 3, FIRST, TAKEN], id="not-for-long"),
    ],
)
def test_tries_are_counted_until_a_window_was_quiet(
    moments: list[float], turns: list[Turn]
) -> None:
    assert _tries(*moments) == turns


def test_no_minute_ever_holds_more_than_the_limit() -> None:
    moments = [quarter / 4 for quarter in range(4 * 600)]
    taken = [at for at, turn in zip(moments, _tries(*moments), strict=True) if turn is TAKEN]
    for at in taken:
        assert sum(at <= other < at + 60 for other in taken) <= LIMIT.tries


def test_secrets_are_long_and_never_the_same() -> None:
    made = {new_secret().reveal() for _ in range(100)}
    assert len(made) == 100
    assert all(len(secret) == 43 for secret in made)


def test_codes_that_people_type_may_be_typed_as_they_like() -> None:
    code = new_user_code()
    assert normal_user_code(f" {code.lower().replace('-', ' ')}") == code
    recovery = new_recovery_code()
    assert normal_recovery_code(recovery.upper().replace("-", " ")) == recovery
    assert len(recovery.replace("-", "")) == 20


@pytest.mark.parametrize("login", ["a", "-ab", "a b", "ä-b", "a" * 64, "a/b", "", "a\n"])
def test_what_is_no_login_is_refused(login: str) -> None:
    with pytest.raises(LoginInvalid):
        normal_login(login)


def test_logins_are_small() -> None:
    assert normal_login(" Anna.B@Example.COM ") == "anna.b@example.com"


@pytest.mark.parametrize("title", ["", "   ", "x" * 201, "a\u202eb", "a\x1b[31m"])
def test_what_is_no_name_of_a_person_is_refused(title: str) -> None:
    with pytest.raises(TitleInvalid):
        normal_title(title)


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("elevenchars", id="short"),
        pytest.param("aabbccddaabbccdd", id="few-letters"),
        pytest.param("annabel likes 12 tunes", id="the-login"),
        pytest.param("the guesthouse is open", id="our-name"),
        pytest.param("wet llamas " * 100, id="long"),
    ],
)
def test_passwords_that_are_easy_to_guess_are_refused(password: str) -> None:
    with pytest.raises(PasswordWeak) as refused:
        check_password(Sensitive(password), "annabel")
    assert password not in str(refused.value)


def test_four_words_are_a_password() -> None:
    check_password(Sensitive("plenty of wet llamas"), "an")
