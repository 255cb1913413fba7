"""What gateways ask about requests: worked out once for all who ask it at the same time."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Final, cast

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from guesthouse.gateway.model import Answer, Presented
from guesthouse.gateway.service import AuthorisationService
from guesthouse.kit.clock import Clock
from guesthouse.kit.singleflight import SingleFlight

JOINABLE: Final = dt.timedelta(milliseconds=500)
"""With the 4 s that a gateway keeps an answer, whoever was revoked is out within 5 s."""


@dataclass(frozen=True)
class Question:
    """Whether requests like this one pass."""

    presented: Presented
    environment: str
    route: str


class Questions:
    """Answers gateways.

    When a kept answer has run out, nginx asks anew for each request that is there, and a browser
    or a load test sends dozens together.
    """

    def __init__(self, authorisation: AuthorisationService, clock: Clock) -> None:
        self._authorisation = authorisation
        self._flights: SingleFlight[Question, Answer] = SingleFlight(clock, joinable=JOINABLE)

    async def ask(self, question: Question) -> Answer:
        """Return whether a request passes, see `AuthorisationService.authorise`."""
        return await self._flights.ask(question, lambda: self._work_out(question))

    async def _work_out(self, question: Question) -> Answer:
        return await run_in_threadpool(
            self._authorisation.authorise,
            question.presented,
            environment=question.environment,
            route=question.route,
        )


async def questions_of(request: Request) -> Questions:
    """Return what the application answers gateways with."""
    return cast("Questions", request.app.state.questions)


Asked = Annotated[Questions, Depends(questions_of)]
