import asyncio
import csv
import io
import json
from pathlib import Path

import pytest

from guesthouse.db import Database
from guesthouse.people import Action, ActorKind, Role, Scope
from guesthouse.people.model import Account
from guesthouse.people.tokens import TokenGrant
from guesthouse.runs import RunState
from tests.fakes.people import come_in, signed_in
from tests.fakes.running import HandWorker
from tests.fakes.services import MEMBER, OPERATOR, OUTSIDER, FakeServices
from tests.unit.cli.conftest import Cli, queued


@pytest.fixture
def ann(services: FakeServices) -> Account:
    return asyncio.run(come_in(services.people, "ann", "acme", Role.DEVELOPER))


def test_partner_list_tells_how_each_stands(cli: Cli) -> None:
    cli("partner", "add", "third", "--title", "Third Ltd")
    cli("partner", "offboard", "other", "--yes", "--detach")
    standing = [line.split("  ")[-1].strip() for line in cli("partner", "list").lines]
    assert standing == ["STANDING", "declared", "offboarded 2026-01-02", "added by hand"]


def test_partner_list_is_json(cli: Cli) -> None:
    found = json.loads(cli("partner", "list", "--json").out)
    assert [item["name"] for item in found] == ["acme", "other"]


def test_partner_show_has_its_members(cli: Cli, ann: Account) -> None:
    answer = cli("partner", "show", "acme")
    assert answer.lines[1].split() == ["title", "Acme", "Ltd"]
    assert answer.lines[-1].split()[:3] == ["ann", "Ann", "developer"]
    shown = json.loads(cli("partner", "show", "acme", "--json").out)
    assert [member["login"] for member in shown["members"]] == [ann.login]


def test_partner_add_says_what_is_next(cli: Cli) -> None:
    answer = cli("partner", "add", "third")
    assert answer.lines == ["partner third is added"]
    assert "next: guesthouse member invite third" in answer.err
    assert cli("partner", "add", "third").code == 6


def test_offboard_shows_the_plan_and_asks(cli: Cli, ann: Account) -> None:
    cli.attended, cli.answer = True, "n\n"
    answer = cli("partner", "offboard", "acme")
    assert answer.code == 1
    assert f"  - member {ann.login} (developer; account is disabled)" in answer.err
    assert "  - environment acme (pending), with its data" in answer.err
    assert "Offboard acme? Its environments go with all their data." in cli.asked[0]
    assert json.loads(cli("partner", "show", "acme", "--json").out)["offboarded_at"] is None


def test_offboard_needs_yes_where_nobody_is_there(cli: Cli) -> None:
    answer = cli("partner", "offboard", "acme")
    assert answer.code == 2
    assert "guesthouse partner offboard acme --yes" in answer.err


@pytest.mark.usefixtures("succeeding")
def test_offboard_prints_evidence_and_follows_what_destroys(
    services: FakeServices, cli_at_work: Cli, ann: Account
) -> None:
    answer = cli_at_work("partner", "offboard", "acme", "--yes")
    assert answer.code == 0
    sentences = [line.partition(" UTC  ")[2] for line in answer.lines]
    assert f"1 member was seen out: {ann.login}" in sentences
    assert answer.lines[-1] == "environment acme is destroyed with its data"
    noted = answer.lines[-2].rpartition(" ")[2]
    assert cli_at_work("audit", "verify", "--noted", noted).code == 0
    assert services.accounts.accounts(OPERATOR)[0].disabled_at is not None


@pytest.mark.usefixtures("succeeding")
def test_offboard_is_one_json_document(cli_at_work: Cli, ann: Account) -> None:
    answer = cli_at_work("partner", "offboard", "acme", "--yes", "--json")
    done = json.loads(answer.out)
    assert done["evidence"][0]["sentence"] == f"1 member was seen out: {ann.login}"
    assert [run["state"] for run in done["runs"]] == [RunState.SUCCEEDED.value]
    assert done["plan"]["ends"]["members"][0]["login"] == ann.login
    assert not any(done["left"].values())


@pytest.mark.usefixtures("failing")
def test_offboard_says_when_an_environment_could_not_be_destroyed(cli_at_work: Cli) -> None:
    answer = cli_at_work("partner", "offboard", "acme", "--yes")
    assert answer.code == 1
    assert "1 environment was ended: acme" in answer.out
    assert "error: acme: api never became healthy" in answer.err


def test_offboard_again_finds_nothing_left(cli: Cli) -> None:
    cli("partner", "offboard", "acme", "--yes", "--detach")
    answer = cli("partner", "offboard", "acme", "--dry-run")
    assert answer.lines == [
        "acme was offboarded at 2026-01-02 03:04:05 UTC",
        "nothing of it is left to end",
        "  environment acme is being destroyed",
    ]
    again = cli("partner", "offboard", "acme", "--yes", "--json")
    assert {each["count"] for each in json.loads(again.out)["evidence"]} == {0}


