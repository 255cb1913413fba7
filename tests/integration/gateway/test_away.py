"""How long gateways go on admitting whom they know, whatever way the control plane is away."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from guesthouse.kit.clock import SystemClock
from tests.integration.gateway.conftest import MEMBER, Browser, Caller, Gateway, serving
from tests.integration.gateway.serving import until
from tests.integration.gateway.test_relay import is_open

ADMITTED = 3
FRESH = 5
"""What an answer counts at most while somebody is there to be asked."""
KEPT = FRESH + ADMITTED
SLOW = 3
"""How long one request may wait for a control plane that takes questions and answers none."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with serving(tmp_path_factory.mktemp("away"), admitted_while_away=ADMITTED) as made:
        yield made


@contextmanager
def refusing(gateway: Gateway) -> Iterator[None]:
    gateway.control_server.stop()
    try:
        yield
    finally:
        gateway.control_server.start()


@contextmanager
def silent(gateway: Gateway) -> Iterator[None]:
    gateway.control.may_answer.clear()
    try:
        yield
    finally:
        gateway.control.may_answer.set()


@contextmanager
def failing(gateway: Gateway) -> Iterator[None]:
    gateway.control.status = 503
    try:
        yield
    finally:
        gateway.control.status = None


Away = Callable[[Gateway], AbstractContextManager[None]]
WAYS = [
    pytest.param(refusing, 0, id="refuses-connections"),
    pytest.param(silent, SLOW, id="answers-nothing"),
    pytest.param(failing, 0, id="answers-errors"),
]


@pytest.mark.parametrize(("away", "wait"), WAYS)
def test_whoever_was_admitted_stays_so_for_the_time_that_is_set_and_nobody_new(
    gateway: Gateway,
    caller: Caller,
    away: Callable[[Gateway], AbstractContextManager[None]],
    wait: int,
) -> None:
    clock = SystemClock()
    known, stranger = gateway.token(), gateway.token()
    bearer = {"Authorization": f"Bearer {known}"}
    with gateway.websocket(bearer) as connection:
        connection.recv(20)
        assert caller.get("app", token=known).status_code == 200
        admitted = clock.monotonic()
        with away(gateway):
            assert caller.get("app", token=stranger).status_code == 503
            statuses: list[int] = []

            def is_refused() -> bool:
                statuses.append(caller.get("app", token=known).status_code)
                return statuses[-1] != 200

            until(is_refused, seconds=KEPT + wait)
            lasted = clock.monotonic() - admitted
            assert statuses[-1] == 503
            assert lasted > FRESH, "a kept answer outlasted the time it counts"
            assert caller.get("app", token=stranger).status_code == 503
            until(lambda: not is_open(connection), seconds=KEPT + wait)
    assert caller.get("app", token=known).status_code == 200
    assert caller.get("app", token=stranger).status_code == 200


def test_a_browser_is_told_rather_than_sent_to_a_console_that_is_away(
    gateway: Gateway, browser: Browser
) -> None:
    browser.sign_in(MEMBER)
    with refusing(gateway):
        answer = browser.get(gateway.url("app", "/fresh"))
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        entering = browser.get(gateway.url("app", "/.guesthouse/enter?code=x"))
        assert entering.status_code == 503
    assert browser.come_in(gateway.url("app", "/fresh")).status_code == 200
