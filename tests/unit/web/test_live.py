"""Open pages are told that something changed, and only if they see it."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from typing_extensions import override

from guesthouse.edge.access import Unauthenticated
from guesthouse.environments.model import EnvironmentState, Standing
from guesthouse.people import Scope
from guesthouse.web.live import (
    KEPT_DIGESTS,
    MAX_TOPICS,
    NEWEST_RUNS,
    Glance,
    LiveStream,
    Pulse,
    topics_of,
)
from tests.fakes.clock import FakeClock
from tests.fakes.services import MEMBER, OPERATOR, OUTSIDER, FakeServices


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("environments", ("environments",)),
        ("runs,environments", ("runs", "environments")),
        ("runs,runs", ("runs",)),
        ("environment:acme", ("environment:acme",)),
        ("environment:,runs:x,secrets,\nevent: x", ()),
        (
            ",".join(f"environment:{n}" for n in range(9)),
            tuple(f"environment:{n}" for n in range(4)),
        ),
    ],
)
def test_topics_are_those_we_know(text: str, expected: tuple[str, ...]) -> None:
    assert topics_of(text) == expected
    assert len(expected) <= MAX_TOPICS


READY, FAILED = EnvironmentState.READY, EnvironmentState.FAILED


def _glance(acme: EnvironmentState) -> Glance:
    at = FakeClock().now()
    return Glance(
        (
            Standing("acme", "acme", acme, None, at),
            Standing("other", "other", READY, None, at),
        )
    )


BEFORE = _glance(READY)


@pytest.mark.parametrize(
    ("scope", "topic", "changes"),
    [
        (OPERATOR, "environments", True),
        (MEMBER, "environments", True),
        (OUTSIDER, "environments", False),
        (MEMBER, "environment:acme", True),
        (OPERATOR, "environment:other", False),
        (OPERATOR, "runs", False),
    ],
)
def test_a_change_shows_to_those_who_see_it(scope: Scope, topic: str, *, changes: bool) -> None:
    after = _glance(FAILED)
    assert (BEFORE.digest(scope, topic) != after.digest(scope, topic)) is changes


class StoryClock(FakeClock):
    """Does something each time somebody waits, as the world would."""

    def __init__(self, events: list[Callable[[], Any]]) -> None:
        super().__init__()
        self._events = events

    @override
    async def sleep(self, duration: dt.timedelta) -> None:
        await super().sleep(duration)
        if self._events:
            self._events.pop(0)()


async def test_an_event_for_each_change_until_the_session_ends(services: FakeServices) -> None:
    admitted = True

    def end() -> None:
        nonlocal admitted
        admitted = False

    async def readmit() -> Scope:
        if not admitted:
            raise Unauthenticated
        return MEMBER

    clock = StoryClock(
        [
            lambda: None,
            lambda: services.environments.deploy(OPERATOR, "other"),
            lambda: services.environments.deploy(OPERATOR, "acme"),
            lambda: None,
            end,
        ]
    )
    pulse = Pulse(services.environments, services.runs, clock)
    stream = LiveStream(pulse, clock, MEMBER, ("environments", "runs"), readmit)
    events = [event.decode() async for event in stream.events()]
    kinds = [event.splitlines()[0] for event in events if not event.startswith(":")]
    assert kinds == ["event: environments", "event: runs"] * 2
    ended_after = clock.monotonic()
    assert ended_after <= 5 + 5


async def test_runs_of_others_that_push_ours_out_are_no_change_of_ours(
    services: FakeServices,
) -> None:
    ours = services.environments.deploy(OPERATOR, "acme")
    services.runs.cancel(OPERATOR, ours.id)
    pulse = Pulse(services.environments, services.runs, FakeClock())
    async with pulse.watched():
        before = pulse.digest(MEMBER, "runs"), pulse.digest(OPERATOR, "runs")
    for _ in range(NEWEST_RUNS):
        run = services.environments.deploy(OPERATOR, "other")
        services.runs.cancel(OPERATOR, run.id)
    async with pulse.watched():
        assert pulse.digest(MEMBER, "runs") == before[0]
        assert pulse.digest(OPERATOR, "runs") != before[1]


async def test_topics_of_things_that_are_not_there_fill_no_memory(services: FakeServices) -> None:
    pulse = Pulse(services.environments, services.runs, FakeClock())
    async with pulse.watched():
        before = pulse.digest(MEMBER, "runs")
        for number in range(KEPT_DIGESTS + 10):
            pulse.digest(MEMBER, f"environment:none-{number}")
        assert len(pulse._digests) <= KEPT_DIGESTS  # noqa: SLF001 - what fills memory is inside
        assert pulse.digest(MEMBER, "runs") == before
