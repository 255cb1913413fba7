"""A client of InfluxDB's HTTP interface, as its administrator."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx

from guesthouse.adapters.influx.errors import InfluxAway, InfluxRefused, QueryRefused
from guesthouse.adapters.influx.names import checked, identifier, literal, reading
from guesthouse.kit.sensitive import Sensitive

LIMIT = timedelta(seconds=10)
RETENTION = timedelta(days=30)
SERVER_ERROR = 500

Row = dict[str, Any]


class InfluxAdmin:
    """Makes and drops what instances write to, and asks questions.

    Holds no connection between calls: it is asked rarely, and over loopback.
    """

    def __init__(
        self,
        url: str,
        username: str,
        password: Sensitive[str],
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Remember where it is and who asks.

        Args:
            url: Address of InfluxDB, such as ``http://127.0.0.1:8486``.
            username: Its administrator.
            password: The administrator's password.
            transport: How it is reached; None is the network.
        """
        self.url = url.rstrip("/")
        self._username = username
        self._password = password
        self._transport = transport

    async def ensure_database(
        self,
        name: str,
        username: str,
        password: Sensitive[str],
        *,
        retention: timedelta = RETENTION,
    ) -> None:
        """Have a database, and a user that may write it and nothing else.

        What is there already is kept, points included; the password becomes the one given.

        Args:
            name: The database, from `metrics_database`.
            username: Its user, named likewise.
            password: The user's password.
            retention: How long points are kept, where the database is new.

        Raises:
            NameRefused: A name is not one of ours.
            InfluxAway: InfluxDB does not answer.
            InfluxRefused: It does not take the administrator's password.
        """
        database, user = identifier(name), identifier(username)
        if name not in await self._names("SHOW DATABASES", "name"):
            hours = max(int(retention.total_seconds() // 3600), 1)
            await self._ask(
                f"CREATE DATABASE {database} WITH DURATION {hours}h REPLICATION 1"
                ' SHARD DURATION 1d NAME "standard"'
            )
        secret = literal(password.reveal())
        if username in await self._names("SHOW USERS", "user"):
            await self._ask(f"SET PASSWORD FOR {user} = {secret}")
        else:
            await self._ask(f"CREATE USER {user} WITH PASSWORD {secret}")
        await self._ask(f"GRANT WRITE ON {database} TO {user}")

    async def drop_database(self, name: str, username: str) -> None:
        """Remove a database with all its points, and its user; neither needs to be there.

        Raises:
            NameRefused: A name is not one of ours.
            InfluxAway: InfluxDB does not answer.
            InfluxRefused: It does not take the administrator's password.
        """
        database, user = identifier(name), identifier(username)
        # The user first: nothing may be written to a database that is going away.
        if username in await self._names("SHOW USERS", "user"):
            await self._ask(f"DROP USER {user}")
        await self._ask(f"DROP DATABASE {database}")

    async def query(
        self, database: str, influxql: str, parameters: Mapping[str, Any] | None = None
    ) -> list[Row]:
        """Ask a question.

        Args:
            database: Which database, from `metrics_database`.
            influxql: One reading statement; values stand in it as ``$name``.
            parameters: The values, by name.

        Returns:
            The rows: columns and tags by name, ``time`` in milliseconds since 1970.

        Raises:
            NameRefused: The database is not one of ours.
            QueryRefused: It does more than read, or InfluxDB does not understand it or stops it.
            InfluxAway: InfluxDB does not answer.
            InfluxRefused: It does not take the administrator's password.
        """
        return await self._ask(
            reading(influxql), database=checked(database), parameters=parameters or {}
        )

    async def _names(self, statement: str, column: str) -> set[str]:
        return {str(row[column]) for row in await self._ask(statement)}

    async def _ask(
        self, statement: str, *, database: str = "", parameters: Mapping[str, Any] | None = None
    ) -> list[Row]:
        """Ask in the body, never in the address: passwords stand in statements."""
        form = {"q": statement, "epoch": "ms", "db": database}
        if parameters:
            form["params"] = json.dumps(dict(parameters))
        return rows_of(self._checked(await self._post(form)))

    async def _post(self, form: Mapping[str, str]) -> httpx.Response:
        # A proxy of the environment has no business between us and loopback.
        async with httpx.AsyncClient(
            auth=(self._username, self._password.reveal()),
            timeout=LIMIT.total_seconds(),
            transport=self._transport,
            trust_env=False,
        ) as client:
            try:
                return await client.post(f"{self.url}/query", data=form)
            except httpx.HTTPError as exc:
                raise InfluxAway(self.url, str(exc)) from exc

    def _checked(self, response: httpx.Response) -> Mapping[str, Any]:
        """Return the answer's document, or say what the answer was instead."""
        if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise InfluxRefused(self.url, self._username)
        if response.status_code >= SERVER_ERROR:
            raise InfluxAway(self.url, f"it answered {response.status_code}")
        try:
            document = response.json()
        except ValueError as exc:
            raise InfluxAway(self.url, "it answered something that is no JSON") from exc
        if not isinstance(document, dict):
            raise InfluxAway(self.url, "it answered something that is no object")
        return document


def rows_of(document: Mapping[str, Any]) -> list[Row]:
    """Return all rows of an answer.

    Raises:
        QueryRefused: The answer is an error.
    """
    results = document.get("results", [])
    reason = document.get("error") or next((r["error"] for r in results if "error" in r), "")
    if reason:
        raise QueryRefused(str(reason))
    return [
        {**series.get("tags", {}), **dict(zip(series["columns"], values, strict=True))}
        for result in results
        for series in result.get("series", [])
        for values in series.get("values", [])
    ]
