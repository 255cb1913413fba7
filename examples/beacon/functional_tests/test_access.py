"""What the gateway promises: HTTPS, and nobody gets in without a token."""

import ssl

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

REFUSED = {401, 403}


def test_addresses_are_https(app_url: str, api_url: str) -> None:
    assert app_url.startswith("https://")
    assert api_url.startswith("https://")


def test_stranger_gets_no_page(stranger: httpx.Client, app_url: str) -> None:
    assert stranger.get(f"{app_url}/").status_code in REFUSED


def test_stranger_gets_no_readings(stranger: httpx.Client, api_url: str) -> None:
    assert stranger.get(f"{api_url}/v1/sensors").status_code in REFUSED


def test_stranger_registers_no_plugin(stranger: httpx.Client, api_url: str) -> None:
    answer = stranger.post(f"{api_url}/v1/plugins", json={"name": "Stranger"})

    assert answer.status_code in REFUSED


def test_wrong_token_is_refused(stranger: httpx.Client, api_url: str) -> None:
    wrong = {"Authorization": "Bearer ghs_000000000000000000000000000000000000"}

    assert stranger.get(f"{api_url}/v1/sensors", headers=wrong).status_code in REFUSED


def test_stranger_gets_no_websocket(socket_authority: ssl.SSLContext, app_url: str) -> None:
    address = f"{app_url}/ws".replace("http", "ws", 1)

    with (
        pytest.raises(InvalidStatus) as refused,
        connect(address, ssl=socket_authority, proxy=None),
    ):
        pass

    assert refused.value.response.status_code in REFUSED


def test_stranger_sees_the_status(stranger: httpx.Client, status_url: str) -> None:
    assert stranger.get(f"{status_url}/status").json()["status"] == "up"


@pytest.mark.parametrize("path", ["/", "/ws", "/static/beacon.js", "/status/../", "/statuses"])
def test_stranger_sees_nothing_but_the_status(
    stranger: httpx.Client, status_url: str, path: str
) -> None:
    assert stranger.get(f"{status_url}{path}").status_code != httpx.codes.OK
