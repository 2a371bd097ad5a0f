"""Measurement of variants in alternating rounds, and the ratios within rounds; imports no torch."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Generic, Literal, TypeVar

from cnncompare.errors import CnncompareError, first_line

T = TypeVar("T")
MIN_ROUNDS = 2  # measured even if the time budget is spent: a range needs them


@dataclass
class RoundResults(Generic[T]):
    """Measurements of each variant by round, and the errors of those that failed."""

    series: dict[str, list[T | None]]  # None where the variant failed
    failures: dict[str, str] = field(default_factory=dict)


def alternate(
    variants: Mapping[str, Callable[[], T]],
    *,
    rounds: int,
    budget_s: float = float("inf"),
    clock: Callable[[], float] = time.monotonic,
) -> RoundResults[T]:
    """Measure every variant once per round, in reverse order in every second round.

    Once `budget_s` is spent no further round begins, but at least MIN_ROUNDS are measured. A
    variant that raises an exception is not measured again.
    """
    results: RoundResults[T] = RoundResults({name: [] for name in variants})
    deadline = clock() + budget_s
    for number in range(rounds):
        if number >= MIN_ROUNDS and clock() >= deadline:
            break
        names = list(variants)[:: 1 if number % 2 == 0 else -1]
        for name in names:
            results.series[name].append(_measure(name, variants[name], results.failures))
    return results


def _measure(name: str, variant: Callable[[], T], failures: dict[str, str]) -> T | None:
    if name in failures:
        return None
    try:
        return variant()
    except Exception as error:
        failures[name] = error_line(error)
        return None


def error_line(error: Exception) -> str:
    """Return the first line of the message, after the type unless it is an error of cnncompare."""
    line = first_line(error)
    return line if isinstance(error, CnncompareError) else f"{type(error).__name__}: {line}"


@dataclass(frozen=True)
class Goal:
    """Target for the ratio of a row, or for the number itself in a row without another side."""

    value: float
    sense: Literal["at least", "at most"]

    def reached(self, value: float) -> bool:
        """Return whether `value` is on the right side of the goal."""
        return value >= self.value if self.sense == "at least" else value <= self.value

    def __str__(self) -> str:
        return f"{self.sense} {self.value:g}"


@dataclass(frozen=True)
class BenchRow:
    """A row of results: medians, and the ratio ours / other within rounds.

    `ratio` is the median over the rounds, `ratio_low` and `ratio_high` are the smallest and the
    largest, `n` is the number of rounds. A value that was not measured is None, for the `reason`
    given. `estimate` holds values that were derived and not measured.
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


def ratio_row(
    name: str, ours: Sequence[float | None], other: Sequence[float | None], goal: Goal | None
) -> BenchRow:
    """Return the row of two variants, without the rounds in which one of them failed."""
    pairs = [(a, b) for a, b in zip(ours, other, strict=True) if a is not None and b is not None]
    if not pairs:
        return BenchRow(name, goal=goal, reason="no round was completed")
    ratios = [a / b for a, b in pairs]
    return BenchRow(
        name,
        ours=median(a for a, _ in pairs),
        other=median(b for _, b in pairs),
        ratio=median(ratios),
        ratio_low=min(ratios),
        ratio_high=max(ratios),
        n=len(pairs),
        goal=goal,
    )


def single_row(name: str, values: Sequence[float | None], goal: Goal | None) -> BenchRow:
    """Return the row of one variant, which is compared with no other."""
    measured = [value for value in values if value is not None]
    if not measured:
        return BenchRow(name, goal=goal, reason="no round was completed")
    return BenchRow(name, ours=median(measured), n=len(measured), goal=goal)
