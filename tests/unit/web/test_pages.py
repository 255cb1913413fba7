"""Every page renders for those it is for, and for nobody else."""

import datetime as dt

import httpx
import pytest
import sqlalchemy as sa

from guesthouse.db.tables import environments, runs
from guesthouse.environments.store import ArtifactStore
from guesthouse.runs import Run
from tests.fakes.clock import START, FakeClock
from tests.fakes.running import HandWorker
from tests.fakes.services import MEMBER, OPERATOR, FakeServices

PAGES = [
    "/",
    "/environments/acme",
    "/environments/acme/runs",
    "/environments/acme/start",
    "/environments/acme/activity",
    "/runs",
    "/runs?state=failed&environment=acme",
    "/runs/{run}",
    "/runs/{run}/tests",
]
OPERATORS_PAGES = ["/instances", "/styleguide"]
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def run(services: FakeServices, worker: HandWorker) -> Run:
    queued = services.environments.deploy(OPERATOR, "acme")
    worker.succeed(queued)
    with services.database.transaction() as transaction:
        ArtifactStore().put(
            OPERATOR,
            transaction,
            queued.id,
            "junit.xml",
            media_type="application/xml",
            data=b'<testsuite><testcase name="one &lt;b&gt;"/></testsuite>',
            at=START,
        )
    return queued


@pytest.mark.parametrize("path", [*PAGES, *OPERATORS_PAGES])
def test_operator_gets_every_page(operator: httpx.Client, run: Run, path: str) -> None:
    answer = operator.get(path.format(run=run.id))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "guesthouse " in answer.text  # the command that does the same


@pytest.mark.parametrize("path", PAGES)
def test_member_gets_the_pages_of_their_partner(member: httpx.Client, run: Run, path: str) -> None:
    answer = member.get(path.format(run=run.id))
    assert answer.status_code == 200
    assert "/environments/other" not in answer.text


@pytest.mark.parametrize("path", OPERATORS_PAGES)
def test_member_gets_no_page_of_operators(member: httpx.Client, path: str) -> None:
    answer = member.get(path)
    assert answer.status_code == 403
    assert "Nothing was changed." in answer.text
    assert path not in member.get("/").text


@pytest.mark.parametrize(
    "path",
    [path for path in PAGES if path.startswith(("/environments/acme", "/runs/{run}"))],
)
def test_outsider_gets_404_and_learns_nothing(outsider: httpx.Client, run: Run, path: str) -> None:
    answer = outsider.get(path.format(run=run.id))
    assert answer.status_code == 404
    unknown = outsider.get(path.format(run="run_gone").replace("acme", "gone"))
    told = answer.text.replace(run.id, "run_gone").replace("acme", "gone")
    assert told == unknown.text


@pytest.mark.parametrize("path", [*PAGES, *OPERATORS_PAGES])
def test_anonymous_is_sent_to_sign_in(anonymous: httpx.Client, path: str) -> None:
    answer = anonymous.get(path.format(run="run_1"))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")
    assert not answer.text


@pytest.mark.parametrize("path", ["/", "/environments/gone", "/nothing/here", "/static/gone.js"])
def test_every_page_carries_the_headers(operator: httpx.Client, path: str) -> None:
    headers = operator.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize("path", [*PAGES, *OPERATORS_PAGES])
def test_nothing_is_inline(operator: httpx.Client, run: Run, path: str) -> None:
    text = operator.get(path.format(run=run.id)).text
    assert "style=" not in text
    assert "<style" not in text
    assert " on" + "click=" not in text
    assert text.count("<script") == text.count("<script src=")


def test_foreign_text_is_escaped(services: FakeServices, operator: httpx.Client, run: Run) -> None:
    lock = {"routes": {EVIL: {"url": "javascript:alert(1)", "access": EVIL}}}
    with services.database.transaction() as transaction:
        transaction.change(sa.update(environments).values(lock=lock, phase=EVIL[:20]))
        transaction.change(
            sa.update(runs).values(
                state="failed", sentence=EVIL, next_step=EVIL, detail=EVIL, actor=EVIL, kind=EVIL
            )
        )
    for path in ("/", "/environments/acme", "/runs", f"/runs/{run.id}"):
        text = operator.get(path).text
        assert EVIL not in text
        assert "&lt;script&gt;" in text


