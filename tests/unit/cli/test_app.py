"""Wrong arguments, servers that are away, and what needs no server."""

import datetime as dt
import json
import sys
from pathlib import Path

import httpx
import pytest
from typing_extensions import override

from guesthouse.cli.terminal import Terminal, plain
from guesthouse.estate.load import load, read_directory
from guesthouse.kit.process import run
from tests.fakes.asgi import AsgiBridge
from tests.fakes.services import OPERATOR, FakeServices
from tests.unit.cli.conftest import Cli


class Failing(httpx.BaseTransport):
    """Loses answers, or requests, as often as it is told."""

    def __init__(
        self, inner: httpx.BaseTransport, error: httpx.TransportError, times: int
    ) -> None:
        self.inner, self.error, self.times = inner, error, times
        self.keys: list[str | None] = []

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.keys.append(request.headers.get("idempotency-key"))
        answer = self.inner.handle_request(request)
        if self.times:
            self.times -= 1
            raise self.error
        return answer


class Answering(httpx.BaseTransport):
    def __init__(self, status: int, text: str) -> None:
        self.status, self.text = status, text

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(self.status, text=self.text)


@pytest.mark.parametrize(
    ("arguments", "error", "next_step"),
    [
        pytest.param(("evn",), "No such command 'evn'. Did you mean 'env'?", "guesthouse", id="1"),
        pytest.param(("env",), "Missing command.", "guesthouse env", id="verb-missing"),
        pytest.param(
            ("env", "shw"),
            "No such command 'shw'. Did you mean 'show'?",
            "guesthouse env",
            id="verb-misspelt",
        ),
        pytest.param(
            ("env", "show"), "Missing argument 'NAME'.", "guesthouse env show", id="name-missing"
        ),
        pytest.param(
            ("env", "list", "--jsno"),
            "No such option: --jsno (Possible options: --json)",
            "guesthouse env list",
            id="option-misspelt",
        ),
        pytest.param(
            ("run", "list", "--limit", "many"),
            "Invalid value for '--limit': Input should be a valid integer, unable to parse string "
            "as an integer",
            "guesthouse run list",
            id="no-number",
        ),
    ],
)
def test_wrong_arguments_are_one_line(
    cli: Cli, arguments: tuple[str, ...], error: str, next_step: str
) -> None:
    answer = cli(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.splitlines() == [f"error: {error}", f"next: {next_step} --help"]


def test_errors_are_json_where_results_are(cli: Cli) -> None:
    answer = cli("env", "show", "nothing", "--json")
    assert (answer.code, answer.out) == (4, "")
    error = json.loads(answer.err)
    assert error["kind"] == "not_found"
    assert error["next_step"] == "guesthouse env list"


def test_no_verb_shows_the_verbs(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli().code == 0
    shown = capsys.readouterr().out
    for verb in ("init", "serve", "worker", "plan", "apply", "env", "run", "instance", "product"):
        assert f"\n  {verb} " in shown
    for verb in ("ca", "audit", "check", "doctor", "demo", "schema"):
        assert f"\n  {verb} " in shown


def test_version(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("--version").code == 0
    assert capsys.readouterr().out.startswith("guesthouse ")


def test_a_server_that_is_away_is_unavailable(cli: Cli) -> None:
    cli.transport = Failing(AsgiBridge(cli.app), httpx.ConnectError("refused"), times=99)
    answer = cli("env", "list")
    assert answer.code == 7
    assert "guesthouse serve" in answer.err


def test_a_lost_answer_is_asked_for_again_and_done_once(cli: Cli, services: FakeServices) -> None:
    transport = Failing(AsgiBridge(cli.app), httpx.ReadError("reset"), times=1)
    cli.transport = transport
    assert cli("env", "deploy", "acme", "--detach").code == 0
    assert len(services.runs.list(OPERATOR).items) == 1
    assert len(set(transport.keys)) == 1


@pytest.mark.usefixtures("succeeding")
def test_a_broken_stream_is_taken_up_where_it_broke(cli: Cli) -> None:
    class Cutting(httpx.BaseTransport):
        cuts = 2
        inner = AsgiBridge(cli.app)

        @override
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            answer = self.inner.handle_request(request)
            if self.cuts and request.url.path.endswith("/log"):
                self.cuts -= 1
                blocks = answer.text.split("\n\n")
                return httpx.Response(200, text="\n\n".join(blocks[:3]) + "\n\n")
            return answer

    cli.transport = Cutting()
    answer = cli("env", "deploy", "acme")
    assert answer.code == 0
    assert [line for line in answer.err.splitlines() if "│" in line or "●" in line] == [
        "● fetch",
        "  │ fetch one",
        "  │ fetch two",
        "● deploy",
        "  │ deploy one",
        "  │ deploy two",
    ]


def test_a_stream_that_never_comes_back_ends_in_an_error(cli: Cli, services: FakeServices) -> None:
    run = services.environments.deploy(OPERATOR, "acme")
    cli.transport = Failing(AsgiBridge(cli.app), httpx.ReadError("reset"), times=999)
    cli.transport.inner = Answering(200, "")
    assert cli("run", "log", run.id, "--follow").code == 7


@pytest.mark.parametrize(
    ("status", "code"),
    [
        pytest.param(401, 5, id="401"),
        pytest.param(502, 7, id="502"),
        pytest.param(500, 1, id="500"),
        pytest.param(413, 2, id="413"),
    ],
)
def test_an_answer_that_is_no_problem_document_is_still_worded(
    cli: Cli, status: int, code: int
) -> None:
    cli.transport = Answering(status, "<html>no</html>")
    answer = cli("env", "list")
    assert answer.code == code
    assert answer.err == f"error: the control plane answered {status}\n"


def test_without_a_token_the_file_is_named(cli: Cli, services: FakeServices) -> None:
    cli.environment = {"GUESTHOUSE_TOKEN": ""}
    answer = cli("env", "list")
    assert answer.code == 7
    assert str(services.settings.token_file) in answer.err


def test_the_token_comes_from_its_file(cli: Cli, services: FakeServices) -> None:
    services.settings.token_file.write_text(services.token(OPERATOR) + "\n")
    cli.environment = {"GUESTHOUSE_TOKEN": ""}
    assert cli("env", "list").code == 0


def test_init_writes_an_estate_that_loads(cli: Cli, tmp_path: Path) -> None:
    directory = tmp_path / "first"
    answer = cli("init", str(directory))
    assert answer.code == 0
    assert all(Path(line).exists() for line in answer.lines)
    assert load(read_directory(directory)).instances.keys() == {"local"}
    again = cli("init", str(directory))
    assert again.code == 6
    assert again.err.endswith(f"next: guesthouse plan {directory}\n")


def test_init_makes_the_operators_token(cli: Cli, services: FakeServices, tmp_path: Path) -> None:
    cli("init", str(tmp_path / "first"))
    assert services.settings.token_file.stat().st_mode & 0o777 == 0o600


def test_check_explains_what_would_be_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services: {web: {image: nginx, privileged: true, ports: ['80:80']}}\n"
    )
    (tmp_path / "guesthouse.product.yaml").write_text(
        "product: shop\ntitle: Shop\nstacks: {core: {compose: [compose.yaml]}}\n"
        "routes: {app: {stack: core, service: web, port: 80}}\n"
    )
    answer = cli("check", str(tmp_path))
    assert answer.code == 1
    assert "services.web.privileged" in answer.out
    assert "instead: " in answer.out
    document = json.loads(cli("check", str(tmp_path), "--json").out)
    assert [item["path"] for item in document["findings"]] == ["services.web.privileged"]
    assert document["notices"]


def test_check_tells_what_is_not_there(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {web: {image: nginx, env_file: .env}}\n")
    (tmp_path / "guesthouse.product.yaml").write_text(
        "product: shop\ntitle: Shop\nstacks: {core: {compose: [compose.yaml]}}\n"
    )
    answer = cli("check", str(tmp_path))
    assert answer.code == 1
    assert ".env is not in the repository" in answer.out
    document = json.loads(cli("check", str(tmp_path), "--json").out)
    assert [item["where"] for item in document["problems"]] == [
        "compose.yaml: services.web.env_file[0]"
    ]


def test_check_of_no_product_says_how_to_make_one(cli: Cli, tmp_path: Path) -> None:
    answer = cli("check", str(tmp_path))
    assert answer.code == 2
    assert answer.err.startswith("error: ")


def test_product_init_writes_a_manifest_once(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {web: {image: nginx, ports: ['8080:80']}}\n")
    file = tmp_path / "guesthouse.product.yaml"
    answer = cli("product", "init", str(tmp_path), "--name", "shop")
    assert (answer.code, answer.lines) == (0, [str(file)])
    assert "product: shop" in file.read_text()
    assert cli("product", "init", str(tmp_path)).code == 6


@pytest.mark.parametrize("words", [("check",), ("product", "init")])
def test_a_repository_that_is_not_there_is_told_as_such(
    cli: Cli, tmp_path: Path, words: tuple[str, ...]
) -> None:
    answer = cli(*words, str(tmp_path / "gone"))
    assert answer.code == 2
    assert f"'{tmp_path / 'gone'}' does not exist" in answer.err


def test_the_one_problem_of_an_empty_repository_is_told_once(cli: Cli, tmp_path: Path) -> None:
    answer = cli("product", "init", str(tmp_path))
    assert answer.code == 2
    assert answer.err.count("holds no Compose file") == 1


@pytest.mark.parametrize(
    ("text", "shown", "coloured"),
    [
        pytest.param("plain", "plain", "plain", id="plain"),
        pytest.param(
            "\x1b[31mred\x1b[0m", "red", "\x1b[31mred\x1b[0m\x1b[0m", id="colours-where-shown"
        ),
        pytest.param("a\x1b[2Jb", "a\ufffd[2Jb", "a\ufffd[2Jb", id="no-clearing"),
        pytest.param("a\x1b]0;t\x07b", "a\ufffd]0;t\ufffdb", "a\ufffd]0;t\ufffdb", id="no-title"),
        pytest.param("a\u202eb\rc", "a\ufffdb\ufffdc", "a\ufffdb\ufffdc", id="no-tricks"),
    ],
)
def test_text_of_others_can_only_colour(text: str, shown: str, coloured: str) -> None:
    assert plain(text) == shown
    assert plain(text, colours=True) == coloured


def test_yes_is_asked_for_on_a_terminal_only() -> None:
    answers = iter(["y", "Yes", "n", "", "yess"])
    terminal = Terminal(ask=lambda _question: next(answers), attended=True)
    said = [terminal.confirm("Go?", yes=False, command="x") for _ in range(5)]
    assert said == [True, True, False, False, False]
    assert terminal.confirm("Go?", yes=True, command="x")


def test_listing_runs_waits_for_no_server_package_to_load() -> None:
    program = (
        "import sys, guesthouse.cli.app; "
        "print({'sqlalchemy', 'dbos', 'fastapi', 'yaml'} & set(sys.modules) or 'none')"
    )
    done = run((sys.executable, "-c", program), limit=dt.timedelta(minutes=1))
    assert (done.code, done.output.strip()) == (0, "none")


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_demo_dry_run_only_tells(cli: Cli, tmp_path: Path, options: tuple[str, ...]) -> None:
    cli.environment = {"GUESTHOUSE_STATE": str(tmp_path / "state")}
    answer = cli("demo", "--dry-run", *options)
    told = json.loads(answer.out)["changes"] if options else answer.lines
    assert any(str(tmp_path / "state") in line for line in told)
    assert not (tmp_path / "state").exists()
