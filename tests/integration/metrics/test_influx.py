import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from guesthouse.adapters.influx import (
    InfluxAdmin,
    InfluxAway,
    InfluxRefused,
    QueryRefused,
    metrics_database,
)
from guesthouse.kit.sensitive import Sensitive
from tests.integration.metrics import servers

BOX, OTHER = metrics_database("box"), metrics_database("other-box")
SPARE = metrics_database("spare")
PASSWORD = Sensitive("it's a \\ pass\nword")


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxAdmin]:
    with servers.influxdb(tmp_path_factory.mktemp("influxdb"), values_per_tag=10) as started:
        yield started


@pytest.fixture(scope="module")
def databases(admin: InfluxAdmin) -> InfluxAdmin:
    """Two databases for all tests here: every new password costs a tenth of a second."""
    for name in (BOX, OTHER):
        asyncio.run(admin.ensure_database(name, name, PASSWORD))
    return admin


@pytest.fixture
async def spare(admin: InfluxAdmin) -> AsyncIterator[str]:
    """A database, and user, that a test may do to as it likes."""
    await admin.ensure_database(SPARE, SPARE, PASSWORD)
    yield SPARE
    await admin.drop_database(SPARE, SPARE)


def write(
    admin: InfluxAdmin,
    points: str,
    *,
    database: str = BOX,
    username: str = BOX,
    password: Sensitive[str] = PASSWORD,
) -> int:
    answer = httpx.post(
        f"{admin.url}/write",
        params={"db": database},
        content=points,
        auth=(username, password.reveal()),
    )
    return answer.status_code


def ask(admin: InfluxAdmin, database: str, influxql: str) -> httpx.Response:
    """Ask as the user of the first database."""
    form = {"db": database, "q": influxql}
    return httpx.post(f"{admin.url}/query", data=form, auth=(BOX, PASSWORD.reveal()))


async def test_user_writes_its_own_database(databases: InfluxAdmin) -> None:
    assert write(databases, "own,host=box usage=42") == 204
    (found,) = await databases.query(BOX, "SELECT usage, host FROM own")
    assert (found["usage"], found["host"]) == (42, "box")


async def test_user_writes_no_other_database(databases: InfluxAdmin) -> None:
    assert write(databases, "foreign usage=1", database=OTHER) == 403
    assert await databases.query(OTHER, "SELECT usage FROM foreign") == []


@pytest.mark.parametrize("database", [BOX, OTHER])
def test_user_reads_no_database(databases: InfluxAdmin, database: str) -> None:
    assert write(databases, "seen usage=1") == 204
    assert ask(databases, database, "SELECT * FROM seen").status_code == 403


@pytest.mark.parametrize(
    "influxql",
    [
        "CREATE DATABASE mine",
        f'DROP DATABASE "{BOX}"',
        "SHOW USERS",
        f'GRANT ALL ON "{OTHER}" TO "{BOX}"',
        f'GRANT ALL PRIVILEGES TO "{BOX}"',
        # InfluxQL of our own; nothing outside decides it.
        f'SELECT * INTO "{OTHER}".."cpu" FROM "{BOX}".."cpu"',  # noqa: S608 - as above
    ],
)
def test_user_administers_nothing(databases: InfluxAdmin, influxql: str) -> None:
    assert ask(databases, BOX, influxql).status_code == 403


async def test_ensuring_again_keeps_points_and_takes_the_new_password(
    admin: InfluxAdmin, spare: str
) -> None:
    new = Sensitive("another")
    assert write(admin, "kept usage=1", database=spare, username=spare) == 204
    await admin.ensure_database(spare, spare, new)
    assert write(admin, "kept usage=2", database=spare, username=spare) == 401
    assert write(admin, "kept usage=3", database=spare, username=spare, password=new) == 204
    assert [row["usage"] for row in await admin.query(spare, "SELECT usage FROM kept")] == [1, 3]


async def test_dropping_leaves_neither_points_nor_user(admin: InfluxAdmin, spare: str) -> None:
    assert write(admin, "gone usage=1", database=spare, username=spare) == 204
    await admin.drop_database(spare, spare)
    assert write(admin, "gone usage=1", database=spare, username=spare) == 401
    await admin.ensure_database(spare, spare, PASSWORD)
    assert await admin.query(spare, "SELECT usage FROM gone") == []


async def test_dropping_what_is_gone_is_no_error(admin: InfluxAdmin) -> None:
    await admin.drop_database(SPARE, SPARE)
    await admin.drop_database(SPARE, SPARE)
    assert write(admin, "gone usage=1", database=SPARE, username=SPARE) == 401


async def test_values_of_a_query_are_never_part_of_it(databases: InfluxAdmin) -> None:
    assert write(databases, "bound,host=a usage=1\nbound,host=b usage=2") == 204
    question = "SELECT usage FROM bound WHERE host = $host"
    assert await databases.query(BOX, question, {"host": "a' OR host = 'b"}) == []
    assert len(await databases.query(BOX, question, {"host": "b"})) == 1


async def test_groups_carry_their_tags(databases: InfluxAdmin) -> None:
    assert write(databases, "grouped,host=a usage=1\ngrouped,host=b usage=3") == 204
    found = await databases.query(BOX, "SELECT mean(usage) FROM grouped GROUP BY host")
    assert [(row["host"], row["mean"]) for row in found] == [("a", 1), ("b", 3)]


async def test_an_instance_gone_wrong_is_refused_before_it_fills_the_database(
    databases: InfluxAdmin,
) -> None:
    assert write(databases, "\n".join(f"many,id={n} usage=1" for n in range(10))) == 204
    assert write(databases, "\n".join(f"many,id={n} usage=1" for n in range(10, 50))) == 400
    assert len(await databases.query(BOX, "SHOW TAG VALUES FROM many WITH KEY = id")) == 10


async def test_points_are_kept_for_thirty_days(databases: InfluxAdmin) -> None:
    (policy,) = await databases.query(BOX, f'SHOW RETENTION POLICIES ON "{BOX}"')
    assert (policy["duration"], policy["default"]) == ("720h0m0s", True)


async def test_a_question_it_does_not_understand_is_refused(databases: InfluxAdmin) -> None:
    with pytest.raises(QueryRefused) as refused:
        await databases.query(BOX, "SELECT usage FRUM cpu")
    assert "FRUM" in refused.value.detail


async def test_the_wrong_administrator_is_told_so(admin: InfluxAdmin) -> None:
    stranger = InfluxAdmin(admin.url, "admin", Sensitive("wrong"))
    with pytest.raises(InfluxRefused, match="refuses the password"):
        await stranger.ensure_database(BOX, BOX, PASSWORD)


async def test_influxdb_that_is_away_is_unavailable() -> None:
    nobody = InfluxAdmin(f"http://127.0.0.1:{servers.free_port()}", "admin", PASSWORD)
    with pytest.raises(InfluxAway) as away:
        await nobody.query(BOX, "SHOW MEASUREMENTS")
    assert "doctor" in away.value.next_step


async def test_a_database_that_is_gone_is_refused(admin: InfluxAdmin) -> None:
    with pytest.raises(QueryRefused, match="refused"):
        await admin.query(metrics_database("nobody"), "SELECT usage FROM cpu")
