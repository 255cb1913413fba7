"""What of the control plane's internal part gateways of other machines reach, and nobody more."""

import pytest

from tests.integration.gateway.conftest import Caller, Gateway

ASKING = {"X-Guesthouse-Environment": "acme", "X-Guesthouse-Route": "app"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "authorise", 401, id="authorise"),
        pytest.param("GET", "enter", 403, id="enter"),
        pytest.param("POST", "leave", 303, id="leave"),
        pytest.param("POST", "authorise", 403, id="authorise-by-form"),
        pytest.param("POST", "enter", 403, id="enter-by-form"),
        pytest.param("GET", "leave", 403, id="leave-by-link"),
        pytest.param("GET", "other", 404, id="unknown"),
        pytest.param("GET", "", 404, id="all"),
        pytest.param("GET", "enter/x", 404, id="below"),
        pytest.param("GET", "enterx", 404, id="longer"),
        pytest.param("GET", "/other", 404, id="two-slashes"),
        pytest.param("GET", "authorise/../other", 404, id="up"),
    ],
)
def test_three_questions_are_answered_from_outside(
    gateway: Gateway, caller: Caller, method: str, path: str, status: int
) -> None:
    url = f"https://console.localhost:{gateway.port}/api/internal/{path}"
    assert caller.request(method, url, headers=ASKING).status_code == status


def test_a_question_is_told_by_no_body(gateway: Gateway, caller: Caller) -> None:
    url = f"https://console.localhost:{gateway.port}/api/internal/leave"
    answer = caller.request("POST", url, headers=ASKING, content=b"x" * 100_000)
    assert answer.status_code == 303
