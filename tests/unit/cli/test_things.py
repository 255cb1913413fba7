"""env, run, instance, product, ca, audit: what is printed, and how a call ends."""

import json

import pytest

from guesthouse.db.tables import audit_entries
from guesthouse.runs import RunState
from tests.fakes.running import HandWorker
from tests.fakes.services import CA, LOCK, MEMBER, OPERATOR, OUTSIDER, FakeServices
from tests.unit.cli.conftest import Cli, end


def test_env_list_shows_a_line_for_each(cli: Cli) -> None:
    answer = cli("env", "list")
    assert [line.split()[:3] for line in answer.lines] == [
        ["NAME", "PARTNER", "PRODUCT"],
        ["acme", "acme", "beacon"],
        ["other", "other", "beacon"],
    ]


def test_env_list_goes_through_every_page(cli: Cli) -> None:
    found = json.loads(cli("env", "list", "--json").out)
    assert [item["name"] for item in found] == ["acme", "other"]


def test_members_see_their_own(cli: Cli) -> None:
    cli.scope = MEMBER
    assert [item["name"] for item in json.loads(cli("env", "list", "--json").out)] == ["acme"]
    assert cli("instance", "list").code == 5


def test_env_show_ends_with_addresses(cli: Cli) -> None:
    answer = cli("env", "show", "acme")
    assert answer.lines[0].split() == ["name", "acme"]
    assert answer.lines[-1] == "acme  app  https://app--acme.apps.localhost:8443/"


def test_env_lock_is_what_apply_takes(cli: Cli) -> None:
    assert json.loads(cli("env", "lock", "acme").out) == LOCK


def test_an_environment_of_others_is_not_there(cli: Cli) -> None:
    cli.scope = OUTSIDER
    answer = cli("env", "show", "acme")
    assert answer.code == 4
    assert answer.err == ("error: there is no environment acme\nnext: guesthouse env list\n")


@pytest.mark.usefixtures("succeeding")
def test_env_deploy_follows_and_shows_addresses(cli: Cli) -> None:
    answer = cli("env", "deploy", "acme")
    assert (answer.code, answer.lines) == (
        0,
        ["acme  app  https://app--acme.apps.localhost:8443/"],
    )
    assert "✓ deploy" in answer.err


@pytest.mark.usefixtures("succeeding")
def test_env_destroy_names_its_target(cli: Cli) -> None:
    cli.attended, cli.answer = True, "y"
    assert cli("env", "destroy", "acme").code == 0
    assert cli.asked == ["Destroy environment acme with all its data? [y/N] "]


def test_env_destroy_without_a_terminal_needs_yes(cli: Cli, services: FakeServices) -> None:
    answer = cli("env", "destroy", "acme")
    assert answer.code == 2
    assert answer.err.endswith("next: guesthouse env destroy acme --yes\n")
    assert services.runs.list(OPERATOR).items == ()


def test_a_destroy_of_nothing_asks_nothing(cli: Cli) -> None:
    cli.attended = True
    assert cli("env", "destroy", "nothing").code == 4
    assert cli.asked == []


@pytest.mark.usefixtures("failing")
def test_json_of_a_failed_run_is_whole_and_so_is_the_exit_code(cli: Cli) -> None:
    answer = cli("env", "deploy", "acme", "--json")
    assert answer.code == 1
    assert json.loads(answer.out)["state"] == "failed"
    error = json.loads(answer.err.splitlines()[-1])
    assert (error["error"], error["kind"]) == ("acme: api never became healthy", "failed")


def test_run_list_is_newest_first_and_bounded(cli: Cli, services: FakeServices) -> None:
    for _ in range(3):
        cli.services.environments.deploy(OPERATOR, "acme")
    every = {run.id for run in services.runs.list(OPERATOR).items}
    found = json.loads(cli("run", "list", "--limit", "2", "--json").out)
    assert len(found) == 2
    assert {run["id"] for run in found} < every


def test_no_runs_say_what_makes_one(cli: Cli) -> None:
    answer = cli("run", "list")
    assert (answer.out, answer.err) == ("", "there are no runs yet; next: guesthouse apply\n")


def test_run_show_tells_where_the_time_went(
    cli: Cli, services: FakeServices, worker: HandWorker
) -> None:
    run = services.environments.deploy(OPERATOR, "acme")
    worker.succeed(run)
    plain = cli("run", "show", run.id).lines
    assert [line.split()[0] for line in plain[-3:]] == ["STEP", "fetch", "deploy"]
    timed = cli("run", "show", run.id, "--timing").lines
    assert [line.split() for line in timed[-4:]] == [
        ["fetch", "succeeded", "0", "ms"],
        ["build", "-", "1.5", "s"],
        ["deploy", "succeeded", "0", "ms"],
        ["build", "-", "1.5", "s"],
    ]


def test_run_log_prints_all_of_it(cli: Cli, services: FakeServices, worker: HandWorker) -> None:
    run = services.environments.deploy(OPERATOR, "acme")
    attempt = worker.start(run)
    worker.write(attempt, "fetch", *(f"line {number}" for number in range(2500)))
    assert cli("run", "log", run.id).lines == [f"line {number}" for number in range(2500)]


