import json
from pathlib import Path

import pytest

from guesthouse.environments.model import EnvironmentState
from guesthouse.environments.store import EnvironmentStore
from guesthouse.errors import Kind
from guesthouse.runs import RunState
from tests.fakes.clock import START
from tests.fakes.running import HandWorker
from tests.fakes.services import COMMIT, LOCK, MEMBER, OPERATOR, FakeServices
from tests.unit.cli.conftest import Cli, WorkingClock, queued


@pytest.fixture
def second(estate: Path) -> Path:
    """An estate that declares one environment more and one less than there are."""
    (estate / "environments" / "second.yaml").write_text(
        "{name: second, partner: acme, product: beacon, instance: local, phase: development}\n"
    )
    return estate


def test_a_plan_says_what_an_apply_would_do(cli: Cli, second: Path) -> None:
    answer = cli("plan", str(second), "--env", "second")
    assert answer.code == 0
    assert "+ environment second (will be deployed)" in answer.lines
    assert answer.err == ""


def test_a_plan_is_json_where_asked(cli: Cli, second: Path) -> None:
    document = json.loads(cli("plan", str(second), "--env", "second", "--json").out)
    assert [change["kind"] for change in document["changes"]] == ["+"]
    assert document["fingerprint"]


def test_a_broken_estate_is_told_file_by_file(cli: Cli, estate: Path) -> None:
    (estate / "environments" / "acme.yaml").write_text(
        "{name: acme, partner: nobody, product: beacon, instance: local, fase: development}\n"
    )
    answer = cli("plan", str(estate))
    assert answer.code == 2
    assert answer.out == ""
    assert "environments/acme.yaml: fase" in answer.err


def test_a_single_breach_is_told_once(cli: Cli, estate: Path) -> None:
    (estate / "partners" / "acme.yaml").write_text("{name: acme, titel: Acme}\n")
    errors = cli("plan", str(estate)).err.splitlines()
    assert [line for line in errors if "titel" in line] == [
        "error: partners/acme.yaml: titel: is unknown (did you mean title?)"
    ]


def test_no_estate_says_how_to_get_one(cli: Cli, tmp_path: Path) -> None:
    answer = cli("plan", str(tmp_path))
    assert answer.code == 2
    assert "guesthouse init" in answer.err


@pytest.mark.usefixtures("succeeding")
def test_apply_shows_the_run_and_ends_with_addresses(cli: Cli, second: Path) -> None:
    answer = cli("apply", str(second), "--env", "acme", "--locked", _lock(second), "--yes")
    assert answer.code == 0
    assert answer.lines[-1] == "acme  app  https://app--acme.apps.localhost:8443/"
    talk = answer.err.splitlines()
    assert talk[1:] == [
        "● fetch",
        "  │ fetch one",
        "  │ fetch two",
        "✓ fetch  0 ms",
        "● deploy",
        "  │ deploy one",
        "  │ deploy two",
        "✓ deploy  0 ms",
    ]


@pytest.mark.usefixtures("succeeding")
def test_apply_carries_out_what_was_shown(cli: Cli, services: FakeServices, second: Path) -> None:
    answer = cli("apply", str(second), "--env", "second", "--yes", "--json")
    document = json.loads(answer.out)
    assert answer.code == 0
    assert [run["state"] for run in document["runs"]] == ["succeeded"]
    assert [found["name"] for found in document["environments"]] == ["second"]
    assert services.environments.get(OPERATOR, "second").name == "second"


@pytest.mark.usefixtures("failing")
def test_apply_ends_with_the_failure_its_last_lines_and_the_next_step(
    cli: Cli, second: Path
) -> None:
    answer = cli("apply", str(second), "--env", "second", "--yes")
    assert answer.code == 1
    assert answer.err.splitlines()[-4:] == [
        "  │ no such table",
        "  │ exit 1",
        "error: second: api never became healthy",
        "next: look at its health check",
    ]


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.word)
def test_apply_ends_with_the_exit_code_of_what_made_the_run_fail(
    cli: Cli, clock: WorkingClock, worker: HandWorker, second: Path, kind: Kind
) -> None:
    def fail() -> None:
        for run in queued(cli.services):
            worker.fail(run, "no", next_step="go on", detail="", kind=kind)

    clock.work = fail
    answer = cli("apply", str(second), "--env", "second", "--yes", "--json")
    assert answer.code == kind.exit_code
    assert [run["error_kind"] for run in json.loads(answer.out)["runs"]] == [kind.word]
    assert json.loads(answer.err.splitlines()[-1])["kind"] == kind.word


