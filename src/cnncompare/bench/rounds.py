"""Rounds: variants that take turns, and the ratios between them, round by round; no torch."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Generic, Literal, TypeVar

from cnncompare.errors import CnncompareError

T = TypeVar("T")
FEWEST = 2  # rounds that are made although the time is over: a spread needs them


@dataclass
class Laps(Generic[T]):
    """What each variant did in each round, and why one that failed did."""

    series: dict[str, list[T | None]]  # None where the variant failed
    failures: dict[str, str] = field(default_factory=dict)


def alternate(
    variants: Mapping[str, Callable[[], T]],
    *,
    rounds: int,
    budget_s: float = float("inf"),
    clock: Callable[[], float] = time.monotonic,
) -> Laps[T]:
    """Let every variant take a turn in each round, in the other direction every second round.

    Fewer rounds, but at least FEWEST, are made when `budget_s` is over. A variant that raises is
    left out from then on.
    """
    laps: Laps[T] = Laps({name: [] for name in variants})
    until = clock() + budget_s
    for number in range(rounds):
        if number >= FEWEST and clock() >= until:
            break
        names = list(variants)[:: 1 if number % 2 == 0 else -1]
        for name in names:
            laps.series[name].append(_turn(name, variants[name], laps.failures))
    return laps


def _turn(name: str, turn: Callable[[], T], failures: dict[str, str]) -> T | None:
    if name in failures:
        return None
    try:
        return turn()
    except Exception as error:
        failures[name] = one_line(error)
        return None


def one_line(error: Exception) -> str:
    """Return the first line of what went wrong; the type too, unless the message is for people."""
    lines = str(error).strip().splitlines() or [""]
    told = isinstance(error, CnncompareError)
    return lines[0] if told else f"{type(error).__name__}: {lines[0]}"


@dataclass(frozen=True)
class Goal:
    """What a ratio is to reach; of a row without another side, what its own number is."""

    value: float
    sense: Literal["at least", "at most"]

    def reached(self, value: float) -> bool:
        """Return whether `value` is on the right side of the goal."""
        return value >= self.value if self.sense == "at least" else value <= self.value

    def __str__(self) -> str:
        return f"{self.sense} {self.value:g}"


@dataclass(frozen=True)
class Row:
    """One line of the result: medians, and the ratio ours / other of each round.

    `ratio` is the rounds' median, `ratio_low` and `ratio_high` their smallest and largest, `n`
    the rounds. What was not measured is None, and `reason` says why. An estimate, which rests on
    more than the measured, stands apart from it.
    """

    name: str
    ours: float | None = None
    other: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    n: int = 0
    goal: Goal | None = None
    reason: str | None = None
    estimate: dict[str, float | str] | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None without a goal or a number."""
        value = self.ours if self.other is None else self.ratio
        return None if self.goal is None or value is None else self.goal.reached(value)


def compare(
    name: str, ours: Sequence[float | None], other: Sequence[float | None], goal: Goal | None
) -> Row:
    """Return the row of two variants; rounds in which one of them failed do not count."""
    pairs = [(a, b) for a, b in zip(ours, other, strict=True) if a is not None and b is not None]
    if not pairs:
        return Row(name, goal=goal, reason="no round was completed")
    ratios = [a / b for a, b in pairs]
    return Row(
        name,
        ours=median(a for a, _ in pairs),
        other=median(b for _, b in pairs),
        ratio=median(ratios),
        ratio_low=min(ratios),
        ratio_high=max(ratios),
        n=len(pairs),
        goal=goal,
    )


def alone(name: str, values: Sequence[float | None], goal: Goal | None) -> Row:
    """Return the row of a number that stands for itself."""
    measured = [value for value in values if value is not None]
    if not measured:
        return Row(name, goal=goal, reason="no round was completed")
    return Row(name, ours=median(measured), n=len(measured), goal=goal)
