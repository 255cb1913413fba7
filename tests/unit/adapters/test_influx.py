import httpx
import pytest

from guesthouse.adapters.influx import InfluxAdmin, NameRefused, QueryRefused
from guesthouse.adapters.influx.names import literal
from guesthouse.kit.sensitive import Sensitive


def _admin(asked: list[str]) -> InfluxAdmin:
    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.content.decode())
        return httpx.Response(200, json={"results": []})

    transport = httpx.MockTransport(answer)
    return InfluxAdmin("http://127.0.0.1:1", "admin", Sensitive("secret"), transport=transport)


@pytest.mark.parametrize(
    "question",
    [
        "DROP DATABASE gh_box",
        " drop user admin",
        "SELECT 1 FROM cpu; DROP DATABASE gh_box",
        "SELECT * INTO other FROM cpu",
        "SELECT * into other FROM cpu",
        "SELECT */**/FROM cpu",
        "CREATE USER eve WITH PASSWORD 'x' WITH ALL PRIVILEGES",
        "",
    ],
)
async def test_a_question_changes_nothing(question: str) -> None:
    asked: list[str] = []
    with pytest.raises(QueryRefused):
        await _admin(asked).query("gh_box", question)
    assert asked == []


@pytest.mark.parametrize(
    "question", ["SELECT mean(used) FROM cpu WHERE host = $host", "show measurements"]
)
async def test_a_question_is_asked_of_one_of_our_databases(question: str) -> None:
    asked: list[str] = []
    assert await _admin(asked).query("gh_box", question, {"host": "a"}) == []
    assert "db=gh_box" in asked[0]
    with pytest.raises(NameRefused):
        await _admin(asked).query("_internal", question)


@pytest.mark.parametrize(
    ("text", "written"), [("it's", r"'it\'s'"), ("a\\", r"'a\\'"), ("a\nb", r"'a\nb'")]
)
def test_no_text_ends_the_string_it_stands_in(text: str, written: str) -> None:
    assert literal(text) == written
