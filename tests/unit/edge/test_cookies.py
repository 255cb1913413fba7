"""Cookies of ours, beside what a neighbour can have the browser send."""

import pytest
from starlette.requests import HTTPConnection

from guesthouse.edge.access import session_cookie
from guesthouse.edge.cookies import own_cookie

NAME = "__Host-guesthouse-session"


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        pytest.param([f"{NAME}=mine"], "mine", id="alone"),
        pytest.param([f"a=b; {NAME}=mine;\tc=d"], "mine", id="among-others"),
        pytest.param(["a=b", f"{NAME}=mine"], "mine", id="in-a-header-of-its-own"),
        pytest.param([f"{NAME}=a=b=="], "a=b==", id="with-equals-signs"),
        pytest.param([f"{NAME}=mine; \x85{NAME}=theirs"], "mine", id="beside-next-line"),
        pytest.param([f"\xa0{NAME}=theirs; {NAME}=mine"], "mine", id="beside-hard-blank"),
        pytest.param([f"\x85{NAME}=theirs"], "", id="next-line-alone"),
        pytest.param([f"{NAME.lower()}=theirs"], "", id="another-case"),
        pytest.param([f"{NAME}=mine; {NAME}=theirs"], "", id="twice"),
        pytest.param([f"{NAME}=mine", f"{NAME}=theirs"], "", id="twice-in-two-headers"),
        pytest.param([f"{NAME}"], "", id="no-value"),
        pytest.param([f'a="; {NAME}=mine; b="'], "mine", id="quotes-mean-nothing"),
        pytest.param([], "", id="none"),
    ],
)
def test_only_a_cookie_of_exactly_our_name_counts(sent: list[str], value: str) -> None:
    headers = [(b"cookie", header.encode("latin-1")) for header in sent]
    connection = HTTPConnection({"type": "http", "headers": headers})
    assert own_cookie(connection, NAME) == value
    assert session_cookie(connection) == (value or None)
