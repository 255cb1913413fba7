"""What gateways are answered, to the letter: nginx and the relay read it."""

import dataclasses

import httpx
import pytest
from typing_extensions import override

from guesthouse.api import create_app
from guesthouse.edge.questions import Decided, Question, Questions
from guesthouse.gateway.paths import NEXT_FIELD
from guesthouse.people.model import Account, ActorKind, Door, MembershipOrigin, Origin, Role
from guesthouse.people.store import AccountStore
from tests.fakes.asgi import client_of
from tests.fakes.clock import START
from tests.fakes.services import FakeServices

STATE = "0123456789abcdef0123456789abcdef"
GATEWAY = {"X-Guesthouse-Environment": "acme", "X-Guesthouse-Route": "app"}
HOST = "https://app--acme.apps.localhost:8443"
AUTHORISE, ENTER, LEAVE = (f"/api/internal/{name}" for name in ("authorise", "enter", "leave"))


@pytest.fixture
def code(services: FakeServices) -> str:
    """A code for somebody of acme who is signed in at the console."""
    member = Account(
        id="acc_m",
        login="member",
        title="Member",
        kind=ActorKind.MEMBER,
        has_password=False,
        has_totp=False,
        is_declared=False,
        created_at=START,
    )
    store = AccountStore()
    with services.database.transaction() as transaction:
        store.insert(transaction, member)
        origin = MembershipOrigin.INVITATION
        store.join(transaction, member.id, "acme", role=Role.VIEWER, origin=origin)
        opened = services.sessions.open(
            transaction, member, door=Door.PASSWORD, origin=Origin("127.0.0.1")
        )
    scope = services.sessions.authenticate(opened.secret.reveal())
    assert scope
    address = services.entrance.way_in(
        scope, environment="acme", route="app", state=STATE, following="/x?y=1"
    )
    return address.removeprefix(f"{HOST}/.guesthouse/enter?code=")


def bring(client: httpx.Client, code: str, state: str = STATE) -> httpx.Response:
    sent = {"X-Guesthouse-Code": code, "X-Guesthouse-State": state}
    return client.get(ENTER, headers=GATEWAY | sent)


def cookie_of(answer: httpx.Response) -> str:
    given = answer.headers.get_list("set-cookie")[0]
    return str(given.partition("=")[2].partition(";")[0])


def test_who_passes_is_named_and_for_how_long(member: httpx.Client) -> None:
    answer = member.get(AUTHORISE, headers=GATEWAY)
    assert answer.status_code == 204
    kept = "max-age=2, stale-while-revalidate=1, stale-if-error=3600"
    assert answer.headers["cache-control"] == kept
    names = ("user", "partner", "role")
    said = [answer.headers.get(f"x-guesthouse-{name}") for name in names]
    assert said == ["member", "acme", "manager"]


def test_how_long_somebody_stays_while_nobody_answers_is_the_operators_to_say(
    services: FakeServices, member: httpx.Client
) -> None:
    settings = dataclasses.replace(services.settings, admitted_while_away=0)
    app = create_app(dataclasses.replace(services, settings=settings))
    headers = GATEWAY | {"Authorization": member.headers["Authorization"]}
    answer = client_of(app).get(AUTHORISE, headers=headers)
    assert answer.headers["cache-control"].endswith(", stale-if-error=0")


@pytest.mark.parametrize(("client", "status"), [("anonymous", 401), ("outsider", 403)])
def test_who_does_not_pass_is_named_nowhere_and_not_kept(
    request: pytest.FixtureRequest, client: str, status: int
) -> None:
    answer = request.getfixturevalue(client).get(AUTHORISE, headers=GATEWAY)
    assert answer.status_code == status
    assert answer.headers["cache-control"] == "max-age=1", "nothing that outlasts an outage"
    assert not [name for name in answer.headers if name.startswith("x-guesthouse-")]
    assert ("www-authenticate" in answer.headers) is (status == 401)


@pytest.mark.parametrize(
    ("max_age", "said"), [(1, "max-age=1, stale-while-revalidate=1"), (0, "no-store")]
)
async def test_a_late_answer_is_kept_for_less_or_not_at_all(
    services: FakeServices, member: httpx.Client, max_age: int, said: str
) -> None:
    class Late(Questions):
        @override
        async def ask(self, question: Question) -> Decided:
            return dataclasses.replace(await super().ask(question), max_age=max_age)

    app = create_app(services)
    app.state.questions = Late(services.authorisation, services.clock)
    headers = GATEWAY | {"Authorization": member.headers["Authorization"]}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
        answer = await client.get(AUTHORISE, headers=headers)
    assert answer.headers["cache-control"] == f"{said}, stale-if-error=3600"


def test_a_code_gives_a_cookie_of_the_host_and_the_way_on(
    anonymous: httpx.Client, code: str
) -> None:
    answer = bring(anonymous, code)
    assert (answer.status_code, answer.headers["location"]) == (302, "/x?y=1")
    assert answer.headers["cache-control"] == "no-store"
    given, ended = answer.headers.get_list("set-cookie")
    assert given.startswith("__Host-guesthouse=")
    assert given.endswith("; Path=/; Secure; HttpOnly; SameSite=Lax")
    assert ended == "__Host-guesthouse-state=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax"
    passed = anonymous.get(AUTHORISE, headers=GATEWAY | {"X-Guesthouse-Cookie": cookie_of(answer)})
    assert passed.status_code == 204
    assert passed.headers["x-guesthouse-role"] == "viewer"


@pytest.mark.parametrize("state", ["f" * 32, "", f"{STATE}{NEXT_FIELD}"])
def test_a_code_without_its_state_gives_nothing(
    anonymous: httpx.Client, code: str, state: str
) -> None:
    refused = bring(anonymous, code, state)
    assert refused.status_code == 403
    assert "set-cookie" not in refused.headers


def test_a_code_gives_once(anonymous: httpx.Client, code: str) -> None:
    assert bring(anonymous, code).status_code == 302
    assert bring(anonymous, code).status_code == 403


def test_who_leaves_passes_no_more(anonymous: httpx.Client, code: str) -> None:
    sent = GATEWAY | {"X-Guesthouse-Cookie": cookie_of(bring(anonymous, code))}
    left = anonymous.post(LEAVE, headers=sent)
    assert (left.status_code, left.headers["location"]) == (303, "https://console.localhost:8443/")
    assert left.headers["set-cookie"].startswith("__Host-guesthouse=; Max-Age=0; ")
    assert anonymous.get(AUTHORISE, headers=sent).status_code == 401


def test_who_shows_no_cookie_keeps_it(anonymous: httpx.Client) -> None:
    # A page of somebody else sent the form: the gateway took the cookie away.
    assert "set-cookie" not in anonymous.post(LEAVE, headers=GATEWAY).headers