def test_an_address_that_is_no_web_address_is_no_link(
    services: FakeServices, operator: httpx.Client
) -> None:
    lock = {"routes": {"app": {"url": "javascript:alert(1)", "access": "public"}}}
    with services.database.transaction() as transaction:
        transaction.change(sa.update(environments).values(lock=lock))
    assert 'href="javascript:' not in operator.get("/environments/acme").text


def test_deploying_leads_to_the_run(member: httpx.Client, services: FakeServices) -> None:
    answer = member.post("/environments/acme/deploy")
    newest = services.runs.list(MEMBER).items[0]
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/runs/{newest.id}"


def test_destroying_takes_the_name(member: httpx.Client, services: FakeServices) -> None:
    refused = member.post("/environments/acme/destroy", data={"confirm": "acmee"})
    assert refused.status_code == 422
    assert "Nothing was changed." in refused.text
    assert services.runs.list(MEMBER).items == ()
    assert member.post("/environments/acme/destroy", data={"confirm": "acme"}).status_code == 303


def test_cancelling_twice_says_that_it_has_ended(
    member: httpx.Client, services: FakeServices
) -> None:
    run = services.environments.deploy(MEMBER, "acme")
    assert member.post(f"/runs/{run.id}/cancel").status_code == 303
    again = member.post(f"/runs/{run.id}/cancel")
    assert again.status_code == 409
    assert "has ended: cancelled" in again.text


def test_htmx_gets_a_toast_instead_of_a_page(member: httpx.Client) -> None:
    answer = member.get("/environments/gone", headers={"HX-Request": "true"})
    assert answer.status_code == 404
    assert answer.headers["hx-reswap"] == "none"
    assert "There is no environment gone." in answer.headers["hx-trigger"]
    assert not answer.text


def test_htmx_is_sent_to_sign_in_and_back_to_the_open_page(anonymous: httpx.Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "https://console.test/runs?state=failed"}
    answer = anonymous.get("/environments/acme", headers=headers)
    assert answer.headers["hx-redirect"] == "/sign-in?next=%2Fruns%3Fstate%3Dfailed"


def test_what_is_below_api_stays_a_problem_document(operator: httpx.Client) -> None:
    answer = operator.get("/api/v1/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_log_is_a_file_to_keep(member: httpx.Client, run: Run) -> None:
    answer = member.get(f"/runs/{run.id}/log.txt")
    assert answer.headers["content-disposition"].startswith("attachment")
    lines = answer.text.splitlines()
    assert len(lines) == 4
    assert lines[0].endswith(" fetch: fetch one")


def test_a_step_says_how_long_it_took_last_time(
    services: FakeServices,
    member: httpx.Client,
    worker: HandWorker,
    clock: FakeClock,
) -> None:
    worker.succeed(services.environments.deploy(MEMBER, "acme"))
    clock.advance(dt.timedelta(hours=1))
    again = services.environments.deploy(MEMBER, "acme")
    worker.start(again)
    text = member.get(f"/runs/{again.id}").text
    assert text.count("took 0.0 s last time") == 2
    assert "Cancel this run" in text


def test_getting_started_ticks_what_happened(
    services: FakeServices, member: httpx.Client, worker: HandWorker
) -> None:
    done = "checklist__item--done"
    before = member.get("/environments/acme/start").text.count(done)
    worker.succeed(services.environments.deploy(MEMBER, "acme"))
    after = member.get("/environments/acme/start").text.count(done)
    assert after == before + 1


def test_the_chosen_theme_is_in_the_page(operator: httpx.Client) -> None:
    for theme, expected in (("dark", True), ("<b>", False)):
        operator.cookies.set("guesthouse-theme", theme)
        assert ('data-theme="' in operator.get("/").text) is expected
