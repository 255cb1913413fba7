import ast
import asyncio
import sys
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.unit.gateway.relay import FILES, part

request = part("request")
watch = part("watch")
NOW = 1_800_000_000.0
ANSWERED = "Fri, 15 Jan 2027 08:00:00 GMT"
"""The same moment."""
HEADERS = {
    "Host": "app--acme.apps.localhost",
    "X-Guesthouse-Environment": "acme",
    "X-Guesthouse-Route": "app",
    "X-Guesthouse-User": "member",
    "X-Guesthouse-Relay-Upstream": "10.201.1.3:8080",
    "X-Guesthouse-Relay-Control": "https://203.0.113.7:8443 console.example.com",
    "X-Guesthouse-Relay-Authorization": "Bearer secret",
    "X-Guesthouse-Relay-Cookie": "secret",
    "X-Guesthouse-Relay-Admitted": "max-age=3, stale-if-error=60",
    "X-Guesthouse-Relay-Answered": ANSWERED,
    "Upgrade": "websocket",
    "Connection": "upgrade",
}


def head(*more: str, **changed: str | None) -> bytes:
    """Return a request as nginx writes it; a header that is None is left out."""
    headers = {**HEADERS, **{name.replace("_", "-"): value for name, value in changed.items()}}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join(["GET /live?a=b HTTP/1.1", *lines, *more, "", ""]).encode("latin-1")


def test_a_request_says_where_to_and_for_whom() -> None:
    made = request.parse(head(), now=NOW)
    assert (made.address, made.port) == ("10.201.1.3", 8080)
    assert made.kept_seconds == 60
    assert made.question == request.Question(
        control="https://203.0.113.7:8443",
        name="console.example.com",
        environment="acme",
        route="app",
        authorization="Bearer secret",
        cookie="secret",
    )


@pytest.mark.parametrize("sent", ["bearer secret", "BEARER    secret", "Bearer \tsecret"])
def test_a_token_is_one_question_however_it_is_written(sent: str) -> None:
    made = request.parse(head(X_Guesthouse_Relay_Authorization=sent), now=NOW)
    assert made.question == request.parse(head(), now=NOW).question


@pytest.mark.parametrize("sent", ["Basic YTpi", "Digest x", "secret"])
def test_what_is_no_token_is_not_asked_about(sent: str) -> None:
    made = request.parse(head(X_Guesthouse_Relay_Authorization=sent), now=NOW)
    assert made.question.authorization == ""


def test_the_product_gets_the_request_without_what_is_the_relays() -> None:
    passed = request.parse(head("X-Own: 1"), now=NOW).head.decode().split("\r\n")
    kept = {name: value for name, value in HEADERS.items() if "Relay" not in name}
    lines = [f"{name}: {value}" for name, value in kept.items()]
    assert passed == ["GET /live?a=b HTTP/1.1", *lines, "X-Own: 1", "", ""]


def test_what_is_no_websocket_is_one_request_and_no_more() -> None:
    passed = request.parse(head(Upgrade=None, Connection="keep-alive"), now=NOW).head.decode()
    assert passed.count("Connection:") == 1
    assert "Connection: close\r\n" in passed


def test_the_control_plane_is_asked_as_nginx_asks() -> None:
    asked = request.parse(head(), now=NOW).question.request().decode().split("\r\n")
    assert asked == [
        "GET /api/internal/authorise HTTP/1.1",
        "Host: console.example.com",
        "X-Guesthouse-Environment: acme",
        "X-Guesthouse-Route: app",
        "Connection: close",
        "Authorization: Bearer secret",
        "X-Guesthouse-Cookie: secret",
        "",
        "",
    ]


def test_secrets_stand_in_no_text_about_a_question() -> None:
    made = request.parse(head(), now=NOW)
    assert "secret" not in repr(made.question)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(head(X_Guesthouse_Relay_Upstream=None), id="no-upstream"),
        pytest.param(head(X_Guesthouse_Relay_Upstream="product:8080"), id="a-name"),
        pytest.param(head(X_Guesthouse_Relay_Upstream="10.201.1.3"), id="no-port"),
        pytest.param(head(X_Guesthouse_Relay_Upstream="10.201.1.3:x"), id="odd-port"),
        pytest.param(head(X_Guesthouse_Relay_Upstream="::1:80"), id="ipv6"),
        pytest.param(head(X_Guesthouse_Relay_Control=None), id="nobody-to-ask"),
        pytest.param(head(X_Guesthouse_Relay_Control="http://127.0.0.1:1"), id="no-name"),
        pytest.param(head(X_Guesthouse_Environment=None), id="no-environment"),
        pytest.param(head(X_Guesthouse_Route=None), id="no-route"),
        pytest.param(head("x-guesthouse-relay-cookie: mine"), id="twice"),
        pytest.param(head("no colon"), id="no-colon"),
        pytest.param(head("X-Guesthouse-Relay-Cookie : mine"), id="space-before-the-colon"),
        pytest.param(head(" folded: line"), id="folded"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="bare"),
    ],
)
def test_what_nginx_would_not_send_is_refused(sent: bytes) -> None:
    with pytest.raises(request.RequestRefused):
        request.parse(sent, now=NOW)


