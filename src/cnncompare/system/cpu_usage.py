"""How much of the machine a run had for itself: other processes' CPU time, the GPU's clock."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import psutil


class CpuTimes(NamedTuple):
    """Seconds since some moment, summed over the cores that this process may use."""

    busy: float  # by any process, a hypervisor's other guests included
    own: float  # by this process and its descendants
    all: float  # that there were


class OtherWork:
    """Tells what share of the cores other processes used since `start`."""

    def __init__(self, read: Callable[[], CpuTimes | None]) -> None:
        self._read = read
        self._started: CpuTimes | None = None

    def start(self) -> None:
        """Begin anew."""
        self._started = self._read()

    def share(self) -> float | None:
        """Return the share since the start, in [0, 1]; None where it cannot be known."""
        now, before = self._read(), self._started
        if now is None or before is None or now.all <= before.all:
            return None
        others = (now.busy - before.busy) - (now.own - before.own)
        return min(1.0, max(0.0, others / (now.all - before.all)))


def cpu_times() -> CpuTimes | None:
    """Return the times up to now; None where they cannot be read, or not told apart.

    The system counts in hundredths of a second, so the share of a short epoch is a rough one.
    Of processes that torchrun or Slurm started beside this one it cannot say that they are ours.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ or int(os.environ.get("SLURM_NTASKS", 1)) > 1:
        return None
    try:
        cores = psutil.cpu_times(percpu=True)
        if hasattr(os, "sched_getaffinity"):
            cores = [cores[number] for number in os.sched_getaffinity(0)]
        return CpuTimes(
            busy=sum(_busy(core) for core in cores),
            own=_own(psutil.Process()),
            all=sum(_busy(core) + core.idle + getattr(core, "iowait", 0.0) for core in cores),
        )
    except (psutil.Error, OSError, IndexError):
        return None


def _busy(core: Any) -> float:
    names = ("user", "nice", "system", "irq", "softirq", "steal")  # guest is part of user
    return sum(getattr(core, name, 0.0) for name in names)


def _own(process: psutil.Process) -> float:
    """Return the CPU seconds of the process, of its children, and of those that have ended."""
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        try:
            total += sum(each.cpu_times()[:4])  # user, system, and both of ended children
        except psutil.NoSuchProcess:
            continue
    return total
