"""Inference cost of a network: latency and throughput in each runtime, precision and threads."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from cnncompare.errors import ModelError, first_line
from cnncompare.models.speed.runtimes import Runner, Runtimes, Variant
from cnncompare.models.speed.timing import Clock, best_throughput, measure_latency

WARM_UP = {"cpu": 3, "cuda": 12}  # calls that are not timed; a GPU first chooses its kernels


@dataclass(frozen=True)
class InferenceTiming:
    """Latency for one image and throughput at the best batch size of one variant.

    Without a measurement the numbers are None and `reason` says why.
    """

    runtime: str
    precision: str
    threads: int
    latency_s: float | None = None  # median
    latency_p95_s: float | None = None
    calls: int | None = None  # timed for the latency
    images_per_s: float | None = None
    batch_size: int | None = None  # with the highest throughput
    reason: str | None = None


@dataclass(frozen=True)
class InferencePlan:
    """Runtimes and precisions to measure, and the seconds of each timing."""

    runtimes: Sequence[str]
    precisions: Sequence[str]
    seconds: float

    def variants(self, device: torch.device) -> Iterator[Variant]:
        """Yield the variants: on a CPU with one thread and with all threads of the process."""
        every = torch.get_num_threads()
        threads = sorted({1, every}) if device.type == "cpu" else [every]
        for precision in self.precisions:
            for runtime in self.runtimes:
                for n in threads:
                    yield Variant(runtime, precision, n)


def measure_inference(
    network: nn.Module,
    name: str,
    image_shape: tuple[int, int, int],
    plan: InferencePlan,
    *,
    device: torch.device,
    channels_last: bool = False,
    clock: Clock | None = None,
    announce: Callable[[Variant], object] = lambda variant: None,
) -> list[InferenceTiming]:
    """Return the timings of all variants of `network`, which is left unchanged.

    `image_shape` is (channels, height, width). `announce` is called before each variant.
    """
    runtimes = Runtimes(network, name, image_shape, device, channels_last)
    timings = []
    for variant in plan.variants(device):
        announce(variant)
        timings.append(_timing(runtimes, variant, plan.seconds, clock))
    return timings


def _timing(
    runtimes: Runtimes, variant: Variant, seconds: float, clock: Clock | None
) -> InferenceTiming:
    settings = (variant.runtime, variant.precision, variant.threads)
    try:
        runner = runtimes.runner(variant)
        return _measured(runner, variant, seconds, WARM_UP.get(runtimes.device.type, 3), clock)
    except ModelError as error:
        return InferenceTiming(*settings, reason=first_line(error))
    except Exception as error:  # of a compiler, an operator without this precision, of memory
        reason = f"{type(error).__name__}: {first_line(error)}"[:200]
        return InferenceTiming(*settings, reason=reason)


def _measured(
    runner: Runner, variant: Variant, seconds: float, warm_up: int, clock: Clock | None
) -> InferenceTiming:
    threads = variant.threads
    latency = measure_latency(
        runner, runner.batch(1), threads=threads, seconds=seconds, warm_up=warm_up, clock=clock
    )
    best = best_throughput(
        runner, runner.batch, threads=threads, seconds=seconds, warm_up=warm_up, clock=clock
    )
    return InferenceTiming(
        variant.runtime,
        variant.precision,
        threads,
        latency.median_s,
        latency.p95_s,
        latency.calls,
        best.images_per_s,
        best.batch_size,
    )
