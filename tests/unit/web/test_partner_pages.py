"""Partners, members, accounts, offboarding: by those who may, shown to nobody else."""

import re

import httpx
import pytest

from guesthouse.people import ActorKind, Role
from tests.unit.web.browsing import TYPED, Street, error_at

INVITE = {"login": "paul@acme.example", "title": "Paul", "role": "developer", "days": "7"}


def _link(answer: httpx.Response) -> str:
    found = re.search(r"https://console\.localhost:8443(/invitation/[\w-]+)", answer.text)
    return found[1] if found else ""


def test_a_manager_invites_and_the_link_is_shown_once(street: Street) -> None:
    browser = street.member("mara", role=Role.MANAGER)
    answer = browser.post("/partners/acme", data=INVITE)
    link = _link(browser.get(answer.headers["location"]))
    assert _link(browser.get("/partners/acme")) == ""
    new = street.browser()
    new.get(link)
    new.post("/invitation", data={"password": TYPED, "repeated": TYPED})
    assert new.get("/partners/acme").status_code == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"login": "Paul Partner!"}, "login"),
        ({"login": "operator"}, "login"),
        ({"title": ""}, "title"),
        ({"role": "owner"}, "role"),
        ({"days": "400"}, "days"),
    ],
)
def test_an_invitation_that_does_not_fit_is_said_at_its_field(
    street: Street, changes: dict[str, str], field: str
) -> None:
    browser = street.member("mara", role=Role.MANAGER)
    answer = browser.post("/partners/acme", data={**INVITE, **changes})
    assert answer.status_code == 422
    assert error_at(answer, field)
    assert "paul@acme.example" not in browser.get("/partners/acme").text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER])
def test_who_does_not_manage_members_sees_them_and_changes_nothing(
    street: Street, role: Role
) -> None:
    browser = street.member("dana", role=role)
    page = browser.get("/partners/acme")
    assert "dana" in page.text
    for word in ("Invite somebody", "Change …", "Offboard"):
        assert word not in page.text
    assert browser.post("/partners/acme", data=INVITE).status_code == 403
    role_path = "/partners/acme/members/dana/role"
    assert browser.post(role_path, data={"role": "manager"}).status_code == 403


def test_a_role_is_changed(street: Street) -> None:
    dana = street.member("dana", role=Role.VIEWER)
    mara = street.member("mara", role=Role.MANAGER)
    answer = mara.post("/partners/acme/members/dana/role", data={"role": "manager"})
    assert answer.status_code == 303
    assert "Invite somebody" in dana.get("/partners/acme").text


def test_a_member_is_removed_by_their_name_alone(street: Street) -> None:
    dana, mara = street.member("dana"), street.member("mara", role=Role.MANAGER)
    path = "/partners/acme/members/dana/remove"
    assert mara.post(path, data={"confirm": "mara"}).status_code == 422
    assert dana.get("/partners/acme").status_code == 200
    assert mara.post(path, data={"confirm": "dana"}).status_code == 303
    assert dana.get("/").status_code == 303


def test_who_removes_themselves_is_sent_home(street: Street) -> None:
    mara = street.member("mara", role=Role.MANAGER)
    answer = mara.post("/partners/acme/members/mara/remove", data={"confirm": "mara"})
    assert answer.headers["location"] == "/"


def test_an_invitation_is_revoked(street: Street) -> None:
    mara = street.member("mara", role=Role.MANAGER)
    code = street.invite("paul")
    (path,) = re.findall(r"/partners/acme/invitations/\w+/revoke", mara.get("/partners/acme").text)
    for _ in range(2):
        assert mara.post(path).status_code == 303
    browser = street.browser()
    browser.get(f"/invitation/{code}")
    assert browser.get("/invitation").status_code == 404


def test_an_outsider_is_told_nothing_of_a_partner(street: Street) -> None:
    otto = street.member("otto", "other", Role.MANAGER)
    assert "acme" not in otto.get("/partners").text
    gone = otto.get("/partners/gone")
    hidden = otto.get("/partners/acme")
    assert gone.status_code == hidden.status_code == 404
    assert hidden.text.replace("acme", "gone") == gone.text
    for path in ("", "/members/dana/role", "/members/dana/remove", "/invitations/inv_1/revoke"):
        data = {**INVITE, "confirm": "dana"}
        assert otto.post(f"/partners/acme{path}", data=data).status_code == 404