def test_a_dry_run_changes_nothing(cli: Cli, ann: Account) -> None:
    plan = json.loads(cli("partner", "offboard", "acme", "--dry-run", "--json").out)
    assert plan["ends"]["members"] == [
        {"login": ann.login, "role": "developer", "keeps_account": False}
    ]
    assert json.loads(cli("partner", "show", "acme", "--json").out)["offboarded_at"] is None


def test_a_snapshot_is_refused_in_words(cli: Cli) -> None:
    answer = cli("partner", "offboard", "acme", "--yes", "--keep-snapshot")
    assert answer.code == 2
    assert "a snapshot can't be kept" in answer.err
    assert json.loads(cli("partner", "show", "acme", "--json").out)["offboarded_at"] is None


def test_readmit_lets_a_partner_come_back(
    cli: Cli, services: FakeServices, database: Database, ann: Account
) -> None:
    cli("partner", "offboard", "acme", "--yes", "--detach")
    waiting = cli("partner", "readmit", "acme")
    assert waiting.code == 6
    assert "environments of acme are not gone yet: acme" in waiting.err
    for run in queued(services):
        HandWorker(database).succeed(run)
    with database.transaction() as transaction:
        transaction.connection.exec_driver_sql("DELETE FROM environments WHERE name = 'acme'")
    answer = cli("partner", "readmit", "acme")
    assert answer.lines == ["acme may come back; 1 account may sign in again"]
    assert cli("member", "list", "acme", "--json").out.strip() == "[]"
    assert services.accounts.accounts(OPERATOR)[0].login == ann.login


def test_an_estate_that_declares_who_is_gone_is_refused(cli: Cli, estate: Path) -> None:
    cli("partner", "offboard", "acme", "--yes", "--detach")
    for verb in (("plan",), ("apply", "--yes")):
        answer = cli(*verb, str(estate))
        assert answer.code == 6
        assert "partner acme was offboarded on 2026-01-02 at 03:04 UTC" in answer.err
        assert "guesthouse partner readmit acme" in answer.err


def test_member_invite_prints_the_link_alone(cli: Cli) -> None:
    cli.scope = MEMBER
    answer = cli("member", "invite", "acme", "ben", "--role", "viewer", "--title", "Ben Baker")
    assert answer.lines[0].startswith("https://console.localhost:8443/invitation/")
    assert len(answer.lines) == 1
    assert "send it to ben: it is good once, until 2026-01-09 03:04 UTC" in answer.err
    listed = json.loads(cli("member", "list", "acme", "--json").out)
    assert [(item["login"], item["state"]) for item in listed] == [("ben", "invited")]


def test_member_role_and_remove(cli: Cli, ann: Account) -> None:
    cli.scope = MEMBER
    assert cli("member", "role", "acme", ann.login, "viewer").lines == ["ann is viewer of acme"]
    listed = cli("member", "list", "acme")
    assert listed.lines[1].split()[:3] == ["ann", "Ann", "viewer"]
    assert cli("member", "remove", "acme", ann.login).code == 2
    gone = cli("member", "remove", "acme", ann.login, "--yes")
    assert gone.lines == [
        "ann is no member of acme any more; ended: 0 sessions, 0 tokens, 0 invitations"
    ]
    assert cli("member", "list", "acme").err.startswith("acme has no members yet")


def test_a_role_that_is_none_is_refused(cli: Cli, ann: Account) -> None:
    assert cli("member", "role", "acme", ann.login, "king").code == 2


def test_an_outsider_invites_nobody(cli: Cli) -> None:
    cli.scope = OUTSIDER
    assert cli("member", "invite", "acme", "ben").code == 4


def test_invitations_are_listed_and_revoked(cli: Cli) -> None:
    made = json.loads(cli("member", "invite", "acme", "ben", "--json").out)
    listed = cli("invitation", "list", "--partner", "acme")
    assert listed.lines[1].split()[:4] == [made["id"], "ben", "acme", "developer"]
    assert json.loads(cli("invitation", "list", "--json").out)[0]["id"] == made["id"]
    assert cli("invitation", "revoke", made["id"]).lines == [f"{made['id']} is revoked"]
    assert cli("invitation", "revoke", made["id"]).code == 4
    assert cli("invitation", "list").err.startswith("nobody is invited")


def test_an_operator_invites_another(cli: Cli) -> None:
    made = json.loads(cli("invitation", "create", "olga", "--kind", "auditor", "--json").out)
    assert (made["kind"], made["partner"]) == ("auditor", None)
    assert cli("invitation", "create", "olga", "--kind", "member").code == 2


