"""Latency and throughput against an injected clock, whose calls have known durations."""

from collections.abc import Callable, Iterator
from itertools import chain, cycle, repeat
from typing import Any

import numpy as np
import pytest

from cnncompare.models.speed.timing import (
    FEWEST_CALLS,
    SINGLE_CALLS,
    Throughput,
    best_throughput,
    measure_latency,
)


class Work:
    """Calls that take known times on a clock of their own, and the sizes of their batches."""

    def __init__(self, duration: Callable[[Any], float]) -> None:
        self.now_s = 0.0
        self.batches: list[Any] = []
        self.duration = duration

    def __call__(self, batch: Any) -> None:
        self.batches.append(batch)
        self.now_s += self.duration(batch)

    def clock(self) -> float:
        return self.now_s


def taking(durations: Iterator[float]) -> Work:
    return Work(lambda batch: next(durations))


def test_a_latency_is_the_median_of_single_calls_after_the_warm_up() -> None:
    """The warm-up takes 100 s a call, then 18 of 20 calls take 1 s and two take 3 s."""
    slow_start = repeat(100.0, 4)
    work = taking(chain(slow_start, repeat(1.0, 1), cycle([1.0] * 9 + [3.0])))
    found = measure_latency(work, "image", threads=1, seconds=24, warm_up=2, clock=work.clock)
    assert found.calls == 20
    assert found.median_s == 1.0
    assert found.p95_s == pytest.approx(np.percentile([1.0] * 18 + [3.0] * 2, 95))
    assert set(work.batches) == {"image"}


def test_a_slow_call_is_timed_five_times() -> None:
    work = taking(repeat(60.0))
    found = measure_latency(work, None, threads=1, seconds=0.5, warm_up=1, clock=work.clock)
    assert (found.calls, found.median_s, found.p95_s) == (FEWEST_CALLS, 60.0, 60.0)


def test_calls_that_are_too_short_for_blocks_are_timed_one_by_one() -> None:
    """Every tenth call takes ten times as long, which the mean of a block would hide."""
    work = taking(cycle([1e-5] * 9 + [1e-4]))
    found = measure_latency(work, None, threads=1, seconds=0.1, warm_up=1, clock=work.clock)
    assert found.calls == SINGLE_CALLS
    assert found.median_s == pytest.approx(1e-5)
    assert found.p95_s == pytest.approx(1e-4)


def throughput_of(duration: Callable[[int], float]) -> tuple[Throughput, Work]:
    work = Work(duration)
    found = best_throughput(
        work, lambda size: size, threads=1, seconds=1.0, warm_up=1, clock=work.clock
    )
    return found, work


def test_the_best_batch_size_is_found() -> None:
    """0.01 s for a batch and 0.001 s for an image; above 32, an image takes 0.002 s."""
    best, work = throughput_of(lambda size: 0.01 + size * (0.001 if size <= 32 else 0.002))
    assert best.batch_size == 32
    assert best.images_per_s == pytest.approx(32 / 0.042)
    assert set(work.batches) == {1, 2, 4, 8, 16, 32, 64, 128}  # two sizes without a gain


def test_the_largest_batch_is_the_best_of_a_fixed_cost() -> None:
    best, _ = throughput_of(lambda size: 0.05)
    assert (best.batch_size, best.images_per_s) == (256, pytest.approx(256 / 0.05))


def test_batches_that_take_too_long_are_not_tried() -> None:
    best, work = throughput_of(lambda size: 1.0 + size)
    assert (best.batch_size, best.images_per_s) == (2, pytest.approx(2 / 3))
    assert max(work.batches) == 2


def test_batches_that_do_not_fit_into_memory_end_the_search() -> None:
    def limited(size: int) -> float:
        if size > 8:
            raise MemoryError
        return 0.1

    best, _ = throughput_of(limited)
    assert (best.batch_size, best.images_per_s) == (8, pytest.approx(80))


def test_an_error_for_one_image_is_raised() -> None:
    def fails(size: int) -> float:
        raise ValueError("no kernel")

    with pytest.raises(ValueError, match="no kernel"):
        throughput_of(fails)
