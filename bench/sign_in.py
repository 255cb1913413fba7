"""What other pages take while many people sign in at once: argon2 must not hold them up."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from http import HTTPStatus
from ipaddress import IPv4Address

import httpx

from bench.console import API_PORT, fresh_state, serving
from bench.measure import Row, percentile

IN_FLIGHT = 50
SAMPLES, WARM_UP = 200, 10
MOST_SECONDS = 0.15
FIRST_ADDRESS = IPv4Address("198.18.0.1")
"""Each try comes from an address of its own, or the throttle would answer in argon2's place."""
REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY}


class NoSignIn(Exception):
    """A sign-in was answered without a password having been looked at."""

    def __init__(self, status: int) -> None:
        super().__init__(f"a sign-in was answered with {status}")


def rows() -> Iterator[Row]:
    """Keep 50 sign-ins in flight, and ask for a page meanwhile."""
    with fresh_state() as state, serving(state):
        alone, beside, tried = asyncio.run(_measure())
    p95 = percentile(beside, 95)
    yield Row(
        id="SIGN-IN",
        what=f"a page beside {IN_FLIGHT} sign-ins in flight ({tried} tried)",
        n=len(beside),
        median=round(percentile(beside, 50), 4),
        p95=round(p95, 4),
        against=round(percentile(alone, 50), 4),
        ratio=round(percentile(beside, 50) / percentile(alone, 50), 2),
        target=f"p95 < {MOST_SECONDS * 1000:g} ms",
        met=p95 < MOST_SECONDS,
    )


async def _measure() -> tuple[list[float], list[float], int]:
    limits = httpx.Limits(max_connections=IN_FLIGHT + 1)
    base = f"http://127.0.0.1:{API_PORT}"
    numbers = itertools.count()
    async with httpx.AsyncClient(
        base_url=base, trust_env=False, limits=limits, timeout=60
    ) as client:
        alone = await _pages(client)
        people = [asyncio.create_task(_sign_in(client, numbers)) for _ in range(IN_FLIGHT)]
        beside = await _pages(client)
        for person in people:
            person.cancel()
        for ended in await asyncio.gather(*people, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
    return alone, beside, next(numbers)


async def _pages(client: httpx.AsyncClient) -> list[float]:
    seconds = []
    for _ in range(SAMPLES):
        began = time.perf_counter()
        (await client.get("/sign-in")).raise_for_status()
        seconds.append(time.perf_counter() - began)
    return sorted(seconds[WARM_UP:])


async def _sign_in(client: httpx.AsyncClient, numbers: "itertools.count[int]") -> None:
    """Sign in with a wrong password, again and again."""
    while True:
        number = next(numbers)
        answer = await client.post(
            "/sign-in",
            data={"login": f"person-{number}", "password": "not the one it is"},
            headers={
                "Sec-Fetch-Site": "same-origin",
                "X-Forwarded-For": str(FIRST_ADDRESS + number),
            },
        )
        if answer.status_code not in REFUSED:
            raise NoSignIn(answer.status_code)
