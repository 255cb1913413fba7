"""What a wrong password takes with a login that is there, and with one that is not."""

import datetime as dt
import statistics
from collections.abc import Iterator
from http import HTTPStatus
from ipaddress import IPv4Address
from pathlib import Path

import httpx

from bench.console import API_PORT, fresh_state, serving
from bench.measure import Row, interleaved, p95, timed
from guesthouse.db import Database, upgrade
from guesthouse.db.tables import accounts
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.passwords import Argon2

PEOPLE = 1_000
MOST_SECONDS = 0.005
SAID = "password or code is wrong"
FIRST_ADDRESS = IPv4Address("198.18.0.1")
"""Each try comes from an address of its own and names a login of its own: nothing is throttled."""
CREATED = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


class NotRefused(Exception):
    """A wrong password was answered otherwise than with the refusal of wrong passwords."""

    def __init__(self, status: int) -> None:
        super().__init__(f"a wrong password was answered with {status}")


def rows() -> Iterator[Row]:
    """Try each of a thousand people once, and in turns a login nobody has."""
    with fresh_state() as state:
        _fill(state)
        with serving(state), _client() as client:
            _try(client, "stranger", PEOPLE * 2)
            pair = interleaved(
                PEOPLE,
                lambda number: timed(lambda: _try(client, f"person-{number}", 2 * number)),
                lambda number: timed(lambda: _try(client, f"nobody-{number}", 2 * number + 1)),
            )
    there, absent = statistics.median(pair.ours), statistics.median(pair.by_hand)
    yield Row(
        id="USER-TIMING",
        what=f"a wrong password, login known and unknown ({(there - absent) * 1000:+.2f} ms)",
        n=len(pair.ours),
        median=round(there, 5),
        p95=round(p95(pair.ours), 5),
        against=round(absent, 5),
        ratio=round(there / absent, 3),
        target=f"within {MOST_SECONDS * 1000:g} ms",
        met=abs(there - absent) < MOST_SECONDS,
    )


def _fill(state: Path) -> None:
    database = Database(Sensitive(f"sqlite:///{state / 'guesthouse.sqlite'}"))
    upgrade(database)
    kept = Argon2().hash(Sensitive("the one that nobody tries"))
    people = [
        {
            "id": f"person-{number}",
            "login": f"person-{number}",
            "title": "",
            "kind": "member",
            "password_hash": kept,
            "is_declared": False,
            "created_at": CREATED,
        }
        for number in range(PEOPLE)
    ]
    with database.transaction() as transaction:
        transaction.connection.execute(accounts.insert(), people)
    database.close()


def _client() -> httpx.Client:
    return httpx.Client(
        base_url=f"http://127.0.0.1:{API_PORT}",
        headers={"Sec-Fetch-Site": "same-origin"},
        trust_env=False,
        timeout=60,
    )


def _try(client: httpx.Client, login: str, number: int) -> None:
    answer = client.post(
        "/sign-in",
        data={"login": login, "password": "not the one it is"},
        headers={"X-Forwarded-For": str(FIRST_ADDRESS + number)},
    )
    if answer.status_code != HTTPStatus.FORBIDDEN or SAID not in answer.text:
        raise NotRefused(answer.status_code)
