"""env secret: values come in unseen and never come out."""

import io
import json

import pytest
from typing_extensions import override

from guesthouse.kit.sensitive import Sensitive
from guesthouse.stacks.model import SecretDeclaration
from tests.fakes.services import MEMBER, OUTSIDER, SYSTEM, FakeServices
from tests.unit.cli.conftest import Cli

SET = ("env", "secret", "set", "acme", "LICENCE")


class Keyboard(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


def _kept(services: FakeServices) -> Sensitive[str]:
    return services.secrets.values(SYSTEM, "acme", (SecretDeclaration("LICENCE"),))["LICENCE"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("given", "given", id="bare"),
        pytest.param("given\n", "given", id="with a line break"),
        pytest.param("given\r\n", "given", id="with a line break of DOS"),
        pytest.param("two\nlines\n\n", "two\nlines\n", id="several lines"),
    ],
)
def test_a_secret_is_read_from_standard_input(
    cli: Cli, services: FakeServices, text: str, kept: str
) -> None:
    cli.scope, cli.read = MEMBER, io.StringIO(text)
    answer = cli(*SET)
    assert (answer.code, answer.out) == (0, "LICENCE is set\n")
    assert "guesthouse env deploy acme" in answer.err
    assert _kept(services) == Sensitive(kept)


def test_at_a_terminal_it_is_asked_for(cli: Cli, services: FakeServices) -> None:
    cli.read, cli.answer = Keyboard(), "given"
    assert cli(*SET).code == 0
    assert cli.asked == ["LICENCE of acme: "]
    assert _kept(services) == Sensitive("given")


def test_no_value_sets_nothing(cli: Cli) -> None:
    answer = cli(*SET)
    assert answer.code == 2
    assert "next: guesthouse env secret set acme LICENCE < FILE" in answer.err
    assert json.loads(cli("env", "secret", "list", "acme", "--json").out) == []


def test_a_list_shows_names_and_no_value(cli: Cli, services: FakeServices) -> None:
    cli.read = io.StringIO("given")
    shown = cli(*SET, "--json")
    made = services.secrets.values(SYSTEM, "acme", (SecretDeclaration("MADE"),))["MADE"]
    answer = cli("env", "secret", "list", "acme")
    assert [line.split() for line in answer.lines] == [
        ["SECRET", "VALUE"],
        ["LICENCE", "set"],
        ["MADE", "set"],
    ]
    assert json.loads(shown.out) == {"name": "LICENCE", "is_set": True}
    for text in (answer.out, answer.err, shown.out, shown.err):
        assert "given" not in text
        assert made.reveal() not in text


def test_an_empty_list_says_what_comes_next(cli: Cli) -> None:
    answer = cli("env", "secret", "list", "acme")
    assert (answer.out, answer.code) == ("", 0)
    assert "acme has no secrets" in answer.err


def test_outsiders_do_not_learn_that_the_environment_is_there(cli: Cli) -> None:
    cli.scope, cli.read = OUTSIDER, io.StringIO("given")
    assert cli(*SET).code == 4
    assert cli("env", "secret", "list", "acme").code == 4
