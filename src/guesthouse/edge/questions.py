"""What gateways ask about requests: worked out once for all who ask it at the same time."""

import datetime as dt
import math
from dataclasses import dataclass
from typing import Annotated, Final, cast

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from guesthouse.gateway.model import Answer, Presented
from guesthouse.gateway.service import AuthorisationService
from guesthouse.kit.clock import Clock
from guesthouse.kit.singleflight import SingleFlight

JOINABLE: Final = dt.timedelta(milliseconds=100)
"""The relay allows so much, too: it asks anew each 2 s and waits 2.5 s for what it is told."""
OUT_WITHIN_SECONDS: Final = 5
"""Whoever was revoked is out by then, counted from the beginning of the last decision for them."""
NGINX_SECONDS: Final = 2
"""nginx counts whole seconds and keeps an answer through the last one. One more second lets all
but one go on while that one asks anew."""


@dataclass(frozen=True)
class Question:
    """Whether requests like this one pass."""

    presented: Presented
    environment: str
    route: str


@dataclass(frozen=True)
class Decided:
    """An answer, and how long it may be kept."""

    answer: Answer
    max_age: int
    """Whole seconds as nginx counts them, 2 by rule; 0 where it came too late to be kept."""


class Questions:
    """Answers gateways.

    When a kept answer has run out, nginx asks anew for each request that is there, and a browser
    or a load test sends dozens together.
    """

    def __init__(self, authorisation: AuthorisationService, clock: Clock) -> None:
        self._authorisation = authorisation
        self._clock = clock
        self._flights: SingleFlight[Question, Decided] = SingleFlight(clock, joinable=JOINABLE)

    async def ask(self, question: Question) -> Decided:
        """Return whether a request passes, see `AuthorisationService.authorise`."""
        return await self._flights.ask(question, lambda: self._decide(question))

    async def _decide(self, question: Question) -> Decided:
        begun = self._clock.monotonic()
        answer = await run_in_threadpool(
            self._authorisation.authorise,
            question.presented,
            environment=question.environment,
            route=question.route,
        )
        left = OUT_WITHIN_SECONDS - NGINX_SECONDS - (self._clock.monotonic() - begun)
        return Decided(answer, max(0, math.ceil(left) - 1))


async def questions_of(request: Request) -> Questions:
    """Return what the application answers gateways with."""
    return cast("Questions", request.app.state.questions)


Answering = Annotated[Questions, Depends(questions_of)]
