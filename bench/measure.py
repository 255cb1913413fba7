"""Samples, taken in turns, and the row that becomes of them."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

LIMIT_SECONDS = 1200


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    id: str
    what: str
    n: int
    median: float
    """Seconds, ours."""
    p95: float
    target: str
    met: bool
    against: float | None = None
    """Seconds, by hand; None where the target is no ratio."""
    ratio: float | None = None


@dataclass
class Pair:
    """Seconds of both ways, one sample each in turns: what the machine does besides hits both."""

    ours: list[float] = field(default_factory=list)
    by_hand: list[float] = field(default_factory=list)

    def row(self, name: str, what: str, *, at_most: float) -> Row:
        """Return the row; the ratio is that of the medians."""
        against = statistics.median(self.by_hand)
        ratio = statistics.median(self.ours) / against
        return Row(
            id=name,
            what=what,
            n=len(self.ours),
            median=round(statistics.median(self.ours), 3),
            p95=round(p95(self.ours), 3),
            target=f"≤ {at_most:g} x",
            met=ratio <= at_most,
            against=round(against, 3),
            ratio=round(ratio, 3),
        )


def interleaved(times: int, ours: Callable[[int], float], by_hand: Callable[[int], float]) -> Pair:
    """Measure both ways in turns; every other round begins with the other one.

    Args:
        times: Samples of each.
        ours: Takes the number of the round, returns seconds.
        by_hand: Likewise.
    """
    pair = Pair()
    for number in range(times):
        turns = [(ours, pair.ours), (by_hand, pair.by_hand)]
        for measure, seconds in turns if number % 2 == 0 else reversed(turns):
            seconds.append(measure(number))
    return pair


def absolute(name: str, what: str, seconds: list[float], *, at_most: float) -> Row:
    """Return a row whose target is a time."""
    median = statistics.median(seconds)
    return Row(
        id=name,
        what=what,
        n=len(seconds),
        median=round(median, 3),
        p95=round(p95(seconds), 3),
        target=f"≤ {at_most:g} s",
        met=median <= at_most,
    )


def p95(seconds: list[float]) -> float:
    """Return the time that one in twenty exceeds; of few samples, the worst."""
    return percentile(seconds, 95)


def percentile(seconds: list[float], rank: int) -> float:
    """Return the time that so many of a hundred do not exceed; of few samples, the worst."""
    return sorted(seconds)[max(0, -(-len(seconds) * rank // 100) - 1)]


def timed(action: Callable[[], object]) -> float:
    """Return how many seconds something takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
