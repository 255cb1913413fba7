import pytest

from guesthouse.web.paths import own_path, sign_in_path

FOREIGN = [
    None,
    "",
    "runs",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\nLocation: https://evil.example",
    " /runs",
    "/runs x",
    "https://evil.example/",
    "https:/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/a\\..\\b",
    "/\x00",
    "/ünsafe",
    "/" + "a" * 3000,
]


@pytest.mark.parametrize("text", FOREIGN, ids=repr)
def test_what_may_lead_elsewhere_is_dropped(text: str | None) -> None:
    assert own_path(text) == "/"


@pytest.mark.parametrize(
    "text", ["/", "/runs", "/runs?state=failed&environment=a", "/a//b", "/x?next=//evil", "/#a"]
)
def test_an_address_of_ours_is_kept(text: str) -> None:
    assert own_path(text) == text


def test_the_sign_in_page_is_told_where_to_go_on() -> None:
    assert sign_in_path("/runs?state=failed") == "/sign-in?next=%2Fruns%3Fstate%3Dfailed"
    assert sign_in_path("//evil.example") == "/sign-in"
    assert sign_in_path("/") == "/sign-in"