@pytest.mark.parametrize(
    ("changed", "later", "seconds"),
    [
        pytest.param({}, 0, 60, id="answered-now"),
        pytest.param({}, 45, 15, id="answered-before"),
        pytest.param({}, 3600, 0, id="answered-long-ago"),
        pytest.param({}, -3600, 60, id="clock-set-back"),
        pytest.param({"X_Guesthouse_Relay_Answered": "never"}, 0, 0, id="no-date"),
        pytest.param({"X_Guesthouse_Relay_Answered": None}, 0, 0, id="not-said-when"),
        pytest.param({"X_Guesthouse_Relay_Admitted": "max-age=3"}, 0, 0, id="not-said-how-long"),
        pytest.param({"X_Guesthouse_Relay_Admitted": None}, 0, 0, id="nothing-said"),
    ],
)
def test_nginxs_answer_counts_from_when_it_was_given(
    changed: dict[str, str | None], later: int, seconds: int
) -> None:
    assert request.parse(head(**changed), now=NOW + later).kept_seconds == seconds


def test_it_takes_nothing_but_the_standard_library() -> None:
    names: set[str] = set()
    for file in (FILES / "guesthouse_relay").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(), feature_version=(3, 9))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module or "")
    roots = {name.partition(".")[0] for name in names} - {"guesthouse_relay"}
    assert roots <= set(sys.stdlib_module_names)


@dataclass
class Answers:
    """A control plane that says these one after the other, the last one for ever."""

    given: list[Any]
    asked: int = 0

    async def ask(self, _about: Any) -> tuple[int, float]:  # noqa: ANN401 - see part()
        self.asked += 1
        answer = self.given.pop(0) if len(self.given) > 1 else self.given[0]
        if answer is None:
            raise watch.ControlAway("gone")
        return answer, 60.0


@dataclass
class Wire:
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def transport(self) -> "Wire":
        return self

    def abort(self) -> None:
        self.gone.set()


@dataclass(eq=False)
class Ends:
    """A connection whose ends are seen."""

    downstream: Wire = field(default_factory=Wire)
    upstream: Wire = field(default_factory=Wire)

    def made(self) -> Any:  # noqa: ANN401 - see part()
        return watch.Connection(self.downstream, self.upstream)

    @property
    def are_over(self) -> bool:
        return self.downstream.gone.is_set() and self.upstream.gone.is_set()


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "ASK_SECONDS", 0.0)


def watching(control: Answers, ends: list[Ends], *, kept: float = 60.0) -> Any:  # noqa: ANN401 - see part()
    made = watch.Watch(request.parse(head(), now=NOW).question, control)
    made.connections |= {each.made() for each in ends}
    made.admitted_until = watch.time.monotonic() + kept
    return made


async def _run(made: Any, ends: list[Ends]) -> None:  # noqa: ANN401 - see part()
    """Run until everybody was hung up on, as the relay's connections leave then."""

    async def leave() -> None:
        for each in ends:
            await each.downstream.gone.wait()
        made.connections.clear()

    async with asyncio.timeout(5):
        await asyncio.gather(made.run(), leave())


@pytest.mark.parametrize("status", [401, 403])
async def test_everybody_who_shares_the_credentials_is_hung_up_on(status: int) -> None:
    control, ends = Answers([204, 204, status]), [Ends(), Ends()]
    await _run(watching(control, ends), ends)
    assert all(each.are_over for each in ends)
    assert control.asked == 3, "one question for both"


async def test_an_outage_is_survived_while_the_last_answer_counts() -> None:
    control, ends = Answers([None, None, 204, None, None, 401]), [Ends()]
    await _run(watching(control, ends), ends)
    assert control.asked == 6


async def test_an_outage_longer_than_that_ends_it() -> None:
    control, ends = Answers([None]), [Ends()]
    await _run(watching(control, ends, kept=-1.0), ends)
    assert ends[0].are_over
    assert control.asked == 1


async def test_nobody_stays_whom_nobody_watches() -> None:
    control, ends = Answers([204]), [Ends()]
    made = watching(control, ends)
    task = asyncio.ensure_future(made.run())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert ends[0].are_over
