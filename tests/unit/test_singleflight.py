"""What is shared, with whom, and for how long."""

import asyncio
import datetime as dt
import gc

import pytest

from guesthouse.kit.singleflight import SingleFlight
from tests.fakes.clock import FakeClock

JOINABLE = dt.timedelta(seconds=1)
TURNS = 5
"""More than anything here takes until it waits."""


class Work:
    """Is at it until it may end; answers how often it was begun by then."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()
        self._failure = failure

    async def __call__(self) -> int:
        self.begun += 1
        answer = self.begun
        await self.may_end.wait()
        if self._failure is not None:
            raise self._failure
        return answer


class Flights:
    """What is tested, and who asks it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self._flights: SingleFlight[str, int] = SingleFlight(self.clock, joinable=JOINABLE)

    async def asked(self, key: str, work: Work) -> asyncio.Task[int]:
        """Ask, and return once that waits."""
        asking = asyncio.ensure_future(self._flights.ask(key, work))
        await turn()
        return asking


async def turn() -> None:
    """Let whoever can go on do so until they wait."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


@pytest.fixture
def flights() -> Flights:
    return Flights()


async def test_who_ask_the_same_at_once_share_an_answer(flights: Flights) -> None:
    work = Work()
    asked = [await flights.asked("a", work) for _ in range(32)]
    work.may_end.set()
    assert await asyncio.gather(*asked) == [1] * 32


async def test_an_answer_is_not_kept(flights: Flights) -> None:
    work = Work()
    work.may_end.set()
    assert [await (await flights.asked("a", work)) for _ in range(2)] == [1, 2]


async def test_other_questions_have_other_answers(flights: Flights) -> None:
    work = Work()
    asked = [await flights.asked(key, work) for key in ("a", "b")]
    work.may_end.set()
    assert await asyncio.gather(*asked) == [1, 2]


async def test_nobody_joins_what_began_too_long_ago(flights: Flights) -> None:
    work = Work()
    asked = [await flights.asked("a", work)]
    flights.clock.advance(JOINABLE)
    asked.append(await flights.asked("a", work))
    flights.clock.advance(dt.timedelta(milliseconds=1))
    asked += [await flights.asked("a", work) for _ in range(2)]
    work.may_end.set()
    assert await asyncio.gather(*asked) == [1, 1, 2, 2]


async def test_what_took_too_long_does_not_end_what_followed_it(flights: Flights) -> None:
    old, new = Work(), Work()
    first = await flights.asked("a", old)
    flights.clock.advance(2 * JOINABLE)
    followed = [await flights.asked("a", new)]
    old.may_end.set()
    await first
    followed.append(await flights.asked("a", new))
    new.may_end.set()
    assert (await asyncio.gather(*followed), new.begun) == ([1, 1], 1)


async def test_a_failure_is_everybodys_and_the_next_one_asks_anew(flights: Flights) -> None:
    broken, whole = Work(OSError("away")), Work()
    asked = [await flights.asked("a", broken) for _ in range(2)]
    broken.may_end.set()
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert ([str(failure) for failure in found], broken.begun) == (["away", "away"], 1)
    whole.may_end.set()
    assert await (await flights.asked("a", whole)) == 1


async def test_who_gives_up_leaves_the_others_their_answer(flights: Flights) -> None:
    work = Work()
    gone, other = [await flights.asked("a", work) for _ in range(2)]
    gone.cancel()
    await turn()
    work.may_end.set()
    assert await other == 1
    assert gone.cancelled()


async def test_a_failure_nobody_waits_for_is_no_error_of_the_loop(flights: Flights) -> None:
    unheard: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, about: unheard.append(about))
    broken = Work(OSError("away"))
    gone = await flights.asked("a", broken)
    gone.cancel()
    await turn()
    broken.may_end.set()
    await turn()
    del gone
    gc.collect()
    assert not unheard
