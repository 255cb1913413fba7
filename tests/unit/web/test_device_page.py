"""A program's code: shown with who asks for what, and let in by a clear yes alone."""

import pytest
import sqlalchemy as sa

from guesthouse.db.tables import audit_entries
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.devices import DeviceCode, DeviceRefused, Pending
from guesthouse.people.model import Action, Origin
from tests.fakes.asgi import client_of
from tests.unit.web.browsing import Street, error_at


def _begin(street: Street, *scopes: Action, client: str = "guesthouse on laptop") -> DeviceCode:
    return street.services.devices.begin(client, frozenset(scopes) or None)


def test_the_page_says_which_program_asks_for_what_as_whom(street: Street) -> None:
    code = _begin(street, Action.LOG_READ, Action.AUDIT_READ)
    text = street.member("dana").get(f"/device?code={code.user_code}").text
    for words in (code.user_code, "guesthouse on laptop", "dana", "Read logs", "not yours"):
        assert words in text
    assert "Only if you started it yourself, just now" in text


def test_the_page_says_from_where_the_program_asked(street: Street) -> None:
    devices, browser = street.services.devices, street.member("dana")
    stranger = devices.begin("guesthouse", origin=Origin("198.51.100.9", "curl"))
    text = browser.get(f"/device?code={stranger.user_code}").text
    assert "198.51.100.9" in text
    assert "not where this browser is" in text
    neighbour = devices.begin("guesthouse", origin=Origin("127.0.0.1", "curl"))
    text = browser.get(f"/device?code={neighbour.user_code}").text
    assert "not where this browser is" not in text
    browser.post("/device", data={"code": stranger.user_code, "answer": "refuse"})
    refused = sa.select(audit_entries.c.detail).where(audit_entries.c.action == "device.refuse")
    with street.services.database.reading() as transaction:
        assert "198.51.100.9" in transaction.scalar(refused)


def test_looking_at_a_code_lets_nobody_in(street: Street) -> None:
    code = _begin(street)
    street.member("dana").get(f"/device?code={code.user_code}")
    assert isinstance(street.services.devices.poll(code.device.reveal()), Pending)


@pytest.mark.parametrize("typed", [str, str.lower, lambda code: code.replace("-", " ")])
def test_a_clear_yes_lets_the_program_in(street: Street, typed: object) -> None:
    assert callable(typed)
    code = _begin(street, Action.ENVIRONMENT_READ)
    browser = street.member("dana")
    answer = browser.post("/device", data={"code": typed(code.user_code), "answer": "confirm"})
    assert answer.headers["location"] == "/device?done=confirmed"
    assert "The program is in" in browser.get("/device?done=confirmed").text
    token = street.services.devices.poll(code.device.reveal())
    assert isinstance(token, Sensitive)
    assert client_of(street.app, token.reveal()).get("/api/v1/environments").status_code == 200
    assert client_of(street.app, token.reveal()).get("/api/v1/runs").status_code == 403
    assert "guesthouse on laptop" in browser.get("/account/tokens").text


@pytest.mark.parametrize("answer", ["refuse", "", "CONFIRM"])
def test_anything_else_turns_it_away(street: Street, answer: str) -> None:
    code = _begin(street)
    browser = street.member("dana")
    sent = browser.post("/device", data={"code": code.user_code, "answer": answer})
    assert sent.headers["location"] == "/device?done=refused"
    with pytest.raises(DeviceRefused):
        street.services.devices.poll(code.device.reveal())


def test_a_code_nobody_waits_with_is_said_at_its_field(street: Street) -> None:
    browser = street.member("dana")
    asked = browser.get("/device?code=BCDF-GHJK")
    posted = browser.post("/device", data={"code": "BCDF-GHJK", "answer": "confirm"})
    for answer in (asked, posted):
        assert answer.status_code == 404
        assert error_at(answer, "code").startswith("No program waits with this code.")


def test_who_is_not_signed_in_comes_back_to_the_code(street: Street) -> None:
    code = _begin(street).user_code
    answer = street.browser().get(f"/device?code={code}")
    assert answer.headers["location"] == f"/sign-in?next=%2Fdevice%3Fcode%3D{code}"


def test_another_site_lets_no_program_in(street: Street) -> None:
    code = _begin(street)
    browser = street.member("dana")
    browser.headers["Sec-Fetch-Site"] = "cross-site"
    sent = browser.post("/device", data={"code": code.user_code, "answer": "confirm"})
    assert sent.status_code == 403
    assert isinstance(street.services.devices.poll(code.device.reveal()), Pending)
