"""Latency of a call for one image, and throughput over batch sizes, by torch.utils.benchmark."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # its import loads torch's compiler of extensions, which trainings do not need
    from torch.utils.benchmark import Timer

Call = Callable[[Any], object]
"""A function of a batch."""
Clock = Callable[[], float]
"""Seconds; it waits until the device has finished all work queued on it."""

BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
FEWEST_CALLS = 5  # timed for a latency
SINGLE_CALLS = 200  # at most, of a call that is so short that blocks of calls are timed first
LONGEST_BATCH_S = 2.0  # no larger batch is tried
PATIENCE = 2  # batch sizes without a higher throughput, after which no larger one is tried


@dataclass(frozen=True)
class Latency:
    """Seconds of a call for one image: median and 95th percentile over `calls` calls."""

    median_s: float
    p95_s: float
    calls: int


@dataclass(frozen=True)
class Throughput:
    """The highest throughput found, and its batch size."""

    images_per_s: float
    batch_size: int


def measure_latency(
    call: Call, image: Any, *, threads: int, seconds: float, warm_up: int, clock: Clock | None
) -> Latency:
    """Time calls with one image, each on its own, for about `seconds`.

    `warm_up` calls are not timed. Without a `clock`, that of torch.utils.benchmark is used, which
    synchronises with a GPU.
    """
    timer = _timer(call, image, threads, clock)
    timer.timeit(warm_up)
    block = timer.blocked_autorange(min_run_time=seconds)
    if block.number_per_run > 1:  # the mean of several calls hides the slow ones
        n = max(FEWEST_CALLS, min(SINGLE_CALLS, round(seconds / block.median)))
        times = [timer.timeit(1).median for _ in range(n)]
    else:
        times = block.times
        while len(times) < FEWEST_CALLS:
            times = times + timer.blocked_autorange(min_run_time=seconds).times
    return Latency(float(np.median(times)), float(np.percentile(times, 95)), len(times))


def best_throughput(
    call: Call,
    batch_of: Callable[[int], Any],
    *,
    threads: int,
    seconds: float,
    warm_up: int,
    clock: Clock | None,
) -> Throughput:
    """Try batches of 1, 2, 4 and so on for about `seconds` each, and return the best.

    The search ends when larger batches are not faster, take too long or do not fit into memory.
    Raises an error of `call` for a batch of one image.
    """
    found = [_rate(call, batch_of, BATCH_SIZES[0], threads, seconds, warm_up, clock)]
    with suppress(Exception):  # too little memory; each runtime has its own type
        for size in BATCH_SIZES[1:]:
            if found[-1].batch_size / found[-1].images_per_s > LONGEST_BATCH_S:
                break
            if len(found) - found.index(_best(found)) > PATIENCE:
                break
            found.append(_rate(call, batch_of, size, threads, seconds, warm_up, clock))
    return _best(found)


def _best(found: list[Throughput]) -> Throughput:
    return max(found, key=lambda throughput: throughput.images_per_s)


def _rate(
    call: Call,
    batch_of: Callable[[int], Any],
    size: int,
    threads: int,
    seconds: float,
    warm_up: int,
    clock: Clock | None,
) -> Throughput:
    timer = _timer(call, batch_of(size), threads, clock)
    timer.timeit(warm_up)
    return Throughput(size / timer.blocked_autorange(min_run_time=seconds).median, size)


def _timer(call: Call, batch: Any, threads: int, clock: Clock | None) -> "Timer":
    from torch.utils.benchmark import Timer

    own: dict[str, Any] = {} if clock is None else {"timer": clock}
    names = {"call": call, "batch": batch}
    return Timer("call(batch)", globals=names, num_threads=threads, **own)
