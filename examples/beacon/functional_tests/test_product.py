"""What Beacon promises, whatever stands in front of it."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import httpx
from websockets.sync.client import ClientConnection

from functional_tests.conftest import TIMEOUT_SECONDS, Watch, until


def wait_for(stream: ClientConnection, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        message = json.loads(stream.recv(timeout=deadline - time.monotonic()))
        if wanted(message):
            return message


def test_page_is_served_with_everything_it_needs(visitor: httpx.Client, app_url: str) -> None:
    page = visitor.get(f"{app_url}/")

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert "static/beacon.js" in assets
    for asset in assets:
        assert visitor.get(f"{app_url}/{asset}").status_code == 200, asset


def test_health_covers_database_and_broker(visitor: httpx.Client, api_url: str) -> None:
    assert visitor.get(f"{api_url}/health").json() == {"database": True, "broker": True}


def test_api_describes_itself(visitor: httpx.Client, api_url: str) -> None:
    described = visitor.get(f"{api_url}/v1/openapi.json").json()

    assert described["info"]["title"] == "Beacon"
    assert "post" in described["paths"]["/v1/plugins/{plugin}/results"]


def test_sensor_values_arrive_over_rest(visitor: httpx.Client, api_url: str) -> None:
    address = f"{api_url}/v1/sensors/boiler-temperature/readings"

    def newest() -> int:
        answer = visitor.get(address, params={"limit": 1})
        return int(answer.json()["items"][0]["id"]) if answer.status_code == 200 else 0

    until(lambda: newest() > 0)
    first = newest()
    until(lambda: newest() > first)
    sensor = visitor.get(f"{api_url}/v1/sensors/boiler-temperature").json()
    assert sensor["unit"] == "°C"


def test_sensor_values_arrive_over_the_page_s_websocket(watch: Watch, app_url: str) -> None:
    with watch(f"{app_url}/ws") as stream:
        assert json.loads(stream.recv(timeout=TIMEOUT_SECONDS))["type"] == "snapshot"

        reading = wait_for(stream, lambda message: message["type"] == "reading")["reading"]

    assert isinstance(reading["value"], float)


def test_sensor_values_arrive_over_the_api_s_websocket(watch: Watch, api_url: str) -> None:
    with watch(f"{api_url}/v1/stream") as stream:
        wait_for(stream, lambda message: message["type"] == "reading")


def test_result_of_a_plugin_is_kept_and_shown_live(
    visitor: httpx.Client, watch: Watch, app_url: str, api_url: str, plugin: dict[str, Any]
) -> None:
    results = f"{api_url}/v1/plugins/{plugin['id']}/results"
    found = {"summary": "The boiler is warm", "level": "notice", "sensor": "boiler-temperature"}

    with watch(f"{app_url}/ws") as stream:
        wait_for(stream, lambda message: message["type"] == "snapshot")
        assert visitor.post(results, json=found).status_code == 201
        live = wait_for(stream, lambda message: message["type"] == "result")

    assert live["plugin"] == plugin["id"]
    assert live["result"]["summary"] == found["summary"]
    kept = visitor.get(results).json()["items"][0]
    assert {name: kept[name] for name in found} == found


def test_plugin_that_registers_again_keeps_its_identity(
    visitor: httpx.Client, api_url: str, plugin: dict[str, Any]
) -> None:
    again = visitor.post(
        f"{api_url}/v1/plugins", json={"name": plugin["name"], "description": "Changed"}
    )

    assert again.status_code == 200
    assert again.json()["id"] == plugin["id"]
    assert again.json()["description"] == "Changed"


def test_plugin_with_a_callback_is_sent_readings_and_may_answer(
    visitor: httpx.Client, api_url: str, plugin: dict[str, Any], listener: str
) -> None:
    visitor.post(f"{api_url}/v1/plugins", json={"name": plugin["name"], "callback": listener})

    def summaries() -> list[str]:
        answer = visitor.get(f"{api_url}/v1/plugins/{plugin['id']}/results")
        return [result["summary"] for result in answer.json()["items"]]

    until(lambda: bool(summaries()))
    assert summaries()[0].endswith("readings came")


def test_result_of_an_unknown_plugin_is_refused(visitor: httpx.Client, api_url: str) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"

    answer = visitor.post(f"{api_url}/v1/plugins/{nobody}/results", json={"summary": "Hello"})

    assert answer.status_code == 404


def test_unknown_field_is_refused(visitor: httpx.Client, api_url: str) -> None:
    answer = visitor.post(f"{api_url}/v1/plugins", json={"name": "Typo", "calback": "http://x"})

    assert answer.status_code == 422
