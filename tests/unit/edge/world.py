"""One control plane with everybody in it: what the matrix of routes and people asks."""

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from fastapi import FastAPI

from guesthouse import web
from guesthouse.api import create_app
from guesthouse.db import Database, Transaction
from guesthouse.edge.access import SESSION_COOKIE
from guesthouse.environments.store import ArtifactStore
from guesthouse.people import Action, ActorKind, Role, routes_scope
from guesthouse.people.model import Account, Door, InvitationRequest, MembershipOrigin, Origin
from guesthouse.people.tokens import TokenGrant
from tests.fakes.clock import START, FakeClock
from tests.fakes.services import OPERATOR, SYSTEM, FakeServices, fake_services

CAST = [
    "anonymous",
    "outsider",
    "viewer",
    "developer",
    "manager",
    "auditor",
    "operator",
    "enrolling",
    "tests",
    "reader",
]
"""In the order in which a row of the matrix names what each of them gets.

The outsider is a manager of another partner; who is enrolling is an operator without a second
factor; tests are an environment's functional tests; the reader is a token of the operator's that
is narrowed to everything that only reads.
"""
READS = frozenset(action for action in Action if action.value.endswith(":read"))
KINDS = {"auditor": ActorKind.AUDITOR, "operator": ActorKind.OPERATOR}
ROLES = {
    "outsider": ("other", Role.MANAGER),
    "viewer": ("acme", Role.VIEWER),
    "developer": ("acme", Role.DEVELOPER),
    "manager": ("acme", Role.MANAGER),
    "leaver": ("acme", Role.VIEWER),
}
OURS = {"Sec-Fetch-Site": "same-origin"}
HOST = "console.guesthouse.test"


@dataclasses.dataclass(frozen=True)
class Answer:
    """Status, headers and, but for streams, the body."""

    status: int
    headers: Mapping[str, str]
    text: str


class World:
    """An application, who is there, and what there is to ask for."""

    def __init__(self, database: Database, clock: FakeClock, state: Path) -> None:
        self.services: FakeServices = fake_services(database, clock, state)
        self.app: FastAPI = create_app(self.services)
        web.install(self.app)
        self.headers: dict[str, dict[str, str]] = {"anonymous": {}}
        """What each of the cast sends."""
        self.names: dict[str, str] = {"name": "acme", "login": "leaver", "secret": "LICENCE"}
        """What stands in addresses."""
        self.codes: dict[str, str] = {}
        with database.transaction() as transaction:
            self._come_in(transaction)
        self._begin()
        database.close()
        self._file = state / "guesthouse.sqlite"
        self._kept = self._file.read_bytes()

    def as_it_was(self) -> "World":
        """Undo all that was done since it was made."""
        self.services.database.close()
        # To make a world anew takes a second, and there are hundreds of questions.
        for beside in self._file.parent.glob(f"{self._file.name}-*"):
            beside.unlink()
        self._file.write_bytes(self._kept)
        return self

    def ask(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str],
        *,
        body: object = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request; of a stream, take no more than its beginning."""
        content, kind = b"", ""
        if form is not None:
            content, kind = urlencode(form).encode(), "application/x-www-form-urlencoded"
        elif body is not None:
            content, kind = json.dumps(body).encode(), "application/json"
        sent = {"Host": HOST, **headers, **({"Content-Type": kind} if kind else {})}
        return asyncio.run(_ask(self.app, method, address, sent, content))

    def _come_in(self, transaction: Transaction) -> None:
        for name in [*CAST[1:7], "leaver", "enrolling"]:
            account = self._account(transaction, name)
            opened = self.services.sessions.open(
                transaction, account, door=Door.OIDC, origin=Origin("192.0.2.1")
            )
            cookie = f"{SESSION_COOKIE}={opened.secret.reveal()}"
            self.headers[name] = {"Cookie": cookie, **OURS}
            if name == "leaver":
                self.names["session"] = opened.session.id
            grant = TokenGrant(name, name, account.kind, account=account.id, scopes=READS)
            if name in {"operator", "leaver"}:
                token = self.services.tokens.create(transaction, SYSTEM, grant).reveal()
                self.codes[name] = token
        tests = routes_scope("tests of acme", frozenset({"acme"}), "acme")
        grant = TokenGrant(
            tests.actor, tests.actor, ActorKind.TESTS, tests.partners, environment="acme"
        )
        token = self.services.tokens.create(transaction, SYSTEM, grant).reveal()
        self.headers["tests"] = {"Authorization": f"Bearer {token}"}
        self.headers["reader"] = {"Authorization": f"Bearer {self.codes['operator']}"}

    def _account(self, transaction: Transaction, name: str) -> Account:
        accounts = self.services.people.parts.accounts
        kind = ActorKind.OPERATOR if name == "enrolling" else KINDS.get(name, ActorKind.MEMBER)
        # Nobody but the one who is enrolling comes in by a password, so nobody else must enrol.
        made = Account(
            id=f"acc_{name}",
            login=name,
            title=name.capitalize(),
            kind=kind,
            has_password=False,
            has_totp=False,
            is_declared=False,
            created_at=START,
        )
        accounts.insert(transaction, made)
        if name == "enrolling":
            accounts.update(transaction, made.id, password_hash="x")  # noqa: S106 - fits nothing
        if name in ROLES:
            partner, role = ROLES[name]
            origin = MembershipOrigin.INVITATION
            accounts.join(transaction, made.id, partner, role=role, origin=origin)
        found = accounts.by_id(transaction, made.id)
        assert found is not None
        return found

    def _begin(self) -> None:
        services = self.services
        leaver = services.tokens.authenticate(self.codes["leaver"])
        assert leaver is not None
        assert leaver.token is not None
        run = services.environments.deploy(OPERATOR, "acme")
        with services.database.transaction() as transaction:
            ArtifactStore().put(
                OPERATOR,
                transaction,
                run.id,
                "junit.xml",
                media_type="a/b",
                data=b"<testsuite/>",
                at=START,
            )
        request = InvitationRequest("newcomer", "New", ActorKind.MEMBER, "acme", Role.VIEWER)
        invited = services.accounts.invite(OPERATOR, request)
        device = services.devices.begin("a program")
        self.names |= {
            "run_id": run.id,
            "token": leaver.token,
            "invitation": invited.invitation.id,
            "code": invited.code.reveal(),
        }
        self.codes |= {"device": device.device.reveal(), "user_code": device.user_code}


async def _ask(
    app: FastAPI, method: str, address: str, headers: Mapping[str, str], content: bytes
) -> Answer:
    path, _, query = address.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        "client": ("192.0.2.7", 1),
        "server": (HOST, 443),
        "state": {},
    }
    events: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    given = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> dict[str, object]:
        if given:
            return given.pop()
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        await events.put(message)

    task = asyncio.create_task(app(scope, receive, send))  # type: ignore[arg-type]
    try:
        return await asyncio.wait_for(_answer(events), 20)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _answer(events: "asyncio.Queue[dict[str, object]]") -> Answer:
    start = await events.get()
    raw: list[tuple[bytes, bytes]] = start["headers"]  # type: ignore[assignment]
    headers = {name.decode(): value.decode() for name, value in raw}
    status, body = int(str(start["status"])), b""
    while not headers.get("content-type", "").startswith("text/event-stream"):
        message = await events.get()
        body += message.get("body", b"")  # type: ignore[operator]
        if not message.get("more_body"):
            break
    return Answer(status, headers, body.decode(errors="replace"))
