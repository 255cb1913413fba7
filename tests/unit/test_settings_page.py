"""The reference page and the program know the same settings."""

import dataclasses
import re
from pathlib import Path

import pytest

from guesthouse import config
from guesthouse.config import PREFIX, Settings
from guesthouse.kit.sensitive import Sensitive

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
ROW = re.compile(r"\| `(GUESTHOUSE_\w+)` \| (.*?) \| .+ \|")
NAMES = [PREFIX + field.name.upper() for field in dataclasses.fields(Settings)]
ANOTHER = {
    "admitted_while_away": "60",
    "network_pool": "10.9.0.0/16",
    "oidc_issuer": "https://id.example.com",
}
WORDED = {
    "`$XDG_DATA_HOME/guesthouse`",
    "`$XDG_CONFIG_HOME/guesthouse/credentials.json`",
    "SQLite in the state directory",
    "`ansible/` of the program",
    "this machine's own API",
    "`operator.token` in the state directory",
}
"""What the page says of values that follow from others."""


def _rows() -> dict[str, str]:
    found = (ROW.fullmatch(line) for line in PAGE.read_text().splitlines())
    return {row[1]: row[2] for row in found if row}


def _loaded(**variables: str) -> dict[str, object]:
    return vars(config.load({"HOME": "/h", **variables}))


def test_the_page_lists_every_setting_and_no_other() -> None:
    assert sorted(_rows()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_on_the_page_is_read(name: str) -> None:
    field = name.removeprefix(PREFIX).lower()
    value = "1234" if field.endswith("_port") else ANOTHER.get(field, "/another")
    assert _loaded(**{name: value})[field] != _loaded()[field]


@pytest.mark.parametrize(("name", "said"), _rows().items(), ids=_rows())
def test_the_page_tells_what_holds_unless_it_is_set(name: str, said: str) -> None:
    value = _loaded()[name.removeprefix(PREFIX).lower()]
    if said == "none":
        assert value in {"", (), Sensitive("")}
    elif said.startswith("`") and said.endswith("`") and "$" not in said:
        assert str(value) == said.strip("`")
    else:
        assert said in WORDED