def test_a_partners_page_lists_its_environments_and_no_others(street: Street) -> None:
    text = street.operator().get("/partners/acme").text
    assert 'href="/environments/acme"' in text
    assert 'href="/environments/other"' not in text


def test_an_operator_adds_a_partner(street: Street) -> None:
    olga = street.operator()
    answer = olga.post("/partners", data={"name": "globex", "title": "Globex"})
    assert answer.headers["location"] == "/partners/globex"
    assert "Nobody is in yet" in olga.get("/partners/globex").text
    twice = olga.post("/partners", data={"name": "globex", "title": "Globex"})
    assert twice.status_code == 409
    assert error_at(twice, "name")
    assert error_at(olga.post("/partners", data={"name": "No!", "title": ""}), "name")


def test_an_auditor_sees_partners_and_adds_none(street: Street) -> None:
    auditor = street.operator("andy", ActorKind.AUDITOR)
    assert "Add a partner" not in auditor.get("/partners").text
    assert auditor.post("/partners", data={"name": "x1", "title": "X"}).status_code == 403


def test_offboarding_shows_what_ends_and_takes_the_name(street: Street) -> None:
    dana, olga = street.member("dana"), street.operator()
    plan = olga.get("/partners/acme/offboard")
    for word in ("member dana", "1 session", "environment acme"):
        assert word in plan.text
    wrong = olga.post("/partners/acme/offboard", data={"confirm": "other"})
    assert wrong.status_code == 422
    assert error_at(wrong, "confirm")
    assert dana.get("/").status_code == 200
    done = olga.post("/partners/acme/offboard", data={"confirm": "acme"})
    assert "nothing of it was found" in done.text
    assert "1 session was ended" in done.text
    assert dana.get("/").status_code == 303
    assert "Offboarded" in olga.get("/partners/acme").text


def test_nobody_but_operators_offboards(street: Street) -> None:
    for browser in (
        street.member("mara", role=Role.MANAGER),
        street.operator("andy", ActorKind.AUDITOR),
    ):
        assert browser.get("/partners/acme/offboard").status_code == 403
        answer = browser.post("/partners/acme/offboard", data={"confirm": "acme"})
        assert answer.status_code == 403
        assert browser.post("/partners/acme/readmit").status_code == 403


def test_a_partner_that_stands_is_not_let_in_again(street: Street) -> None:
    assert street.operator().post("/partners/acme/readmit").status_code == 409


def test_an_operator_invites_auditors_and_operators(street: Street) -> None:
    olga = street.operator()
    for login, kind in (("andy", "auditor"), ("oscar", "operator"), ("odd", "nonsense")):
        data = {"login": login, "title": login, "kind": kind}
        link = _link(olga.get(olga.post("/accounts", data=data).headers["location"]))
        new = street.browser()
        new.get(link)
        expected = "operator" if kind == "operator" else "auditor"
        assert f"invited you as {expected}" in new.get("/invitation").text
    assert error_at(olga.post("/accounts", data={"login": "No!", "title": "x"}), "login")


def test_an_account_is_shut_out_let_in_again_and_reset(street: Street) -> None:
    dana, olga = street.member("dana"), street.operator()
    olga.post("/accounts/dana/disable")
    assert dana.get("/").status_code == 303
    refused = street.browser().post("/sign-in", data={"login": "dana", "password": TYPED})
    assert refused.status_code == 403
    olga.post("/accounts/dana/enable")
    street.sign_in("dana")
    link = _link(olga.get(olga.post("/accounts/dana/reset").headers["location"]))
    again = street.browser()
    again.get(link)
    assert "Your login" in again.get("/invitation").text
    assert olga.post("/accounts/olga/disable").status_code == 409


def test_accounts_are_for_operators_and_auditors(street: Street) -> None:
    mara = street.member("mara", role=Role.MANAGER)
    assert mara.get("/accounts").status_code == 403
    assert mara.post("/accounts", data={"login": "x1", "title": "x"}).status_code == 403
    assert mara.post("/accounts/mara/disable").status_code == 403
    auditor = street.operator("andy", ActorKind.AUDITOR)
    page = auditor.get("/accounts?find=MAR")
    assert "mara" in page.text
    assert "Change …" not in page.text
    assert auditor.post("/accounts/mara/disable").status_code == 403