def test_a_log_can_do_nothing_to_the_terminal(
    cli: Cli, services: FakeServices, worker: HandWorker
) -> None:
    run = services.environments.deploy(OPERATOR, "acme")
    worker.write(worker.start(run), "fetch", "\x1b]0;title\x07\x1b[31mred\x1b[0m \x1b[2J")
    out = cli("run", "log", run.id).out
    assert "\x1b" not in out
    assert "red" in out


@pytest.mark.usefixtures("succeeding")
def test_run_log_follows_to_the_end(cli: Cli, services: FakeServices) -> None:
    run = services.environments.deploy(OPERATOR, "acme")
    answer = cli("run", "log", run.id, "--follow", "--json")
    lines = [json.loads(line) for line in answer.lines]
    assert [line["sequence"] for line in lines] == [1, 2, 3, 4]
    assert answer.code == 0


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        pytest.param(RunState.CANCELLED, "the run was cancelled", id="cancelled"),
        pytest.param(
            RunState.LOST, "the run was interrupted where it can't be repeated", id="lost"
        ),
    ],
)
def test_following_a_run_that_did_not_succeed_fails(
    cli: Cli, services: FakeServices, worker: HandWorker, state: RunState, sentence: str
) -> None:
    run = services.environments.deploy(OPERATOR, "acme")
    end(worker, run, state)
    answer = cli("run", "log", run.id, "--follow")
    assert answer.code == 1
    assert answer.err == (f"error: acme: {sentence}\nnext: guesthouse run log {run.id}\n")


def test_run_cancel_says_what_became_of_it(
    cli: Cli, services: FakeServices, worker: HandWorker
) -> None:
    queued = services.environments.deploy(OPERATOR, "acme")
    running = services.environments.deploy(OPERATOR, "other")
    worker.start(running)
    assert cli("run", "cancel", queued.id).out == f"{queued.id} cancelled\n"
    assert cli("run", "cancel", running.id).out == f"{running.id} is asked to end\n"
    assert cli("run", "cancel", queued.id).code == 6


def test_run_junit_that_is_not_there(cli: Cli, services: FakeServices) -> None:
    run = services.environments.deploy(OPERATOR, "acme")
    assert cli("run", "junit", run.id).code == 4


def test_instance_show_tells_what_is_known(cli: Cli) -> None:
    assert ["os", "Debian", "12"] in [
        line.split() for line in cli("instance", "show", "box").lines
    ]


@pytest.mark.usefixtures("succeeding")
def test_instance_provision_follows(cli: Cli) -> None:
    answer = cli("instance", "provision", "local")
    assert (answer.code, answer.out) == (0, "")
    assert "✓ deploy" in answer.err


def test_instance_destroy_of_one_in_use_is_a_conflict(cli: Cli) -> None:
    answer = cli("instance", "destroy", "local", "--yes")
    assert answer.code == 6
    assert answer.err.endswith("next: guesthouse env destroy acme\n")


def test_product_list_shows_sources(cli: Cli) -> None:
    assert cli("product", "list").lines[1].split() == [
        "beacon",
        "https://git.test/beacon",
        "main",
        "-",
    ]


def test_ca_show_prints_the_certificate_alone(cli: Cli) -> None:
    answer = cli("ca", "show")
    assert answer.out == CA
    assert "update-ca-certificates" in answer.err


def test_ca_show_gives_the_fingerprint_to_compare(cli: Cli) -> None:
    found = json.loads(cli("ca", "show", "--json").out)
    assert f"SHA-256:        {found['fingerprint']}\n" in cli("ca", "show").err


def test_audit_list_shows_who_did_what(cli: Cli) -> None:
    cli("env", "deploy", "acme", "--detach")
    actions = [line.split()[3] for line in cli("audit", "list").lines[1:]]
    assert actions == ["run.queued", "environment.change", "token.create"]


def test_audit_verify_finds_what_was_cut_off_by_what_was_noted(
    cli: Cli, services: FakeServices
) -> None:
    cli("env", "deploy", "acme", "--detach")
    noted = json.loads(cli("audit", "verify", "--json").out)["newest"]
    assert f"--noted: {noted}" in cli("audit", "verify").out
    assert cli("audit", "verify", "--noted", noted).code == 0
    with services.database.transaction() as transaction:
        transaction.connection.exec_driver_sql("DROP TRIGGER audit_entries_no_delete")
        transaction.connection.exec_driver_sql("DELETE FROM audit_entries WHERE sequence = 3")
    assert cli("audit", "verify").code == 0
    assert cli("audit", "verify", "--noted", noted).code == 1
    assert cli("audit", "verify", "--noted", "nonsense").code == 2


def test_audit_verify_finds_a_forged_row(cli: Cli, services: FakeServices) -> None:
    cli("env", "deploy", "acme", "--detach")
    assert cli("audit", "verify").code == 0
    with services.database.transaction() as transaction:
        forged = {"actor": "x", "actor_kind": "x", "action": "x", "object": "x", "detail": "{}"}
        transaction.insert(
            audit_entries, sequence=4, at="", previous="0" * 64, hash="0" * 64, **forged
        )
    answer = cli("audit", "verify")
    assert answer.code == 1
    assert answer.err.startswith("error: the audit log does not hold at row 4")