def test_the_machine_s_operator_makes_tokens(cli: Cli, services: FakeServices) -> None:
    answer = cli("token", "create", "nightly", "--scope", "env:read", "--days", "7")
    assert len(answer.lines) == 1
    found = services.tokens.authenticate(answer.lines[0])
    assert found is not None
    assert {action.value for action in found.scopes or ()} == {"env:read"}
    assert "it counts until 2026-01-09; keep it now" in answer.err
    made = json.loads(cli("token", "create", "ever", "--forever", "--json").out)
    assert made["expires_at"] is None


def test_a_token_that_may_make_none_says_where_it_is_done(cli: Cli) -> None:
    cli.scope = MEMBER
    answer = cli("token", "create", "another")
    assert answer.code == 5
    assert (
        "next: sign in at the console: https://console.localhost:8443/account/tokens" in answer.err
    )


def test_a_token_that_is_not_there_is_told(cli: Cli) -> None:
    assert cli("token", "revoke", "tok_none").code == 4


def test_audit_list_is_narrowed(cli: Cli) -> None:
    cli("partner", "add", "third")
    cli("env", "deploy", "acme", "--detach")
    for options, actions in (
        (("--partner", "third"), ["partner.add"]),
        (("--env", "acme"), ["run.queued", "environment.change"]),
        (("--action", "environment."), ["environment.change"]),
        (("--object", "partner/third"), ["partner.add"]),
        (("--actor", "nobody"), []),
        (("--until", "2025-01-01"), []),
        (("--since", "2026-01-01", "--action", "partner."), ["partner.add"]),
    ):
        found = json.loads(cli("audit", "list", *options, "--json").out)
        assert [item["action"] for item in found] == actions, options


def test_audit_export_gives_json_lines_or_csv(cli: Cli) -> None:
    cli("partner", "add", "third")
    lines = [json.loads(line) for line in cli("audit", "export").lines]
    assert [line["action"] for line in lines][:2] == ["token.create", "partner.add"]
    text = cli("audit", "export", "--format", "csv", "--action", "partner.").out
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["action"] for row in rows] == ["partner.add"]
    assert cli("audit", "export", "--format", "csv", "--json").code == 2


def test_members_export_no_audit_log(cli: Cli) -> None:
    cli.scope = MEMBER
    answer = cli("audit", "export")
    assert (answer.code, answer.out) == (5, "")


def _act_as(
    cli: Cli, services: FakeServices, account: Account, scopes: frozenset[Action] | None = None
) -> Scope:
    """Have the command line act by a token of somebody; return the session it was made in."""
    browser = signed_in(services.people, account)
    grant = TokenGrant("laptop", account.login, ActorKind.MEMBER, scopes=scopes)
    with services.database.transaction() as transaction:
        token = services.tokens.create(transaction, browser, grant)
    cli.environment = {"GUESTHOUSE_TOKEN": token.reveal()}
    return browser


def test_people_list_and_end_their_own_tokens(
    cli: Cli, services: FakeServices, ann: Account
) -> None:
    browser = _act_as(cli, services, ann)
    with services.database.transaction() as transaction:
        services.tokens.create(transaction, browser, TokenGrant("old", ann.login))
    found = json.loads(cli("token", "list", "--json").out)
    (old,) = [item for item in found if item["name"] == "old"]
    listed = cli("token", "list")
    assert {line.split()[1] for line in listed.lines[1:]} == {"old", "laptop"}
    assert cli("token", "revoke", old["id"]).lines == [f"{old['id']} is revoked"]
    assert [line.split()[1] for line in cli("token", "list").lines[1:]] == ["laptop"]


def test_people_list_and_end_their_own_sessions(
    cli: Cli, services: FakeServices, ann: Account
) -> None:
    browser = _act_as(cli, services, ann)
    assert cli("session", "list").lines[1].split()[:2] == [browser.session, "password"]
    assert browser.session is not None
    assert cli("session", "revoke", browser.session).lines == [f"{browser.session} is signed out"]
    assert cli("session", "list").err == "you are signed in with no browser\n"


def test_nobody_ends_what_is_another_s(cli: Cli, services: FakeServices, ann: Account) -> None:
    eve = asyncio.run(come_in(services.people, "eve", "other", Role.MANAGER))
    browser = _act_as(cli, services, eve)
    (theirs,) = services.tokens.list(browser)
    _act_as(cli, services, ann)
    assert browser.session is not None
    assert cli("token", "revoke", theirs.id).code == 4
    assert cli("session", "revoke", browser.session).code == 4


def test_a_narrowed_token_sees_no_others(cli: Cli, services: FakeServices, ann: Account) -> None:
    browser = _act_as(cli, services, ann, frozenset({Action.ENVIRONMENT_READ}))
    for verb in ("token", "session"):
        answer = cli(verb, "list")
        assert answer.code == 5
        assert f"https://console.localhost:8443/account/{verb}s" in answer.err
    assert cli("session", "revoke", str(browser.session)).code == 5


def test_no_token_makes_another(cli: Cli, services: FakeServices, ann: Account) -> None:
    _act_as(cli, services, ann)
    assert cli("token", "create", "another").code == 5
