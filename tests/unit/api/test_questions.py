"""What gateways ask together: decided once, for each caller themselves, and kept for how long."""

import asyncio
import dataclasses
import datetime as dt
import threading

import pytest
from typing_extensions import override

from guesthouse.edge.questions import JOINABLE, OUT_WITHIN_SECONDS, Decided, Question, Questions
from guesthouse.gateway.model import Answer, Decision, Identity, Presented
from guesthouse.gateway.service import AuthorisationService
from tests.fakes.clock import FakeClock
from tests.fakes.services import FakeServices
from tests.unit.gateway.relay import part

LIMIT = 10.0
QUESTION = Question(Presented("Bearer one"), "acme", "app")
OTHERS = {
    "token": Question(Presented("Bearer two"), "acme", "app"),
    "cookie": Question(Presented("Bearer one", "cookie"), "acme", "app"),
    "cookie-alone": Question(Presented("", "Bearer one"), "acme", "app"),
    "environment": Question(Presented("Bearer one"), "other", "app"),
    "route": Question(Presented("Bearer one"), "acme", "api"),
}


def user(question: Question) -> str:
    shown = question.presented
    return f"{shown.authorization}|{shown.cookie}|{question.environment}|{question.route}"


class Held(AuthorisationService):
    """Names who asked what, once it may and has taken its time; says how often it was asked."""

    def __init__(self, services: FakeServices, clock: FakeClock) -> None:
        super().__init__(services.database, services.tokens)
        self.may_answer = threading.Event()
        self.takes = dt.timedelta()
        self.asked = 0
        self._clock = clock

    @override
    def authorise(self, presented: Presented, *, environment: str, route: str) -> Answer:
        self.asked += 1
        assert self.may_answer.wait(LIMIT)
        self._clock.advance(self.takes)
        question = Question(presented, environment, route)
        return Answer(Decision.ALLOWED, Identity(user(question), "viewer"))


@pytest.fixture
def time() -> FakeClock:
    return FakeClock()


@pytest.fixture
def held(services: FakeServices, time: FakeClock) -> Held:
    return Held(services, time)


@pytest.fixture
def questions(held: Held, time: FakeClock) -> Questions:
    return Questions(held, time)


async def asked(questions: Questions, question: Question) -> asyncio.Task[Decided]:
    """Ask, and return once that waits for the decision."""
    asking = asyncio.ensure_future(questions.ask(question))
    for _ in range(5):
        await asyncio.sleep(0)
    return asking


async def told(held: Held, asking: list[asyncio.Task[Decided]]) -> list[str]:
    """Let it answer, and return whom each was told they are."""
    held.may_answer.set()
    answers = [decided.answer for decided in await asyncio.gather(*asking)]
    return [answer.identity.user for answer in answers if answer.identity]


async def test_who_ask_together_cost_one_decision(held: Held, questions: Questions) -> None:
    asking = [await asked(questions, QUESTION) for _ in range(32)]
    assert await told(held, asking) == [user(QUESTION)] * 32
    assert held.asked == 1


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
async def test_who_ask_something_else_are_told_something_else(
    held: Held, questions: Questions, other: Question
) -> None:
    both = [QUESTION, other]
    asking = [await asked(questions, question) for question in both + both]
    assert await told(held, asking) == [user(question) for question in both + both]
    assert held.asked == 2


def test_whatever_a_question_holds_tells_it_from_others() -> None:
    for question in OTHERS.values():
        assert question != QUESTION
    # Each of them differs in one thing: a field that is new here wants a line above.
    named = [field.name for kind in (Question, Presented) for field in dataclasses.fields(kind)]
    assert named == ["presented", "environment", "route", "authorization", "cookie"]


async def test_a_decision_that_has_lasted_is_not_joined(
    held: Held, questions: Questions, time: FakeClock
) -> None:
    asking = [await asked(questions, QUESTION)]
    time.advance(dt.timedelta(milliseconds=90))
    asking.append(await asked(questions, QUESTION))
    time.advance(dt.timedelta(milliseconds=20))
    asking.append(await asked(questions, QUESTION))
    await told(held, asking)
    assert held.asked == 2


def test_whoever_the_relay_watches_is_out_in_time_though_its_question_joins_another() -> None:
    watch = part("watch")
    between = watch.ASK_SECONDS + watch.ANSWER_SECONDS
    assert between + JOINABLE.total_seconds() < OUT_WITHIN_SECONDS


@pytest.mark.parametrize(
    ("took", "kept"), [(0, 2), (0.9, 2), (1, 1), (1.9, 1), (2, 0), (2.9, 0), (60, 0)]
)
async def test_whoever_is_revoked_is_out_in_time_however_long_the_decision_took(
    held: Held, questions: Questions, took: float, kept: int
) -> None:
    held.takes = dt.timedelta(seconds=took)
    held.may_answer.set()
    decided = await questions.ask(QUESTION)
    assert decided.max_age == kept
    # nginx keeps it through its last second, and for others through the one they ask anew in.
    longest = took + kept + 2
    assert longest <= OUT_WITHIN_SECONDS == 5 or not kept