def test_apply_asks_and_takes_no_for_an_answer(
    cli: Cli, services: FakeServices, second: Path
) -> None:
    cli.attended, cli.answer = True, "n"
    answer = cli("apply", str(second), "--env", "second")
    assert (answer.code, len(cli.asked)) == (1, 1)
    assert services.runs.list(OPERATOR).items == ()


@pytest.mark.usefixtures("succeeding")
def test_apply_goes_on_after_a_yes(cli: Cli, services: FakeServices, second: Path) -> None:
    cli.attended, cli.answer = True, "yes\n"
    assert cli("apply", str(second), "--env", "second").code == 0
    assert [run.state for run in services.runs.list(OPERATOR).items] == [RunState.SUCCEEDED]


def test_apply_without_a_terminal_needs_yes(
    cli: Cli, services: FakeServices, second: Path
) -> None:
    answer = cli("apply", str(second), "--env", "second")
    assert answer.code == 2
    assert answer.err.splitlines()[-1] == f"next: guesthouse apply {second} --env second --yes"
    assert services.runs.list(OPERATOR).items == ()


def test_apply_detached_prints_the_runs(cli: Cli, services: FakeServices, second: Path) -> None:
    answer = cli("apply", str(second), "--env", "second", "--yes", "--detach")
    (run,) = services.runs.list(OPERATOR).items
    assert answer.code == 0
    assert answer.lines[-1] == f"{run.id}  second"


@pytest.mark.usefixtures("succeeding")
def test_a_second_apply_has_nothing_to_do(cli: Cli, services: FakeServices, second: Path) -> None:
    cli("apply", str(second), "--env", "second", "--yes")
    _serves(services, "second")
    answer = cli("apply", str(second), "--env", "second")
    assert answer.code == 0
    assert answer.out == "Nothing to do: 1 environment is as declared.\n"


@pytest.mark.usefixtures("succeeding")
def test_a_lock_is_reproduced(cli: Cli, services: FakeServices, estate: Path) -> None:
    answer = cli("apply", str(estate), "--locked", _lock(estate), "--yes", "--json")
    assert answer.code == 0
    (run,) = services.runs.list(OPERATOR).items
    assert services.runs.get(OPERATOR, run.id).payload["locked"] == LOCK


@pytest.mark.parametrize(
    "text", [pytest.param("not json", id="no-json"), pytest.param("{}", id="no-environment")]
)
def test_a_file_that_is_no_lock_is_refused(cli: Cli, estate: Path, text: str) -> None:
    (estate / "lock.json").write_text(text)
    answer = cli("apply", str(estate), "--locked", str(estate / "lock.json"), "--yes")
    assert answer.code == 2
    assert "guesthouse env lock" in answer.err


def test_members_are_told_that_estates_are_for_operators(cli: Cli, estate: Path) -> None:
    cli.scope = MEMBER
    answer = cli("plan", str(estate))
    assert answer.code == 5
    assert answer.err.startswith("error: your role or token does not allow estate:apply\n")


def test_schema_is_printed_or_written(cli: Cli, tmp_path: Path) -> None:
    assert {"environment", "manifest"} < set(json.loads(cli("schema").out))
    answer = cli("schema", "--write", str(tmp_path / "s"))
    assert all(Path(line).exists() for line in answer.lines)
    assert len(answer.lines) == len(list((tmp_path / "s").iterdir()))
    again = cli("schema", "--write", str(tmp_path / "s"), "--json")
    assert json.loads(again.out) == answer.lines


def _lock(directory: Path) -> str:
    file = directory / "acme.lock.json"
    file.write_text(json.dumps(LOCK))
    return str(file)


def _serves(services: FakeServices, name: str) -> None:
    store = EnvironmentStore()
    with services.database.transaction() as transaction:
        store.serve(OPERATOR, transaction, name, run="run_1", lock=LOCK, commit=COMMIT)
        store.set_state(OPERATOR, transaction, name, state=EnvironmentState.READY, at=START)
